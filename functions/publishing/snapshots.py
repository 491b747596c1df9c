"""snapshots/{time} and live/now: how the fleet stands, and what it has done since the beginning."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import AlreadyExists, FailedPrecondition
from google.cloud import firestore

from publishing.live import live_document, recent_row
from publishing.rollups import TOTAL
from publishing.stocks import stocks
from runtime.firestore import document, fields_of, unchanged
from tachograph_schema.counters.names import FLEET, TOTALS
from tachograph_schema.counters.scopes import dimension, names, word
from tachograph_schema.counters.size import saturated
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.paths import LIVE, NOW, ROLLUPS, SNAPSHOTS, DocumentPath, snapshot_id
from tachograph_schema.periods import hour_of, hours_before, rollup_id

if TYPE_CHECKING:
    _Snapshot = firestore.DocumentSnapshot[Any]

MAX_MODELS = 10
"""Each takes a count. The active tasks of all other models are one number."""


def claim_bucket(db: firestore.Client, fleet: str, bucket: datetime, policy: Fleet) -> bool:
    """Take a tick's bucket for this process; False when another has it. The creation decides.

    Unfilled snapshots have no `at`, so queries ordered by `at` skip them.
    """
    marker = {"expires_at": bucket + timedelta(days=policy.snapshot_days)}
    try:
        _snapshot(db, fleet, bucket).create(marker)
    except AlreadyExists:
        return False
    return True


def take_snapshot(db: firestore.Client, fleet: str, bucket: datetime, now: datetime) -> None:
    """Fill the bucket's snapshot, and live/now with it unless that holds a newer one.

    It costs the same however many sessions and tasks there are: three rollups, the counts of
    stocks as of the instant the rollups were read, live/now; and two writes.
    """
    hour = hour_of(now)
    total, this_hour, last_hour = _rollups(db, fleet, hour)
    sums = _sums(now, _fleet_row(total), _fleet_row(this_hour), _fleet_row(last_hour))
    models = models_in_use(this_hour, last_hour)
    stands = stocks(db, fleet, models, _read_at(total), now)
    taken = {"at": now, **stands, **sums}
    live = document(db, DocumentPath(fleet, LIVE, NOW))
    shown = live.get()
    first = not shown.exists or hour_of(shown.get("at")) < hour
    marked = {**taken, "hour": hour} if first else taken
    _snapshot(db, fleet, bucket).set(marked, merge=True)
    _show(live, shown, taken)


def models_in_use(*hours: _Snapshot) -> list[str]:
    """Name the models that cost most in these hours, at most MAX_MODELS."""
    costs: dict[str, float] = {}
    for hour in hours:
        for scope, ratios in _fields(hour).get("ratios", {}).items():
            [model] = names(scope) if dimension(scope) == "model" else [None]
            if isinstance(model, str) and isinstance(word(model), str):
                costs[model] = costs.get(model, 0.0) + ratios.get("cost_usd", 0.0)
    return sorted(costs, key=lambda model: (-costs[model], model))[:MAX_MODELS]


def _show(
    live: firestore.DocumentReference,
    shown: _Snapshot,
    taken: dict[str, Any],
) -> None:
    if not shown.exists:
        try:
            live.create(live_document({}, taken))
        except AlreadyExists:
            return  # another tick's is as good
    elif shown.get("at") < taken["at"]:
        try:
            live.update(
                live_document(fields_of(shown), taken),
                option=unchanged(shown),
            )
        except FailedPrecondition:
            return  # a newer tick came in between


def _rollups(db: firestore.Client, fleet: str, hour: str) -> list[_Snapshot]:
    """Read the total, this hour and the one before: of each only the fleet, and which models."""
    names = (
        rollup_id("total", TOTAL),
        rollup_id("hour", hour),
        rollup_id("hour", hours_before(hour, 1)),
    )
    refs = [document(db, DocumentPath(fleet, ROLLUPS, name)) for name in names]
    rollups = {doc.id: doc for doc in db.get_all(refs, field_paths=[f"c.{FLEET}", "ratios"])}
    return [rollups[name] for name in names]


def _sums(
    now: datetime,
    total: Mapping[str, int],
    this_hour: Mapping[str, int],
    last_hour: Mapping[str, int],
) -> dict[str, Any]:
    """Return the totals, and the spend of the last 60 minutes.

    That is this hour's, and of the hour before the share that is less than 60 minutes ago.
    """
    hour = hour_of(now)
    seconds_left = 3600 - (now.minute * 60 + now.second)
    burn = (
        this_hour.get("cost_nanousd", 0) + last_hour.get("cost_nanousd", 0) * seconds_left // 3600
    )
    return {
        "burn_nanousd_per_h": saturated(burn),
        "recent": {hour: recent_row(this_hour), hours_before(hour, 1): recent_row(last_hour)},
        "totals": {name: total.get(name, 0) for name in TOTALS},
    }


def _read_at(snapshot: _Snapshot) -> datetime:
    read_at: datetime = snapshot.read_time  # its types allow for none
    return read_at


def _fleet_row(doc: _Snapshot) -> Mapping[str, int]:
    row: Mapping[str, int] = _fields(doc).get("c", {}).get(FLEET, {})
    return row


def _fields(doc: _Snapshot) -> dict[str, Any]:
    return fields_of(doc)


def _snapshot(db: firestore.Client, fleet: str, bucket: datetime) -> firestore.DocumentReference:
    return document(db, DocumentPath(fleet, SNAPSHOTS, snapshot_id(bucket)))
