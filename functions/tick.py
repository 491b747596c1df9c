"""Publishing and snapshots, at most once in 10 seconds of a fleet; baselines and sweeps hourly."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from google.cloud import firestore

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
from tachograph_schema.paths import FLEETS, bucket_of
from tachograph_schema.tracing import spans

_log = logging.getLogger(__name__)
_AT_ONCE = 8
"""A tick waits for Firestore most of the time."""
_ticked: Cache[str, datetime] = Cache(MAX_FLEETS)
"""By fleet: the bucket in which this process tried to tick it."""


def tick_if_due(db: firestore.Client, fleet: str) -> None:
    """Tick a fleet after one of its writes, unless this process has tried in this bucket."""
    if _ticked.change(fleet, bucket_of(datetime.now(UTC))):
        tick_fleet(db, fleet)


def tick_fleet(db: firestore.Client, fleet: str) -> bool:
    """Publish what changed and take a snapshot; False when this bucket has been taken."""
    bucket = bucket_of(datetime.now(UTC))
    if not claim_bucket(db, fleet, bucket, policy(fleet)):
        return False
    with step(spans.PUBLISH):
        publish(db, fleet)
    with step(spans.TREES):
        publish_trees(db, fleet, policy(fleet))
        if bucket.second == 0:  # once a minute
            refresh_trees(db, fleet, policy(fleet))
    watch(db, fleet, policy(fleet), datetime.now(UTC))
    with step(spans.SNAPSHOT):
        take_snapshot(db, fleet, bucket, datetime.now(UTC))
    return True


def tick_all(db: firestore.Client, names: Sequence[str]) -> tuple[int, int]:
    """Tick fleets on schedule, some at a time; return how many were ticked, and how many failed.

    One that fails is logged, and keeps no other from its tick.
    """

    def tick(fleet: str) -> bool | None:
        try:
            return tick_on_schedule(db, fleet)
        except Exception:  # noqa: BLE001 - whatever is wrong with it, the others go on
            _log.exception("fleets/%s: its tick failed", fleet)
            return None

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        ticked = list(pool.map(tick, names))
    return ticked.count(True), ticked.count(None)


@traced(spans.TICK)
def tick_on_schedule(db: firestore.Client, fleet: str) -> bool:
    """Tick a fleet, and once an hour refresh its baselines and look for events that never came.

    Rotations that take too long are looked at each time. A sweep takes seconds, so no write waits
    for one: only the scheduler's tick, whoever took the bucket.
    """
    ticked = tick_fleet(db, fleet)
    with step(spans.BASELINES):
        refresh_if_due(db, fleet, datetime.now(UTC))
    with step(spans.SWEEP):
        sweep_if_due(db, fleet, policy(fleet), datetime.now(UTC))
    walk_if_due(db, fleet, policy(fleet), datetime.now(UTC))
    settle_open(db, fleet)
    return ticked


def fleets(db: firestore.Client) -> list[str]:
    """List the fleets there are, those without a document of their own included."""
    return sorted(ref.id for ref in db.collection(FLEETS).list_documents())
