"""tick: what is published and how the fleet stands, by whichever process comes first."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from google.cloud import firestore

import tick
from publishing import rollups, snapshots
from support.recount import published, rollup
from support.wire.events import serve
from tachograph_cli.local.stack import Stack
from tachograph_schema.counters.fit import fit
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.documents.rollup import Rollup, Shard
from tachograph_schema.documents.snapshot import Live, Snapshot
from tachograph_schema.paths import shard_id

_HOUR = "2026-03-01T12"
_BUCKET = datetime(2026, 3, 1, 12, 30, 10, tzinfo=UTC)


def _shard(
    db: firestore.Client, fleet: str, n: int, **counters: int
) -> firestore.DocumentReference:
    ref = db.document("fleets", fleet, "shards", shard_id(n, _HOUR))
    ref.set(Shard(hour=_HOUR, dirty=True, c={"fleet": counters}).model_dump())
    return ref


def test_hour_is_the_sum_of_its_shards_and_the_day_of_its_hours(
    db: firestore.Client, fleet_name: str
) -> None:
    _shard(db, fleet_name, 0, tokens_in=3, cost_nanousd=2_000_000_000, tasks_completed=4)
    _shard(db, fleet_name, 1, tokens_in=4, root_tasks_completed=1, subtasks_completed=3)
    assert rollups.publish(db, fleet_name) == [_HOUR]
    for name in (f"hour_{_HOUR}", "day_2026-03-01", "week_2026-W09", "total_all"):
        found = Rollup.model_validate(rollup(db, fleet_name, name))
        assert found.c["fleet"]["tokens_in"] == 7
        assert found.ratios["fleet"]["cost_usd"] == 2.0
        assert found.ratios["fleet"]["cost_per_completed_usd"] == 2.0


def test_day_says_what_each_of_its_hours_cost(db: firestore.Client, fleet_name: str) -> None:
    for hour, cost in (("2026-03-01T12", 5), ("2026-03-01T23", 7), ("2026-03-02T00", 9)):
        shard = Shard(hour=hour, dirty=True, c={"fleet": {"cost_nanousd": cost}})
        db.document("fleets", fleet_name, "shards", shard_id(0, hour)).set(shard.model_dump())
    rollups.publish(db, fleet_name)
    hourly = rollup(db, fleet_name, "day_2026-03-01")["cost_nanousd_by_hour"]
    assert {n: cost for n, cost in enumerate(hourly) if cost} == {12: 5, 23: 7}
    assert len(hourly) == 24
    assert rollup(db, fleet_name, "day_2026-03-02")["cost_nanousd_by_hour"][0] == 9


def test_hours_that_did_not_change_are_not_published_again(
    db: firestore.Client, fleet_name: str
) -> None:
    _shard(db, fleet_name, 0, tokens_in=3)
    assert rollups.publish(db, fleet_name) == [_HOUR]
    before = rollup(db, fleet_name, f"hour_{_HOUR}")
    assert rollups.publish(db, fleet_name) == []
    assert rollup(db, fleet_name, f"hour_{_HOUR}") == before


def test_write_between_reading_and_marking_leaves_the_hour_to_the_next_tick(
    db: firestore.Client, fleet_name: str
) -> None:
    ref = _shard(db, fleet_name, 0, tokens_in=3)
    [read] = db.collection("fleets", fleet_name, "shards").stream()
    ref.update({"c.fleet.tokens_in": firestore.Increment(1), "dirty": True})
    rollups._mark_clean(read)
    assert published(db, fleet_name)["total_all"]["fleet"]["tokens_in"] == 4


def test_crash_before_marking_has_the_hour_published_again_to_the_same_sums(
    db: firestore.Client, fleet_name: str
) -> None:
    _shard(db, fleet_name, 0, tokens_in=3)
    rollups._publish_hour(db, fleet_name, _HOUR)  # and then the process died
    assert published(db, fleet_name)["total_all"]["fleet"]["tokens_in"] == 3


def test_older_computation_never_replaces_a_newer_one(
    db: firestore.Client, fleet_name: str
) -> None:
    _shard(db, fleet_name, 0, tokens_in=9)
    newer = published(db, fleet_name)
    as_of = rollup(db, fleet_name, f"hour_{_HOUR}")["as_of"] - timedelta(seconds=1)
    stale = fit({"fleet": {"tokens_in": 1}})
    rollups._overwrite_hour(db, fleet_name, _HOUR, as_of, stale)
    day = rollups._rollup(db, fleet_name, "day", "2026-03-01")
    document = rollups._document("day", "2026-03-01", as_of, stale)
    rollups._overwrite_sum(db, day, document)
    assert published(db, fleet_name) == newer


def test_ticks_at_the_same_time_publish_the_same_sums(
    db: firestore.Client, fleet_name: str
) -> None:
    for n in range(4):
        _shard(db, fleet_name, n, tokens_in=10**n)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: rollups.publish(db, fleet_name), range(4)))
    assert published(db, fleet_name)["total_all"]["fleet"]["tokens_in"] == 1111


def test_bucket_is_taken_once_however_many_try(db: firestore.Client, fleet_name: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        tries = pool.map(
            lambda _: snapshots.claim_bucket(db, fleet_name, _BUCKET, Fleet()), range(8)
        )
    assert sum(tries) == 1


def test_snapshot_counts_what_stands_in_the_documents(
    db: firestore.Client, fleet_name: str
) -> None:
    fleet = db.document("fleets", fleet_name)
    for n, (state, left) in enumerate(
        [("active", 95), ("active", 12), ("stuck", 100), ("completed", 50)]
    ):
        fleet.collection("sessions").add({"state": state, "context_remaining_pct": left}, f"s{n}")
    asked = _BUCKET - timedelta(minutes=2)
    for n, status in enumerate(["queued", "queued", "claimed", "active", "completed"]):
        created = asked + timedelta(seconds=n)
        fleet.collection("tasks").add({"status": status, "created_at": created}, f"t{n}")
    snapshots.take_snapshot(db, fleet_name, _BUCKET, _BUCKET)
    taken = fleet.collection("snapshots").document("2026-03-01T12:30:10Z").get().to_dict()
    stands = Snapshot.model_validate(taken)
    assert stands.sessions == {"idle": 0, "active": 2, "waiting": 0, "stuck": 1, "error": 0}
    assert stands.tasks == {"queued": 2, "claimed": 1, "active": 1, "waiting": 0}
    assert (stands.queue_depth, stands.tasks_in_flight) == (2, 2)
    assert stands.queue_oldest_age_ms == 120_000
    assert stands.context_histogram == [0, 1, 0, 0, 0, 0, 0, 0, 0, 2]


def test_burn_is_the_spend_of_the_last_sixty_minutes(db: firestore.Client, fleet_name: str) -> None:
    for hour, cost in (("2026-03-01T11", 1_000), ("2026-03-01T12", 300)):
        ref = db.document("fleets", fleet_name, "shards", shard_id(0, hour))
        ref.set(Shard(hour=hour, dirty=True, c={"fleet": {"cost_nanousd": cost}}).model_dump())
    rollups.publish(db, fleet_name)
    at = datetime(2026, 3, 1, 12, 15, tzinfo=UTC)
    snapshots.take_snapshot(db, fleet_name, _BUCKET, at)
    live = Live.model_validate(db.document("fleets", fleet_name, "live", "now").get().to_dict())
    assert live.burn_nanousd_per_h == 300 + 750
    assert live.totals["cost_nanousd"] == 1_300


def test_older_snapshot_does_not_replace_a_newer_one_in_live(
    db: firestore.Client, fleet_name: str
) -> None:
    later = _BUCKET + timedelta(minutes=1)
    for at in (_BUCKET, later, _BUCKET + timedelta(seconds=10)):
        snapshots.take_snapshot(db, fleet_name, at, at)
    live = Live.model_validate(db.document("fleets", fleet_name, "live", "now").get().to_dict())
    assert live.at == later
    assert len(live.rings["at_ms"]) == 2


def test_fleet_whose_tick_fails_is_told_of_and_keeps_no_other_from_its_own(
    db: firestore.Client,
    fleet_name: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    names = [f"{fleet_name}-{n}" for n in range(20)]
    take = snapshots.take_snapshot

    def broken(db: firestore.Client, fleet: str, bucket: datetime, now: datetime) -> None:
        if fleet == names[3]:
            raise RuntimeError("what is in the way")
        take(db, fleet, bucket, now)

    monkeypatch.setattr(tick, "take_snapshot", broken)
    assert tick.tick_all(db, names) == (19, 1)
    assert f"fleets/{names[3]}: snapshot" in caplog.text
    live = [db.document("fleets", name, "live", "now").get().exists for name in names]
    assert live == [name != names[3] for name in names]


@pytest.mark.parametrize("query", ["", "?fleet=f-0&fleet=f-2"])
def test_tick_over_http_ticks_every_fleet_or_those_that_are_named_once_in_a_bucket(
    root: Path, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    # In an emulator of its own: the others' fleets are hundreds.
    with Stack.start(root, only=("firestore",)) as stack:
        for name, value in stack.env.items():
            monkeypatch.setenv(name, value)
        db = firestore.Client()
        for n in range(3):
            _shard(db, f"f-{n}", 0, tokens_in=5)
        with serve("tick", stack.address("firestore")) as served:
            answer = urllib.request.urlopen(served.url + query, timeout=60).read()
            with pytest.raises(urllib.error.HTTPError, match="400"):
                urllib.request.urlopen(f"{served.url}?fleet=a%2Fb", timeout=60)
        ticked = [n for n in range(3) if db.document(f"fleets/f-{n}/live/now").get().exists]
        assert ticked == ([0, 2] if query else [0, 1, 2])
        assert json.loads(answer)["ticked"] == len(ticked)
        for n in ticked:
            assert rollup(db, f"f-{n}", "total_all")["c"]["fleet"]["tokens_in"] == 5
        db.close()
