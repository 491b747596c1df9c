"""Sessions that were not heard of: their tasks go on with another, and they learn of it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.cloud import firestore

from liveness.watch import watch
from tachograph import Fleet, Usage
from tachograph_schema.documents.fleet import Fleet as Policy
from tachograph_schema.documents.session import Session
from tachograph_schema.documents.task import Task
from tachograph_schema.parsing import parse

_HAIKU = {"model": "claude-haiku-4-5", "provider": "anthropic"}
_CALL_NANOUSD = 100 * 1000
_LOST = timedelta(minutes=4)


def _read(db: firestore.Client, fleet: str, collection: str, name: str) -> dict[str, Any]:
    found = db.document("fleets", fleet, collection, name).get().to_dict() or {}
    _, problems = parse({"tasks": Task, "sessions": Session}[collection], found)
    assert problems == ()
    return found


def _lose(db: firestore.Client, fleet: str) -> int:
    """Have the functions look minutes later, as if nothing had been heard in between."""
    return watch(db, fleet, Policy(), datetime.now(UTC) + _LOST).closed


def test_session_of_the_sdk_is_dated_by_the_database_and_promises_a_heartbeat(
    db: firestore.Client, fleet_name: str
) -> None:
    with Fleet(fleet_name, heartbeat_s=300) as fleet:
        live = fleet.session("b-1", session_id="live")
        past = datetime(2026, 3, 1, tzinfo=UTC)
        fleet.session("b-1", session_id="past", at=past, replayed=True)
        fleet.session("b-1", session_id="told", at=past)
        fleet.flush()
        now = _read(db, fleet_name, "sessions", "live")
        assert now["heartbeat_s"] == 300
        assert now["last_seen_at"] == now["last_progress_at"] == now["started_at"]
        assert abs(now["last_seen_at"] - now["reported_at"]) < timedelta(hours=1)
        for name in ("past", "told"):
            then = _read(db, fleet_name, "sessions", name)
            assert "heartbeat_s" not in then
            assert then["last_seen_at"] == then["started_at"] == past
        with Fleet(fleet_name, heartbeat_s=None) as silent:
            silent.session("b-1", session_id="silent")
        assert "heartbeat_s" not in _read(db, fleet_name, "sessions", "silent")
        live.end()
    ended = _read(db, fleet_name, "sessions", "live")
    assert ended["ended_at"] == ended["last_seen_at"] > now["started_at"]


def test_session_that_has_nothing_to_say_is_heard_of_all_the_same(
    db: firestore.Client, fleet_name: str
) -> None:
    with Fleet(fleet_name) as fleet:
        session = fleet.session("b-1", session_id="s-1")
        fleet.flush()
        before = _read(db, fleet_name, "sessions", "s-1")
        beaten = threading.Event()
        watched = db.document("fleets", fleet_name, "sessions", "s-1").on_snapshot(
            lambda found, *_: (
                beaten.set() if found[0].get("last_seen_at") > before["last_seen_at"] else None
            )
        )
        activity = session._activity
        activity._document.written_s -= 61  # as if nothing had been written for so long
        activity._writer.keep_alive(activity._document, activity._fields, 60)
        assert beaten.wait(60)
        watched.unsubscribe()
    after = _read(db, fleet_name, "sessions", "s-1")
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"last_seen_at"}, "which no counter is made of"


def test_lost_task_is_retried_by_who_claims_it_and_nothing_of_its_spend_is_lost(
    db: firestore.Client, fleet_name: str
) -> None:
    with Fleet(fleet_name) as fleet:
        fleet.create_task("t-1")
        fleet.flush()
        first = fleet.session("b-1", session_id="s-1")
        mine = first.claim("t-1")
        mine.record(Usage(tokens_in=100), **_HAIKU)
        fleet.flush()
        assert _lose(db, fleet_name) == 1
        second = fleet.session("b-2", session_id="s-2")
        theirs = second.claim("t-1")
        theirs.record(Usage(tokens_in=200), **_HAIKU)
        theirs.complete()
        fleet.flush()
    task = _read(db, fleet_name, "tasks", "t-1")
    assert (task["status"], task["session_id"], task["agent_id"]) == ("completed", "s-2", "b-2")
    assert (task["attempt"], task["attempt_kind"], task["retries"]) == (2, "retry", 1)
    assert task["cost_nanousd"] == 3 * _CALL_NANOUSD
    assert task["retry_cost_nanousd"] == 2 * _CALL_NANOUSD


def test_session_that_returns_adds_its_tokens_and_learns_that_it_lost_its_task(
    db: firestore.Client, fleet_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        Fleet(fleet_name, flush_interval_s=3600) as away,
        Fleet(fleet_name) as other,
    ):
        other.create_task("t-1")
        other.flush()
        first = away.session("b-1", session_id="s-1")
        mine = first.claim("t-1")
        away.flush()
        mine.record(Usage(tokens_in=100), **_HAIKU)  # the network is gone
        assert _lose(db, fleet_name) == 1
        second = other.session("b-2", session_id="s-2")
        theirs = second.claim("t-1")
        theirs.record(Usage(tokens_in=200), **_HAIKU)
        other.flush()
        mine.complete()
        away.flush()  # and is back
        task = _read(db, fleet_name, "tasks", "t-1")
        assert (task["status"], task["session_id"]) == ("active", "s-2")
        assert task["cost_nanousd"] == 3 * _CALL_NANOUSD
        assert task["retry_cost_nanousd"] == 2 * _CALL_NANOUSD, "the late tokens are the first's"
        assert first.lost == {"t-1"}
        assert second.lost == set()
        assert "session s-1 was not heard of and lost its task to session s-2" in caplog.text
        back = _read(db, fleet_name, "sessions", "s-1")
        assert (back["state"], back["ended_at"], back["end_reason"]) == ("idle", None, None)
        first.end()
    assert _read(db, fleet_name, "sessions", "s-1")["end_reason"] == "completed"


def test_session_that_returns_before_anybody_took_its_task_goes_on_with_it(
    db: firestore.Client, fleet_name: str
) -> None:
    with Fleet(fleet_name) as fleet:
        fleet.create_task("t-1")
        fleet.flush()
        session = fleet.session("b-1", session_id="s-1")
        task = session.claim("t-1")
        fleet.flush()
        assert _lose(db, fleet_name) == 1
        assert _read(db, fleet_name, "tasks", "t-1")["status"] == "queued"
        task.record(Usage(tokens_in=100), **_HAIKU)
        fleet.flush()
        found = _read(db, fleet_name, "tasks", "t-1")
        assert (found["status"], found["lost_session_id"]) == ("active", None)
        assert session.lost == set()
        task.complete()
    found = _read(db, fleet_name, "tasks", "t-1")
    assert (found["status"], found.get("retries")) == ("completed", None)


def test_task_that_was_never_queued_fails_with_its_session_unless_that_returns(
    db: firestore.Client, fleet_name: str
) -> None:
    with Fleet(fleet_name) as fleet:
        task = fleet.session("b-1", session_id="s-1").task("t-1")
        fleet.flush()
        assert _lose(db, fleet_name) == 1
        found = _read(db, fleet_name, "tasks", "t-1")
        assert (found["status"], found["error_type"]) == ("failed", "session_lost")
        task.record(Usage(tokens_in=100), **_HAIKU)
        task.complete()
    found = _read(db, fleet_name, "tasks", "t-1")
    assert (found["status"], found["error_type"]) == ("completed", None)


def test_exception_that_ends_a_session_gives_its_tasks_back(
    db: firestore.Client, fleet_name: str
) -> None:
    with Fleet(fleet_name) as fleet:
        fleet.create_task("queued")
        fleet.create_task("done")
        fleet.flush()
        with pytest.raises(ZeroDivisionError):
            _fail(fleet)
    statuses = [_read(db, fleet_name, "tasks", t)["status"] for t in ("done", "queued", "own")]
    assert statuses == ["completed", "queued", "failed"]
    assert _read(db, fleet_name, "sessions", "s-1")["end_reason"] == "crashed"


def _fail(fleet: Fleet) -> None:
    with fleet.session("b-1", session_id="s-1") as session:
        session.claim("done").complete()
        session.claim("queued")
        session.task("own")
        _ = 1 / 0


def test_declared_wait_is_told_and_ends_with_its_block(
    db: firestore.Client, fleet_name: str
) -> None:
    def told() -> tuple[object, ...]:
        fleet.flush()
        found = _read(db, fleet_name, "sessions", "s-1")
        return found["state"], found["waiting_for"], found["waiting_max_ms"]

    with Fleet(fleet_name) as fleet:
        session = fleet.session("b-1", session_id="s-1")
        task = session.task("t-1")
        with task.tool_call("pytest", up_to_s=900):
            assert told() == ("waiting", "pytest", 900_000)
            with session.waiting("approval", up_to_s=60):
                assert told() == ("waiting", "pytest", 900_000), "the one that ends last"
            assert told() == ("waiting", "pytest", 900_000)
        assert told() == ("active", None, None)
        with pytest.raises(ValueError, match="up_to_s is 0; expected seconds above 0"):
            session.waiting("nothing", up_to_s=0)
    assert _read(db, fleet_name, "tasks", "t-1")["tools"]["pytest"]["calls"] == 1


def test_session_whose_every_task_is_over_is_idle_and_so_never_stuck(
    db: firestore.Client, fleet_name: str
) -> None:
    def state() -> object:
        fleet.flush()
        return _read(db, fleet_name, "sessions", "s-1")["state"]

    with Fleet(fleet_name) as fleet:
        session = fleet.session("b-1", session_id="s-1")
        first, second = session.task("t-1"), session.task("t-2")
        first.complete()
        assert state() == "active", "there is another"
        second.fail("ValueError")
        assert state() == "idle"
        third = session.task("t-3")
        assert state() == "active"
        with session.waiting("approval", up_to_s=60):
            third.cancel()
            assert state() == "waiting"
        assert state() == "idle"


def test_heartbeat_that_is_none_of_those_promised_is_refused(
    db: firestore.Client,  # noqa: ARG001 - sets the environment
    fleet_name: str,
) -> None:
    with pytest.raises(ValueError, match="heartbeat_s is 61; expected 10, 60, 300 or 1800"):
        Fleet(fleet_name, heartbeat_s=61)
