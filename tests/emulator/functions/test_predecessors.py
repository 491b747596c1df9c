"""Thirteen ways in which a predecessor's cost figures were wrong, each as a promise of ours.

The numbers are the rows of the list they come from: issue 3, "Each of the thirteen failures".
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from google.cloud import firestore

from publishing.rollups import publish
from publishing.snapshots import take_snapshot
from support.cli import wrong
from support.recorded_events import Recorder, deliver
from support.recount import published, rollup
from tachograph import Fleet as Agents
from tachograph import Usage
from tachograph_schema.documents.rollup import Shard
from tachograph_schema.documents.snapshot import Live
from tachograph_schema.paths import bucket_of, shard_id
from tachograph_schema.periods import day_of, hour_of, hours_before

_USD = 10**9
_NOW = datetime.now(UTC)
_MODEL = "claude-opus-4-6"
_TASK = {"status": "completed", "task_type": "build", "model": _MODEL, "reported_at": _NOW}


def _spend(recorder: Recorder, task: str, usd: float, **fields: object) -> None:
    deliver(recorder.write(task, {**_TASK, "cost_usd": usd, **fields}))


def _total(db: firestore.Client, fleet: str) -> dict[str, int]:
    return published(db, fleet)["total_all"]["fleet"]


def _snapshot(db: firestore.Client, fleet: str) -> Live:
    at = datetime.now(UTC)
    take_snapshot(db, fleet, bucket_of(at), at)
    return Live.model_validate(db.document("fleets", fleet, "live", "now").get().to_dict())


# 1: day and month were overwritten by each hourly run; the truth was 21, and they said 1
def test_day_holds_what_was_spent_before_the_latest_run(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder = Recorder(db, fleet_name)
    morning = _NOW.replace(hour=0, minute=5) - timedelta(days=1)
    for n, (usd, hour) in enumerate([(10, 1), (10, 1), (1, 2)]):
        _spend(recorder, f"t-{n}", usd, reported_at=morning + timedelta(hours=hour))
        publish(db, fleet_name)
    day = rollup(db, fleet_name, f"day_{day_of(hour_of(morning))}")
    assert day["c"]["fleet"]["cost_nanousd"] == 21 * _USD


# 2: what became visible after the watermark had passed its timestamp was never counted
def test_spend_that_becomes_visible_late_is_counted(db: firestore.Client, fleet_name: str) -> None:
    recorder = Recorder(db, fleet_name)
    late = recorder.write("t-late", {**_TASK, "cost_usd": 100, "reported_at": _NOW})
    _spend(recorder, "t-1", 1)
    publish(db, fleet_name)
    deliver(late)
    assert _total(db, fleet_name)["cost_nanousd"] == 101 * _USD


# 3: more than 500 aggregates in a run committed one batch twice, and every later run failed
def test_more_than_five_hundred_hours_are_published_in_one_run(
    db: firestore.Client, fleet_name: str
) -> None:
    hours = [hours_before(hour_of(_NOW), n) for n in range(510)]
    writer = db.bulk_writer()
    for hour in hours:
        shard = Shard(hour=hour, dirty=True, c={"fleet": {"cost_nanousd": 1}})
        ref = db.document("fleets", fleet_name, "shards", shard_id(0, hour))
        writer.set(ref, shard.model_dump())
    writer.close()
    assert len(publish(db, fleet_name)) == 510
    assert publish(db, fleet_name) == []
    assert _total(db, fleet_name)["cost_nanousd"] == 510


# 4: budgets read those rollups, and refused the completion of work that was done and paid
def test_completion_over_budget_is_counted_and_not_refused(
    db: firestore.Client, fleet_name: str
) -> None:
    db.document("fleets", fleet_name).set({"hourly_budget_nanousd": 1})
    recorder = Recorder(db, fleet_name)
    _spend(recorder, "t-1", 5, reported_at=datetime.now(UTC))  # the burn is of the last hour
    total = _total(db, fleet_name)
    assert (total["cost_nanousd"], total["tasks_completed"]) == (5 * _USD, 1)
    burn = _snapshot(db, fleet_name).burn_nanousd_per_h
    assert burn > 4 * _USD, "what a budget is held against"


# 5: an event that came twice counted twice, under a field with dots in its name
def test_event_that_comes_twice_counts_once_under_the_name_as_it_is(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder = Recorder(db, fleet_name)
    write = recorder.write("t-1", {**_TASK, "task_type": "tool.call", "cost_usd": 1})
    assert [deliver(write) for _ in range(3)] == [True, False, False]
    day = published(db, fleet_name)[f"day_{day_of(hour_of(_NOW))}"]
    assert day["fleet"]["tasks_completed"] == 1
    assert day["type:tool.call"]["cost_nanousd"] == _USD
    shards: list[dict[str, Any]] = [
        shard.to_dict() or {} for shard in db.collection("fleets", fleet_name, "shards").stream()
    ]
    assert {name for shard in shards for name in shard} == {"hour", "dirty", "c"}


# 6: usage told after the completion reached the document and no aggregate: 87 % had no cost
def test_usage_that_is_told_after_the_completion_is_counted(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder = Recorder(db, fleet_name)
    deliver(recorder.write("t-1", _TASK))
    assert _total(db, fleet_name)["tasks_completed_unpriced"] == 1
    _spend(recorder, "t-1", 7)
    total = _total(db, fleet_name)
    assert total["cost_nanousd"] == 7 * _USD
    assert "tasks_completed_unpriced" not in total


# 7: the type of a task in the ledger was the program that had created it
def test_cost_by_type_is_by_the_tasks_own_type(db: firestore.Client, fleet_name: str) -> None:
    recorder = Recorder(db, fleet_name)
    _spend(recorder, "t-1", 3, source="orchestrator", agent_id="orchestrator")
    day = published(db, fleet_name)[f"day_{day_of(hour_of(_NOW))}"]
    assert day["type:build"]["cost_nanousd"] == 3 * _USD
    assert [scope for scope in day if scope.startswith("type:") and "|" not in scope] == [
        "type:build"
    ]


# 8: failed tasks were in neither the cost nor the success rate
def test_what_failed_is_in_the_cost_and_in_the_success_rate(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder = Recorder(db, fleet_name)
    _spend(recorder, "t-1", 2)
    _spend(recorder, "t-2", 6, status="failed")
    publish(db, fleet_name)
    ratios = rollup(db, fleet_name, f"day_{day_of(hour_of(_NOW))}")["ratios"]["fleet"]
    assert ratios["cost_per_completed_usd"] == 8.0
    assert ratios["success_rate"] == 0.5


# 9: a retry replaced the cost of the attempt before; aborted and expired tasks left none
def test_every_attempt_is_in_the_cost_also_when_the_task_is_called_off_and_expires(
    db: firestore.Client, fleet_name: str
) -> None:
    with Agents(fleet_name, client=db) as agents:
        for n, cost in ((1, 5), (2, 7)):
            with agents.session(f"b-{n}") as session, session.task("t-1") as task:
                task.record(Usage(tokens_in=1), model=_MODEL, cost_nanousd=cost)
    found = db.document("fleets", fleet_name, "tasks", "t-1").get().to_dict() or {}
    assert found["cost_nanousd"] == 12
    recorder = Recorder(db, fleet_name)
    deliver(recorder.write("t-1", {**found, "status": "cancelled", "retry_cost_nanousd": 7}))
    deliver(recorder.delete("t-1"))
    total = _total(db, fleet_name)
    assert (total["cost_nanousd"], total["retry_cost_nanousd"]) == (12, 7)
    assert total["tasks_cancelled"] == 1


# 10: stale and stuck sessions were looked for by a field that nobody wrote, and never found
def test_sessions_are_found_by_the_state_that_agents_write(
    db: firestore.Client, fleet_name: str
) -> None:
    with Agents(fleet_name, client=db) as agents, agents.session("b-1") as session:
        session.update(state="stuck")
        agents.flush()
        assert _snapshot(db, fleet_name).sessions["stuck"] == 1


# 11: a heartbeat that was never there counted as 0 seconds old, so everybody was healthy
def test_session_that_does_not_say_what_is_left_is_shown_as_neither_full_nor_empty(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder = Recorder(db, fleet_name)
    recorder.write("s-1", {"state": "active"}, "sessions")
    recorder.write("s-2", {"state": "active", "context_remaining_pct": 12}, "sessions")
    live = _snapshot(db, fleet_name)
    assert live.sessions["active"] == 2
    assert live.context_histogram == [0, 1, 0, 0, 0, 0, 0, 0, 0, 0]


# 12: periods mixed local time and UTC, and weeks that began on Sunday with ISO weeks
def test_periods_are_of_utc_and_weeks_are_iso_weeks_wherever_the_agent_is(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder = Recorder(db, fleet_name)
    california = timezone(timedelta(hours=-8))
    sunday = datetime(2026, 3, 1, 23, 30, tzinfo=california)
    _spend(recorder, "t-1", 1, reported_at=sunday.isoformat())
    assert set(published(db, fleet_name)) == {
        "hour_2026-03-02T07",
        "day_2026-03-02",
        "week_2026-W10",
        "total_all",
    }


# 13: no test touched the aggregation, and its ledger took rows that were none
def test_document_that_is_no_task_costs_nothing_and_everything_still_adds_up(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder = Recorder(db, fleet_name)
    _spend(recorder, "t-1", 4)
    foreign = {"type": "program_state_update", "completedAt": "2026-03-01T12:00:00Z", "cost": 99}
    deliver(recorder.write("t-2", foreign))
    total = _total(db, fleet_name)
    assert (total["cost_nanousd"], total["tasks_completed"]) == (4 * _USD, 1)
    assert wrong(fleet_name, "--all-ages") == {}
