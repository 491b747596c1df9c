"""baselines/{type}__{model}: durations, costs and the cliff, published anew each hour with work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from google.cloud import firestore

from runtime.cache import Cache
from runtime.firestore import document, equals, fields_of
from runtime.policy import MAX_FLEETS
from tachograph_schema.documents.baseline import CliffEvidence
from tachograph_schema.paths import BASELINES, ROLLUPS, DocumentPath, baseline_id
from tachograph_schema.periods import hour_of, hour_start
from tachograph_schema.rotation.baseline import DAYS, TaskBaseline, task_baselines

if TYPE_CHECKING:
    _Snapshot = firestore.DocumentSnapshot[Any]

_WRITES = 100
"""The baselines of one commit: 10 kB each at most, where a request may have 10 MiB."""
_refreshed: Cache[str, str] = Cache(MAX_FLEETS)
"""By fleet: the hour in which this process saw its baselines refreshed."""


def refresh_if_due(db: firestore.Client, fleet: str, now: datetime) -> bool:
    """Refresh a fleet's baselines unless that was done in this hour; False when it was.

    A process asks once an hour, at one read. A fleet at work without any baseline is looked at on
    every call, because its days are few and its first baselines should not come an hour late.
    """
    hour = hour_of(now)
    if _refreshed.get(fleet) == hour:
        return False
    due = _newest(db, fleet) < hour_start(hour)
    days = _days(db, fleet) if due else []
    at_work = any(day.get("as_of") >= hour_start(hour) for day in days)
    if _publish(db, fleet, days) or not at_work:
        _refreshed.put(fleet, hour)
    return due


def refresh_baselines(db: firestore.Client, fleet: str) -> int:
    """Publish the baselines of the last 28 published days; return how many there are.

    At most 28 reads, and one commit for each 100. A pair that was not seen in those days keeps its
    last baseline, with the time of it.
    """
    return _publish(db, fleet, _days(db, fleet))


def _publish(db: firestore.Client, fleet: str, days: list[_Snapshot]) -> int:
    pairs = task_baselines(fields_of(day).get("c", {}) for day in days)
    for start in range(0, len(pairs), _WRITES):
        _write(db, fleet, days, pairs[start : start + _WRITES])
    return len(pairs)


def _write(
    db: firestore.Client, fleet: str, days: list[_Snapshot], pairs: Sequence[TaskBaseline]
) -> None:
    batch = db.batch()
    for pair in pairs:
        fields = {
            "task_type": pair.task_type,
            "model": pair.model,
            "runs": pair.runs,
            "days": len(days),
            "quantiles": pair.quantiles,
            "as_of": max(day.read_time for day in days),
            **_learned(pair),
        }
        name = baseline_id(pair.task_type, pair.model)
        ref = document(db, DocumentPath(fleet, BASELINES, name))
        batch.set(ref, fields)
    batch.commit()


def _learned(pair: TaskBaseline) -> dict[str, Any]:
    """Return the fields of the cliff; a threshold that is no longer supported is removed."""
    cliff = pair.cliff
    evidence = CliffEvidence(
        status=cliff.status,
        at_pct=cliff.at_pct,
        low_pct=cliff.low_pct,
        high_pct=cliff.high_pct,
        runs_below=cliff.below.runs,
        runs_above=cliff.above.runs,
        bad_below=cliff.below.bad,
        bad_above=cliff.above.bad,
        worse_low=round(cliff.worse_low, 4),
        worse_high=round(cliff.worse_high, 4),
        needs_below=cliff.needs_below,
        needs_above=cliff.needs_above,
        runs=[tenth.runs for tenth in pair.tenths],
        bad=[tenth.bad for tenth in pair.tenths],
    )
    threshold = {"rotate_below_pct": cliff.at_pct} if cliff.status == "learned" else {}
    return {"cliff": evidence.model_dump(), **threshold}


def _days(db: firestore.Client, fleet: str) -> list[_Snapshot]:
    day = equals("grain", "day")
    newest = db.collection("fleets", fleet, ROLLUPS).where(filter=day)
    descending = firestore.Query.DESCENDING
    return newest.order_by("period", direction=descending).select(["as_of", "c"]).limit(DAYS).get()


def _newest(db: firestore.Client, fleet: str) -> datetime:
    """Return when any of the baselines was last refreshed; long ago if there is none."""
    baselines = db.collection("fleets", fleet, BASELINES).select(["as_of"])
    descending = firestore.Query.DESCENDING
    newest = baselines.order_by("as_of", direction=descending).limit(1).get()
    as_of: datetime = newest[0].get("as_of") if newest else hour_start("1970-01-01T00")
    return as_of
