"""baselines/{type}__{model}: what is normal and where the cliff is, anew each hour with work."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from google.cloud import firestore

from runtime.cache import Cache
from runtime.firestore import document, equals, fields_of
from runtime.policy import MAX_FLEETS
from tachograph_schema.documents.baseline import Learned
from tachograph_schema.paths import BASELINES, ROLLUPS, DocumentPath, baseline_id
from tachograph_schema.periods import hour_of, hour_start
from tachograph_schema.rotation.baseline import DAYS, Normal, normals

if TYPE_CHECKING:
    _Snapshot = firestore.DocumentSnapshot[Any]

_refreshed: Cache[str, str] = Cache(MAX_FLEETS)
"""By fleet: the hour in which this process saw its baselines refreshed."""


def refresh_if_due(db: firestore.Client, fleet: str, now: datetime) -> bool:
    """Refresh a fleet's baselines unless that was done in this hour; False when it was.

    A process asks once an hour, at one read. A fleet at work of which too little is known is looked
    at whenever this is called: its days are few, and what is normal should not come an hour late.
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
    """Publish what is normal by the last 28 published days; return how many baselines that makes.

    At most 28 reads and one commit. A pair that was not seen in those days keeps what was normal
    when it was, with that time.
    """
    return _publish(db, fleet, _days(db, fleet))


def _publish(db: firestore.Client, fleet: str, days: list[_Snapshot]) -> int:
    found = normals(fields_of(day).get("c", {}) for day in days)
    batch = db.batch()
    for normal in found:
        fields = {
            "task_type": normal.task_type,
            "model": normal.model,
            "runs": normal.runs,
            "days": len(days),
            "quantiles": normal.quantiles,
            "as_of": max(day.read_time for day in days),
            **_learned(normal),
        }
        name = baseline_id(normal.task_type, normal.model)
        ref = document(db, DocumentPath(fleet, BASELINES, name))
        batch.set(ref, fields)
    if found:
        batch.commit()
    return len(found)


def _learned(normal: Normal) -> dict[str, Any]:
    """Say where the cliff is; a threshold that is no longer supported goes with its support."""
    found = normal.cliff
    cliff = Learned(
        status=found.status,
        at_pct=found.at_pct,
        low_pct=found.low_pct,
        high_pct=found.high_pct,
        runs_below=found.below.runs,
        runs_above=found.above.runs,
        bad_below=found.below.bad,
        bad_above=found.above.bad,
        worse_low=round(found.worse_low, 4),
        worse_high=round(found.worse_high, 4),
        needs_below=found.needs_below,
        needs_above=found.needs_above,
        runs=[tenth.runs for tenth in normal.tenths],
        bad=[tenth.bad for tenth in normal.tenths],
    )
    threshold = {"rotate_below_pct": found.at_pct} if found.status == "learned" else {}
    return {"cliff": cliff.model_dump(), **threshold}


def _days(db: firestore.Client, fleet: str) -> list[_Snapshot]:
    day = equals("grain", "day")
    newest = db.collection("fleets", fleet, ROLLUPS).where(filter=day)
    descending = firestore.Query.DESCENDING
    return newest.order_by("period", direction=descending).select(["as_of", "c"]).limit(DAYS).get()


def _newest(db: firestore.Client, fleet: str) -> datetime:
    """Return when any of the baselines was last refreshed; long ago if there is none."""
    baselines = db.collection("fleets", fleet, BASELINES).select(["as_of"])
    descending = firestore.Query.DESCENDING
    found = baselines.order_by("as_of", direction=descending).limit(1).get()
    as_of: datetime = found[0].get("as_of") if found else hour_start("1970-01-01T00")
    return as_of
