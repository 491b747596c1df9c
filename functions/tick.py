"""Publishing and snapshots, at most once in 10 seconds of a fleet; baselines and sweeps hourly.

Each part of a tick, and each unit of it, is guarded: see `runtime.units`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Final

from google.cloud import firestore

from alerting.tick_alerts import tell
from liveness.watch import walk_if_due, watch
from publishing.baselines import refresh_if_due
from publishing.rollups import publish
from publishing.snapshots import claim_bucket, take_snapshot
from publishing.trees import publish_trees, refresh_trees
from repair.sweep import sweep_if_due
from rotation.lifecycle import settle_open
from runtime.cache import Cache
from runtime.policy import MAX_FLEETS, policy
from runtime.tracing import step, traced
from runtime.units import Units
from tachograph_schema.paths import FLEETS, bucket_of, snapshot_id
from tachograph_schema.tracing import spans

_log = logging.getLogger(__name__)
_AT_ONCE = 8
"""A tick waits for Firestore most of the time."""
WRITE_S: Final = 10.0
"""Seconds of a tick after a write, whose event waits for it."""
FLEET_S: Final = 60.0
"""Seconds of a fleet's tick on schedule: what is left then is the next one's."""
SCHEDULE_S: Final = 450.0
"""Seconds after which no further fleet begins; the function itself is given 540."""
_PUBLISHING: Final = 0.5
"""The share of the time after which no further hour is published before the snapshot."""
_ticked: Cache[str, datetime] = Cache(MAX_FLEETS)
"""By fleet: the bucket in which this process tried to tick it."""


def tick_if_due(db: firestore.Client, fleet: str) -> None:
    """Tick a fleet after one of its writes, unless this process has tried in this bucket."""
    if _ticked.change(fleet, bucket_of(datetime.now(UTC))):
        tick_fleet(db, fleet)


def tick_fleet(db: firestore.Client, fleet: str, units: Units | None = None) -> bool:
    """Publish what changed and take a snapshot; False when this bucket has been taken."""
    fleet_policy, now = policy(fleet), datetime.now(UTC)
    bucket = bucket_of(now)
    if not claim_bucket(db, fleet, bucket, fleet_policy):
        return False
    alone = units is None
    units = units or Units(fleet, WRITE_S)
    with step(spans.PUBLISH):
        units.run("part", "hours", partial(publish, db, fleet, units, until=_PUBLISHING))
    units.run("part", "liveness", partial(watch, db, fleet, fleet_policy, now, units))
    with step(spans.SNAPSHOT):
        units.run("snapshot", snapshot_id(bucket), partial(_take_snapshot, db, fleet, bucket))
    with step(spans.TREES):
        units.run("part", "trees", partial(publish_trees, db, fleet, fleet_policy, units))
        if bucket.second == 0:  # once a minute
            units.run("part", "open trees", partial(refresh_trees, db, fleet, fleet_policy, units))
    if alone:
        units.run("part", "alerts", partial(tell, db, fleet, units))
    return True


def tick_all(db: firestore.Client, names: Sequence[str]) -> tuple[int, int]:
    """Tick fleets on schedule, some at a time; return how many were ticked, and how many failed.

    One that fails is logged, and keeps no other from its tick. Where there are too many for one
    call, each call begins with others.
    """
    began = time.monotonic()
    first = int(time.time() // 60) * _AT_ONCE % max(1, len(names))

    def tick(fleet: str) -> bool | None:
        if time.monotonic() - began > SCHEDULE_S:
            return False
        try:
            return tick_on_schedule(db, fleet)
        except Exception:  # noqa: BLE001 - whatever is wrong with it, the others go on
            _log.exception("fleets/%s: its tick failed", fleet)
            return None

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        ticked = list(pool.map(tick, [*names[first:], *names[:first]]))
    return ticked.count(True), ticked.count(None)


@traced(spans.TICK)
def tick_on_schedule(db: firestore.Client, fleet: str) -> bool | None:
    """Tick a fleet, and once an hour refresh its baselines and look for events that never came.

    None where its snapshot failed, so that dashboards stand still. Rotations that take too long
    are looked at each time. A sweep takes seconds, so no write waits for one: only the scheduler's
    tick, whoever took the bucket.
    """
    units, fleet_policy = Units(fleet, FLEET_S), policy(fleet)
    ticked = tick_fleet(db, fleet, units)
    now = datetime.now(UTC)
    units.run("part", "rotations", partial(settle_open, db, fleet, units))
    with step(spans.BASELINES):
        units.run("part", "baselines", partial(refresh_if_due, db, fleet, now))
    with step(spans.SWEEP):
        units.run("part", "sweep", partial(sweep_if_due, db, fleet, fleet_policy, now))
    units.run("part", "walk", partial(walk_if_due, db, fleet, fleet_policy, now, units))
    units.run("part", "alerts", partial(tell, db, fleet, units))
    return None if "snapshot" in units.failed else ticked


def _take_snapshot(db: firestore.Client, fleet: str, bucket: datetime) -> None:
    take_snapshot(db, fleet, bucket, datetime.now(UTC))


def fleets(db: firestore.Client) -> list[str]:
    """List the fleets there are, those without a document of their own included."""
    return sorted(ref.id for ref in db.collection(FLEETS).list_documents())
