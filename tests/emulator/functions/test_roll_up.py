"""roll_up over the wire, on a real emulator: whatever is delivered, the rollups are right."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from google.cloud import firestore

from support.recount import hours_of, of_grain, published
from support.wire.events import EPOCH, Served, Write, history, serve
from support.wire.meter import metered
from tachograph_cli.local.stack import Stack
from tachograph_schema.counters.cells import Cells

Rollups = dict[str, Cells]
_TASK = {
    "status": "completed",
    "task_type": "build",
    "agent_id": "builder-3",
    "model": "claude-opus-4-6",
    "provider": "anthropic",
    "tokens_in": 50_000,
    "tokens_out": 10_000,
    "cost_usd": 0.36,
}


@pytest.fixture(scope="module")
def roll_up(emulator: Stack) -> Iterator[Served]:
    with serve("roll_up", emulator.address("firestore")) as served:
        yield served


def test_plain_update_of_a_task_is_all_it_takes_to_be_counted(
    db: firestore.Client, fleet_name: str, roll_up: Served
) -> None:
    [write] = history(f"fleets/{fleet_name}/tasks/t-81", [_TASK])
    assert roll_up.deliver(write) == 200
    day = published(db, fleet_name)["day_2026-03-01"]
    assert day["fleet"]["tasks_completed"] == 1
    assert day["model:claude-opus-4-6"]["tokens_in"] == 50_000
    assert day["tier:frontier"]["task_cost_nanousd"] == 360_000_000
    assert day["fleet"]["cost_reported_nanousd"] == 360_000_000


def test_event_delivered_twice_is_counted_once(
    db: firestore.Client, fleet_name: str, roll_up: Served
) -> None:
    [write] = history(f"fleets/{fleet_name}/tasks/t-81", [_TASK])
    assert [roll_up.deliver(write) for _ in range(3)] == [200, 200, 200]
    assert published(db, fleet_name)["total_all"]["fleet"]["tasks_completed"] == 1


def test_event_delivered_many_times_at_once_is_counted_once(
    db: firestore.Client, fleet_name: str, roll_up: Served
) -> None:
    [write] = history(f"fleets/{fleet_name}/tasks/t-81", [_TASK])
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(roll_up.deliver, [write] * 24)) == {200}
    assert published(db, fleet_name)["total_all"]["fleet"]["tasks_completed"] == 1


def test_json_and_protobuf_events_count_alike(
    db: firestore.Client, fleet_name: str, roll_up: Served
) -> None:
    paths = [f"fleets/{fleet_name}-{kind}/tasks/t-81" for kind in ("json", "proto")]
    for path in paths:
        assert (
            roll_up.deliver(history(path, [_TASK])[0], as_json=path.endswith("json/tasks/t-81"))
            == 200
        )
    as_json, as_proto = (published(db, f"{fleet_name}-{kind}") for kind in ("json", "proto"))
    assert as_json == as_proto
    assert as_json


def test_deleting_a_task_takes_nothing_back(
    db: firestore.Client, fleet_name: str, roll_up: Served
) -> None:
    [write] = history(f"fleets/{fleet_name}/tasks/t-81", [_TASK])
    roll_up.deliver(write)
    before = published(db, fleet_name)
    assert roll_up.deliver(Write(write.path, write.after, None)) == 200
    assert published(db, fleet_name) == before


def test_voiding_a_task_takes_everything_back(
    db: firestore.Client, fleet_name: str, roll_up: Served
) -> None:
    for write in history(f"fleets/{fleet_name}/tasks/t-81", [_TASK, {**_TASK, "voided": True}]):
        roll_up.deliver(write)
    assert published(db, fleet_name) == {}


def test_rerouted_task_moves_its_cost_from_one_tier_to_the_other(
    db: firestore.Client, fleet_name: str, roll_up: Served
) -> None:
    versions = [_TASK, {**_TASK, "model": "claude-haiku-4-5"}]
    for write in history(f"fleets/{fleet_name}/tasks/t-81", versions):
        roll_up.deliver(write)
    total = published(db, fleet_name)["day_2026-03-01"]
    assert "tier:frontier" not in total
    assert total["tier:light"]["cost_nanousd"] == 360_000_000


def test_spend_reported_late_lands_in_the_hour_it_was_spent(
    db: firestore.Client, fleet_name: str, roll_up: Served
) -> None:
    task = {**_TASK, "reported_at": EPOCH - timedelta(days=9)}
    roll_up.deliver(history(f"fleets/{fleet_name}/tasks/t-81", [task])[0])
    rollups = published(db, fleet_name)
    assert set(rollups) == {"hour_2026-02-20T12", "day_2026-02-20", "week_2026-W08", "total_all"}


def test_clock_that_runs_ahead_reports_into_the_hour_of_the_write(
    db: firestore.Client, fleet_name: str, roll_up: Served
) -> None:
    task = {**_TASK, "reported_at": EPOCH + timedelta(days=9)}
    roll_up.deliver(history(f"fleets/{fleet_name}/tasks/t-81", [task])[0])
    assert "hour_2026-03-01T12" in published(db, fleet_name)


def test_event_costs_one_commit_of_two_writes_and_no_read(
    emulator: Stack, fleet_name: str, db: firestore.Client
) -> None:
    versions = [{**_TASK, "tokens_in": n, "status": "active"} for n in range(1, 20)]
    with (
        metered(emulator.address("firestore")) as meter,
        serve("roll_up", meter.address) as served,
    ):
        first, *others = history(f"fleets/{fleet_name}/tasks/t-81", versions)
        served.deliver(first)  # the fleet's policies are read once a minute
        meter.take()
        for write in others:
            assert served.deliver(write) == 200
        assert meter.take() == [("Commit", 2)] * len(others)
        served.deliver(others[-1])
        assert meter.take() == [("Commit", 2)], "a duplicate is refused by that same commit"
    assert published(db, fleet_name)["total_all"]["fleet"]["tokens_in"] == 19


def test_write_that_changes_no_counter_costs_nothing(emulator: Stack, fleet_name: str) -> None:
    versions = [_TASK, {**_TASK, "title": "a better name"}]
    with (
        metered(emulator.address("firestore")) as meter,
        serve("roll_up", meter.address) as served,
    ):
        first, renamed = history(f"fleets/{fleet_name}/tasks/t-81", versions)
        served.deliver(first)
        meter.take()
        assert served.deliver(renamed) == 200
        assert meter.take() == []


def test_process_killed_in_a_burst_loses_nothing_and_doubles_nothing(
    emulator: Stack, db: firestore.Client, fleet_name: str
) -> None:
    writes = [
        write
        for n in range(40)
        for write in history(f"fleets/{fleet_name}/tasks/t-{n}", [{**_TASK, "tokens_in": n}, _TASK])
    ]
    waiting = list(writes)
    random.Random(5).shuffle(waiting)  # noqa: S311 - an order, not a secret
    kills = 0
    while waiting:
        with (
            serve("roll_up", emulator.address("firestore")) as served,
            ThreadPoolExecutor(4) as pool,
        ):
            tries = [(write, pool.submit(_delivered, served, write)) for write in waiting]
            if kills < 2:
                next(done for _, done in tries[10 * (kills + 1) :]).result()
                served.process.kill()  # as Cloud Run may, in the middle of anything
                kills += 1
            # What was not answered is delivered again, like what was answered with an error.
            waiting = [write for write, done in tries if not done.result()]
    assert of_grain(published(db, fleet_name), "hour") == hours_of(writes)


def _delivered(served: Served, write: Write) -> bool:
    try:
        return served.deliver(write) < 300
    except OSError:
        return False


def test_agents_of_unbounded_variety_fill_further_shards_and_lose_nothing(
    emulator: Stack, db: firestore.Client, fleet_name: str
) -> None:
    db.document("fleets", fleet_name).set({"shard_count": 1})
    names = [f"{n}-{'x' * 190}" for n in range(1500)]
    tasks = [{**_TASK, "agent_id": name, "task_type": name} for name in names]
    writes = [
        history(f"fleets/{fleet_name}/tasks/t-{n}", [task])[0] for n, task in enumerate(tasks)
    ]
    with (
        serve("roll_up", emulator.address("firestore")) as served,
        ThreadPoolExecutor(4) as pool,
    ):
        assert set(pool.map(served.deliver, writes)) == {200}
    shards = db.collection("fleets", fleet_name, "shards").count().get()[0][0].value
    assert shards > 1, "one document holds 1 MiB"
    day = published(db, fleet_name)["day_2026-03-01"]
    assert day["fleet"]["tasks_completed"] == 1500
    assert sum(row["tasks_completed"] for s, row in day.items() if s.startswith("agent:")) == 1500
    assert day["agent:_other"]["tasks_completed"] == 1200


def test_fleets_own_prices_beat_the_public_ones(
    db: firestore.Client, fleet_name: str, roll_up: Served
) -> None:
    row = {
        "model": "our-own-*",
        "valid_from": EPOCH - timedelta(days=1),
        "input_usd_per_mtok": 0.5,
        "output_usd_per_mtok": 1,
    }
    db.document("fleets", fleet_name, "prices", "ours").set({"rows": [row, {"model": "broken"}]})
    task = {"status": "completed", "model": "our-own-7b", "tokens_in": 2_000_000}
    roll_up.deliver(history(f"fleets/{fleet_name}/tasks/t-81", [task])[0])
    fleet = published(db, fleet_name)["day_2026-03-01"]["fleet"]
    assert fleet["cost_priced_nanousd"] == 10**9
    assert "unpriced_calls" not in fleet
