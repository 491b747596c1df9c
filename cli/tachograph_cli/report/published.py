"""Reading the rollups a report is made of: one query, as many documents as there are periods."""

from __future__ import annotations

from google.api_core.retry import Retry
from google.cloud import firestore

from tachograph_schema.documents.rollup import Rollup
from tachograph_schema.paths import FLEETS, ROLLUPS
from tachograph_schema.periods import Grain

_NAMED_FLEETS = 20
PATIENCE = Retry(timeout=15)
"""A person waits: Firestore's own client would try for five minutes."""
_FIELDS = ("grain", "period", "as_of", "c")


def latest(
    db: firestore.Client, fleet: str, grain: Grain, n: int, until: str | None = None
) -> list[Rollup]:
    """Return the latest n hours, days or weeks with work, up to a period; newest first."""
    rollups = db.collection(FLEETS, fleet, ROLLUPS).where(filter=_is("grain", "==", grain))
    if until is not None:
        rollups = rollups.where(filter=_is("period", "<=", until))
    newest = rollups.order_by("period", direction=firestore.Query.DESCENDING)
    # Shares and percentiles are left where they are: they are computed from `c`.
    found = newest.select(_FIELDS).limit(n).stream(retry=PATIENCE)
    read = [Rollup.model_validate(_DERIVED | (document.to_dict() or {})) for document in found]
    return [rollup for rollup in read if rollup.c]


def fleets(db: firestore.Client) -> list[str]:
    """Name some of the fleets there are."""
    found = db.collection(FLEETS).list_documents(page_size=_NAMED_FLEETS)
    return sorted(ref.id for ref, _ in zip(found, range(_NAMED_FLEETS), strict=False))


_DERIVED: dict[str, object] = {"ratios": {}, "percentiles": {}, "outcomes": {}}


def _is(field: str, relation: str, value: object) -> firestore.FieldFilter:
    return firestore.FieldFilter(field, relation, value)
