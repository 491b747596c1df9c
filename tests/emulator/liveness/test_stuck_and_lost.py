"""Sessions as functions find them: stuck, well again, lost; whatever their agents' clocks say."""

from __future__ import annotations

import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.cloud import firestore

from liveness import expected_duration
from liveness import watch as watching
from liveness.watch import WatchResult, walk_if_due, watch
from support.wire.events import serve
from support.wire.meter import metered
from tachograph import Fleet
from tachograph_cli.demo.__main__ import Timeline
from tachograph_cli.demo.simulation import SimulatedFleet
from tachograph_cli.local.stack import Stack
from tachograph_schema.documents.fleet import Fleet as Policy
from tachograph_schema.documents.task import Task
from tachograph_schema.paths import baseline_id

_MINUTE = timedelta(minutes=1)
_POLICY = Policy()


def _write(db: firestore.Client, fleet: str, name: str, **fields: object) -> datetime:
    """Write a session, or some of its fields, as its agent does; return when that was."""
    said = {"last_seen_at": firestore.SERVER_TIMESTAMP, **fields}
    written: Any = db.document("fleets", fleet, "sessions", name).set(said, merge=True)
    at: datetime = written.update_time
    return at


def _session(db: firestore.Client, fleet: str, name: str = "s-1") -> dict[str, Any]:
    return db.document("fleets", fleet, "sessions", name).get().to_dict() or {}


def _task(db: firestore.Client, fleet: str, name: str = "t-1") -> dict[str, Any]:
    return db.document("fleets", fleet, "tasks", name).get().to_dict() or {}


def _watch(db: firestore.Client, fleet: str, now: datetime) -> WatchResult:
    return watch(db, fleet, _POLICY, now)


_WORKS = {"state": "active", "last_progress_at": firestore.SERVER_TIMESTAMP}


def test_session_without_progress_is_found_stuck_in_the_tick_it_is_due_and_not_before(
    db: firestore.Client, fleet_name: str
) -> None:
    at = _write(db, fleet_name, "s-1", **_WORKS)
    allowed = 3 * timedelta(seconds=_POLICY.liveness.expected_duration_s)
    assert _watch(db, fleet_name, at + allowed - _MINUTE).found_stuck == 0
    assert _watch(db, fleet_name, at + allowed + _MINUTE).found_stuck == 1
    assert _session(db, fleet_name)["state"] == "active", "what it says stays what it says"
    assert _session(db, fleet_name)["effective_state"] == "stuck"
    assert _watch(db, fleet_name, at + 2 * allowed) == WatchResult(1, 0, 0, 0), "said once"


def test_progress_or_the_end_of_the_work_clears_stuck_in_the_next_tick(
    db: firestore.Client, fleet_name: str
) -> None:
    at = max(_write(db, fleet_name, f"s-{n}", **_WORKS) for n in range(3))
    _watch(db, fleet_name, at + timedelta(hours=1))
    _write(db, fleet_name, "s-0", last_progress_at=firestore.SERVER_TIMESTAMP)
    _write(db, fleet_name, "s-1", state="idle")
    now = _write(db, fleet_name, "s-2", model="says nothing of progress")
    assert _watch(db, fleet_name, now).cleared == 2
    states = [_session(db, fleet_name, f"s-{n}").get("effective_state") for n in range(3)]
    assert states == [None, None, "stuck"]


def test_median_of_such_tasks_is_what_stuck_is_measured_by_and_then_what_the_task_says(
    db: firestore.Client, fleet_name: str
) -> None:
    model = "claude-opus-4-6"
    baseline = db.document("fleets", fleet_name, "baselines", baseline_id("build", model))
    baseline.set({"quantiles": {"duration_ms": {"n": 9, "p50": 3_600_000, "p95": 9_000_000}}})
    for name, task_type in (("t-1", "build"), ("t-2", "other")):
        task = {"task_type": task_type, "model": model, "expected_duration_ms": 600_000 * 2}
        db.document("fleets", fleet_name, "tasks", name).set(task)
    at = max(_write(db, fleet_name, f"s-{n}", **_WORKS, task_id=f"t-{n}") for n in (1, 2))

    def stuck(now: datetime) -> list[str]:
        _watch(db, fleet_name, now)
        return [n for n in ("s-1", "s-2") if "effective_state" in _session(db, fleet_name, n)]

    assert stuck(at + timedelta(minutes=59)) == []
    assert stuck(at + timedelta(minutes=61)) == ["s-2"]
    assert stuck(at + timedelta(minutes=179)) == ["s-2"]
    assert stuck(at + timedelta(minutes=181)) == ["s-1", "s-2"]


def test_tool_that_declared_itself_is_no_cause_for_alarm_until_its_deadline(
    db: firestore.Client, fleet_name: str
) -> None:
    waits = {**_WORKS, "state": "waiting", "waiting_for": "pytest"}
    _write(db, fleet_name, "s-1", **waits, waiting_max_ms=7_200_000)
    # An agent whose clock is a quarter of an hour slow, and which speaks by no other.
    slow = datetime.now(UTC) - 15 * _MINUTE
    at = _write(
        db,
        fleet_name,
        "s-2",
        **{**waits, "last_progress_at": slow, "last_seen_at": slow},
        waiting_until=slow + timedelta(hours=2),
    )
    assert _watch(db, fleet_name, at + timedelta(minutes=119)).found_stuck == 0
    assert _watch(db, fleet_name, at + timedelta(minutes=121)).found_stuck == 2


@pytest.mark.parametrize("skew_min", [-20, -3, 3, 20])
def test_agents_clock_that_is_wrong_by_minutes_neither_raises_nor_hides_an_alarm(
    db: firestore.Client, fleet_name: str, skew_min: int
) -> None:
    theirs = datetime.now(UTC) + skew_min * _MINUTE
    working = {"state": "active", "last_progress_at": theirs, "last_seen_at": theirs}
    at = _write(db, fleet_name, "s-1", **working, heartbeat_s=1800)
    _write(db, fleet_name, "s-2", **working)
    assert _watch(db, fleet_name, at + _MINUTE) == _look(0, 0)
    assert _watch(db, fleet_name, at + 29 * _MINUTE) == _look(0, 0)
    late = max(0, skew_min)  # a clock that is ahead is found by so much later
    assert _watch(db, fleet_name, at + (31 + late) * _MINUTE) == _look(2, 0)
    assert _watch(db, fleet_name, at + (92 + late + 31) * _MINUTE) == _look(0, 1)


class _look:  # noqa: N801 - reads as a value
    """Any look that found so many stuck and closed so many, however much it read."""

    def __init__(self, found_stuck: int, closed: int) -> None:
        self._came_to = (found_stuck, closed)

    def __eq__(self, look: object) -> bool:
        return isinstance(look, WatchResult) and (look.found_stuck, look.closed) == self._came_to

    __hash__ = None  # type: ignore[assignment]  # compared, never kept

    def __repr__(self) -> str:
        return f"(found_stuck, closed) == {self._came_to}"


def test_session_that_broke_its_promise_is_closed_and_its_tasks_are_claimable_again(
    db: firestore.Client, fleet_name: str
) -> None:
    at = _write(db, fleet_name, "s-1", **_WORKS, heartbeat_s=60, agent_id="b-1")
    tasks = db.collection("fleets", fleet_name, "tasks")
    spent = {"tokens_in": 5, "cost_nanousd": 70, "session_id": "s-1", "agent_id": "b-1"}
    for name, status in (("t-1", "active"), ("t-2", "claimed"), ("t-3", "completed")):
        tasks.document(name).set({**spent, "status": status})
    tasks.document("t-4").set({**spent, "session_id": "s-2", "status": "active"})
    assert _watch(db, fleet_name, at + 2.9 * _MINUTE).closed == 0
    assert _watch(db, fleet_name, at + 3.1 * _MINUTE).closed == 1
    closed = _session(db, fleet_name)
    assert (closed["state"], closed["end_reason"]) == ("completed", "crashed")
    assert closed["ended_at"] == closed["last_seen_at"], "when it was last there"
    statuses = [_task(db, fleet_name, f"t-{n}")["status"] for n in (1, 2, 3, 4)]
    assert statuses == ["queued", "queued", "completed", "active"]
    released = _task(db, fleet_name)
    assert {name: released[name] for name in spent} == spent
    assert released["lost_session_id"] == "s-1"
    assert set(released) <= set(Task.model_fields)
    assert _watch(db, fleet_name, at + 9 * _MINUTE) == WatchResult(0, 0, 0, 0)


def test_session_or_task_that_is_written_while_it_is_judged_is_left_alone(
    db: firestore.Client, fleet_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = _write(db, fleet_name, "s-1", **_WORKS, heartbeat_s=60)
    held = {"status": "active", "session_id": "s-1"}
    db.document("fleets", fleet_name, "tasks", "t-1").set(held)

    def meanwhile(*asked: Any) -> Any:  # noqa: ANN401 - passes on what it is given
        _write(db, fleet_name, "s-1", **_WORKS)
        return expected_duration.expected_durations(*asked)

    monkeypatch.setattr("liveness.watch.expected_durations", meanwhile)
    assert _watch(db, fleet_name, at + 10 * _MINUTE).closed == 0
    assert _session(db, fleet_name)["state"] == "active"
    assert _task(db, fleet_name) == held


def test_session_that_promised_nothing_is_lost_after_a_day_and_looked_for_by_the_hour(
    db: firestore.Client, fleet_name: str
) -> None:
    documents = db.collection("fleets", fleet_name, "sessions")
    for name, state in (("s-1", "active"), ("s-2", "idle"), ("s-3", "completed")):
        documents.document(name).set({"state": state, "agent_id": "plain"})
    at = datetime.now(UTC)

    def walked(now: datetime) -> WatchResult | None:
        watching._walked.clear()  # as another process
        return walk_if_due(db, fleet_name, _POLICY, now)

    assert walked(at + timedelta(hours=23)) == WatchResult(2, 0, 0, 0)
    assert walked(at + timedelta(hours=25)) == WatchResult(2, 0, 0, 2)
    assert walk_if_due(db, fleet_name, _POLICY, at + timedelta(hours=25)) is None
    assert walked(at + timedelta(hours=26)) == WatchResult(0, 0, 0, 0)
    reasons = [_session(db, fleet_name, f"s-{n}").get("end_reason") for n in (1, 2, 3)]
    assert reasons == ["crashed", "completed", None], "who was idle has not crashed"


def test_recording_of_last_month_is_neither_stuck_nor_lost_on_sight(
    db: firestore.Client, fleet_name: str
) -> None:
    then = datetime.now(UTC) - timedelta(days=30)
    said = {"state": "active", "last_seen_at": then, "last_progress_at": then, "started_at": then}
    at = _write(db, fleet_name, "s-1", **said)
    assert _watch(db, fleet_name, at + _MINUTE) == WatchResult(1, 0, 0, 0)
    watching._walked.clear()
    assert walk_if_due(db, fleet_name, _POLICY, at + 25 * 60 * _MINUTE) == _look(0, 1)
    assert _session(db, fleet_name)["ended_at"] == then, "in its own time"


def test_fleet_that_is_well_costs_three_queries_however_large(
    db: firestore.Client, firestore_host: str, fleet_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = db.bulk_writer()
    for n in range(1000):
        ref = db.document("fleets", fleet_name, "sessions", f"s-{n}")
        said = {"state": ("idle", "active")[n % 2], "heartbeat_s": 60, **_NOW}
        batch.create(ref, said)
    batch.close()
    with metered(firestore_host) as meter:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", meter.address)
        client = firestore.Client(project=db.project, credentials=db._credentials)
        assert _watch(client, fleet_name, datetime.now(UTC)) == WatchResult(0, 0, 0, 0)
        assert meter.take() == [("RunQuery", 0)] * 3
        client.close()


_NOW = {
    "last_seen_at": firestore.SERVER_TIMESTAMP,
    "last_progress_at": firestore.SERVER_TIMESTAMP,
}


def test_suspect_is_read_once_a_tick_and_its_task_once_in_ten_minutes(
    db: firestore.Client, firestore_host: str, fleet_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = _write(db, fleet_name, "s-1", **_WORKS, task_id="t-1")
    expected_duration._documents.clear()
    with metered(firestore_host) as meter:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", meter.address)
        client = firestore.Client(project=db.project, credentials=db._credentials)
        for n, asks in ((6, 1), (7, 0), (8, 0)):
            assert _watch(client, fleet_name, at + n * _MINUTE) == WatchResult(1, 0, 0, 0)
            calls = meter.take()
            assert calls.count(("RunQuery", 0)) == 3
            assert calls.count(("BatchGetDocuments", 0)) == asks
        client.close()


def test_tick_over_http_finds_who_is_stuck(
    emulator: Stack, db: firestore.Client, fleet_name: str
) -> None:
    hung = {**_WORKS, "last_progress_at": datetime.now(UTC) - timedelta(hours=1)}
    _write(db, fleet_name, "s-1", **hung)
    with serve("tick", emulator.address("firestore")) as served:
        urllib.request.urlopen(f"{served.url}?fleet={fleet_name}", timeout=60).read()
    assert _session(db, fleet_name)["effective_state"] == "stuck"


def test_pretended_agent_that_hangs_is_found_though_it_says_that_it_is_at_work(
    db: firestore.Client, fleet_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tachograph_cli.demo.__main__.HISTORY_S_PER_HOUR", 0.01)
    with Fleet(fleet_name) as fleet:
        timeline = Timeline(fleet, SimulatedFleet(7, 12, "x"), "x", hours=8)
        timeline.play_past(datetime.now(UTC))
        [hung] = timeline._hung
        hung.hang()
        fleet.flush(60)
        looked = _watch(db, fleet_name, datetime.now(UTC))
        assert (looked.found_stuck, looked.closed) == (1, 0)
        stuck = firestore.FieldFilter("effective_state", "==", "stuck")
        [found] = db.collection("fleets", fleet_name, "sessions").where(filter=stuck).stream()
        assert found.get("agent_id") == hung.agent.name
        assert found.get("state") in ("active", "waiting")
