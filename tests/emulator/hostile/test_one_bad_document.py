"""One document that breaks something costs that alone: the rest of the fleet's tick goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.cloud import firestore

import tick
from alerting import tick_alerts
from counting.task import task_cells
from publishing.rollups import publish
from runtime.policy import _policies
from runtime.units import Units
from support.cli import verified
from support.recorded_events import Recorder, deliver, state_of
from support.recount import rollup
from support.wire.events import Served, serve
from tachograph_cli.local.stack import Stack
from tachograph_schema.paths import ledger_key

_DONE = {"status": "completed", "agent_id": "honest", "model": "claude-opus-4-6"}
_DOLLAR = 10**9


@pytest.fixture(scope="module")
def roll_up(emulator: Stack) -> Iterator[Served]:
    with serve("roll_up", emulator.address("firestore")) as served:
        yield served


def _ticked(db: firestore.Client, fleet: str) -> dict[str, Any]:
    """Tick a fleet on schedule and return what is live, which has to be new."""
    began = datetime.now(UTC)
    _policies().clear()
    for snapshot in db.collection("fleets", fleet, "snapshots").stream():
        snapshot.reference.delete()  # the bucket is free again
    assert tick.tick_all(db, [fleet]) == (1, 0)
    live = db.document("fleets", fleet, "live", "now").get().to_dict() or {}
    assert live["at"] >= began
    return live


def _alerts(db: firestore.Client, fleet: str) -> dict[str, bool]:
    """Return the fleet's alerts by name, and whether each is open."""
    alerts = db.collection("fleets", fleet, "alerts").stream()
    return {alert.id: "resolved_at" not in (alert.to_dict() or {}) for alert in alerts}


@pytest.mark.parametrize("name", ["feature/x", "..", "a/b/c", "__x__"])
def test_session_whose_task_cannot_be_named_is_judged_and_the_tick_goes_on(
    db: firestore.Client, fleet_name: str, name: str
) -> None:
    recorder, long_ago = Recorder(db, fleet_name), datetime.now(UTC) - timedelta(hours=30)
    at_work = {"state": "active", "heartbeat_s": 10, "last_progress_at": long_ago}
    for n, task in enumerate((name, "t-1")):
        said = {**at_work, "last_seen_at": long_ago, "task_id": task, "agent_id": "honest"}
        deliver(recorder.write(f"s-{n}", said, "sessions"))
    assert _ticked(db, fleet_name)["sessions_open"] == 2
    assert _alerts(db, fleet_name) == {}


@pytest.mark.parametrize("root", ["a/b", ".", "x" * 1501, "__root__"])
def test_task_whose_root_cannot_be_named_costs_its_tree_and_is_counted(
    db: firestore.Client, fleet_name: str, roll_up: Served, root: str
) -> None:
    recorder = Recorder(db, fleet_name)
    recorder.write("t-1", {**_DONE, "cost_nanousd": 2 * _DOLLAR})
    recorder.write("t-2", {**_DONE, "cost_nanousd": 3 * _DOLLAR, "root_task_id": root})
    assert [roll_up.deliver(write) for write in recorder.writes] == [200, 200]
    assert _ticked(db, fleet_name)["totals"]["cost_nanousd"] == 5 * _DOLLAR
    verification = verified(fleet_name, "--all-ages")
    assert verification["holds"]
    [found] = verification["let_go"]["findings"]
    assert found["where"] == f"fleets/{fleet_name}/tasks/t-2"
    assert found["problem"].startswith("root_task_id is ")


def test_oldest_queued_task_is_found_among_numbers_and_words_for_moments(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder, now = Recorder(db, fleet_name), datetime.now(UTC)
    moments = [
        time.time(),
        7,
        "2x",
        "yesterday",
        (now - timedelta(minutes=9)).isoformat(),
        now - timedelta(minutes=5),
    ]
    for n, created in enumerate(moments):
        deliver(recorder.write(f"t-{n}", {"status": "queued", "created_at": created}))
    live = _ticked(db, fleet_name)
    assert live["queue_depth"] == len(moments)
    assert 540_000 <= live["queue_oldest_age_ms"] < 900_000


def test_tokens_beyond_any_price_are_counted_within_bounds(
    db: firestore.Client, fleet_name: str, roll_up: Served
) -> None:
    recorder, most = Recorder(db, fleet_name), 10**15
    tokens = dict.fromkeys(("tokens_in", "cache_read_tokens", "tokens_out"), most)
    recorder.write("t-1", {**_DONE, **tokens, "agent_id": "liar"})
    recorder.write("t-2", {**_DONE, "cost_nanousd": _DOLLAR})
    assert [roll_up.deliver(write) for write in recorder.writes] == [200, 200]
    _ticked(db, fleet_name)
    hour = rollup(db, fleet_name, f"hour_{datetime.now(UTC):%Y-%m-%dT%H}")["c"]
    assert hour["agent:honest"]["cost_nanousd"] == _DOLLAR
    assert hour["agent:liar"]["cost_nanousd"] == most


def test_task_that_takes_longer_than_a_clock_can_say_never_makes_its_session_stuck(
    db: firestore.Client, fleet_name: str
) -> None:
    db.document("fleets", fleet_name).set({"liveness": {"stuck_factor": 1000}})
    recorder, long_ago = Recorder(db, fleet_name), datetime.now(UTC) - timedelta(days=1)
    recorder.write("t-1", {"status": "active", "expected_duration_ms": 10**15})
    said = {"state": "active", "last_progress_at": long_ago, "last_seen_at": long_ago}
    recorder.write("s-1", {**said, "task_id": "t-1", "waiting_max_ms": 10**15}, "sessions")
    _ticked(db, fleet_name)
    assert _alerts(db, fleet_name) == {}


def test_hour_that_cannot_be_published_is_told_and_keeps_no_other_back(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder, now = Recorder(db, fleet_name), datetime.now(UTC)
    before = now - timedelta(hours=3)
    deliver(recorder.write("t-1", {**_DONE, "cost_nanousd": _DOLLAR}))
    deliver(recorder.write("t-2", {**_DONE, "cost_nanousd": _DOLLAR, "reported_at": before}))
    broken = db.document("fleets", fleet_name, "rollups", f"hour_{before:%Y-%m-%dT%H}")
    broken.set({"as_of": "half written"})
    assert _ticked(db, fleet_name)["totals"]["cost_nanousd"] == _DOLLAR
    assert _alerts(db, fleet_name) == {"tick_incomplete_hour": True}
    tick_alerts._open.clear()  # another process has the next tick
    assert _ticked(db, fleet_name)["totals"]["cost_nanousd"] == _DOLLAR
    broken.delete()
    assert _ticked(db, fleet_name)["totals"]["cost_nanousd"] == 2 * _DOLLAR
    assert _alerts(db, fleet_name) == {"tick_incomplete_hour": False}


def test_tick_without_time_publishes_the_newest_hour_and_the_next_goes_on(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder, now = Recorder(db, fleet_name), datetime.now(UTC).replace(minute=0, second=0)
    for n in range(5):
        said = {**_DONE, "cost_nanousd": 1, "reported_at": now - timedelta(days=8 * n)}
        deliver(recorder.write(f"t-{n}", said))
    published = []
    while hours := publish(db, fleet_name, Units(fleet_name, 2.5, iter(range(1000)).__next__)):
        published.append(hours)
    assert [hours for [hours] in published] == [
        f"{now - timedelta(days=8 * n):%Y-%m-%dT%H}" for n in range(5)
    ]
    assert rollup(db, fleet_name, "total_all")["c"]["fleet"]["cost_nanousd"] == 5


def test_document_that_breaks_the_counting_itself_is_named_and_blocks_no_sweep(
    db: firestore.Client, fleet_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(task: Any, *rest: Any) -> Any:  # noqa: ANN401 - as it is
        if task.title == "poison":
            raise RecursionError(task.title)
        return task_cells(task, *rest)

    monkeypatch.setattr("counting.contribution.task_cells", breaks)
    recorder = Recorder(db, fleet_name)
    deliver(recorder.write("t-1", {**_DONE, "cost_nanousd": _DOLLAR, "title": "poison"}))
    deliver(recorder.write("t-2", {**_DONE, "cost_nanousd": _DOLLAR}))
    assert _ticked(db, fleet_name)["totals"]["cost_nanousd"] == _DOLLAR
    verification = verified(fleet_name, "--all-ages")
    assert verification["holds"]
    [found] = verification["let_go"]["findings"]
    assert "cannot be counted" not in found["problem"]
    assert found["problem"].startswith("the document is more than can be counted (RecursionError)")


def test_event_that_firestore_refuses_is_told_by_verify_at_once(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder = Recorder(db, fleet_name)
    write = recorder.write("t-1", {**_DONE, "cost_nanousd": _DOLLAR})
    waiting = verified(fleet_name)["checks"]["documents"]
    assert (waiting["wrong"], waiting["waiting"]) == (0, 1)
    key = ledger_key(write.path, state_of(write).update_time)
    db.document("fleets", fleet_name, "rejected", key).set({"path": write.path, "problems": ["x"]})
    assert verified(fleet_name)["checks"]["documents"]["wrong"] == 1
