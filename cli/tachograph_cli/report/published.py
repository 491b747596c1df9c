"""The published rollups of a report: one query, one document for each period."""

from __future__ import annotations

from google.api_core.retry import Retry
from google.cloud import firestore

from tachograph_cli.report.report import Unpublished
from tachograph_schema.documents.rollup import Rollup
from tachograph_schema.paths import FLEETS, ROLLUPS, SHARDS
from tachograph_schema.periods import Grain

PATIENCE = Retry(timeout=15)
"""Shorter than the five minutes of Firestore's own client, because a person waits."""
_MOST_SHARDS = 20
_FIELDS = ("grain", "period", "as_of", "c", "folded", "sketch_step")


def latest(
    db: firestore.Client, fleet: str, grain: Grain, n: int, until: str | None = None
) -> list[Rollup]:
    """Return the latest `n` hours, days or weeks with work, newest first.

    `until` is the last period, such as 2026-02-16. Raises google.api_core's GoogleAPICallError.
    """
    rollups = db.collection(FLEETS, fleet, ROLLUPS).where(filter=_is("grain", "==", grain))
    if until is not None:
        rollups = rollups.where(filter=_is("period", "<=", until))
    newest = rollups.order_by("period", direction=firestore.Query.DESCENDING)
    # Shares and percentiles are not read, because they are computed from `c`.
    documents = newest.select(_FIELDS).limit(n).stream(retry=PATIENCE)
    read = [Rollup.model_validate(_DERIVED | (document.to_dict() or {})) for document in documents]
    return [rollup for rollup in read if rollup.c]


def unpublished(db: firestore.Client, fleet: str) -> Unpublished | None:
    """Return the hours with work that is counted and not published; None where there are none.

    At most 20 documents are read, without their counters.
    """
    dirty = db.collection(FLEETS, fleet, SHARDS).where(filter=_is("dirty", "==", value=True))
    shards = list(dirty.select(["hour"]).limit(_MOST_SHARDS).stream(retry=PATIENCE))
    hours = frozenset(str(shard.get("hour")) for shard in shards)
    return Unpublished(shards[0].read_time, hours) if shards else None


_DERIVED: dict[str, object] = {"ratios": {}, "percentiles": {}, "outcomes": {}}


def _is(field: str, relation: str, value: object) -> firestore.FieldFilter:
    return firestore.FieldFilter(field, relation, value)
