"""Rotation, whole: a session crosses its threshold and another process goes on with its task."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from google.cloud import firestore

from support.wire.wait import LONG_S, until
from tachograph import Fleet, SuccessionTaken, Usage

_MODEL = {"model": "claude-haiku-4-5", "provider": "anthropic"}


def _signals(db: firestore.Client, fleet: str) -> firestore.CollectionReference:
    return db.collection("fleets", fleet, "signals")


@contextmanager
def _low(db: firestore.Client, name: str, **policy: object) -> Iterator[tuple[Fleet, Any, Any]]:
    """Give a fleet, and a session of it that is told to rotate in the middle of a task."""
    db.document("fleets", name).set({"rotation": policy})
    with Fleet(name, flush_interval_s=0.05, count_writes=True) as fleet:
        session = fleet.session("b-1", session_id="s-1", context_window=200_000, **_MODEL)
        assert not session.should_rotate
        task = session.task("t-1", task_type="build")
        task.record(Usage(tokens_in=140_000), **_MODEL)
        assert session.wait_for_signal(LONG_S)
        yield fleet, session, task


def test_session_that_crosses_its_threshold_is_followed_by_a_process_that_ends_its_task(
    stack_db: firestore.Client, fleet_name: str, root: Path
) -> None:
    command = [sys.executable, str(root / "examples/successor.py")]
    with _low(stack_db, fleet_name, local_command=command) as (fleet, session, task):
        until(_signals(stack_db, fleet_name), lambda s: s[0]["status"] == "acknowledged")
        task.record(Usage(tokens_in=900, tokens_out=800), **_MODEL, overhead="rotation")
        session.hand_off(journal="notes/s-1.md")
        [signal] = until(
            _signals(stack_db, fleet_name), lambda s: s[0]["status"] in ("completed", "expired")
        )
        ref = stack_db.document("fleets", fleet_name, "tasks", "t-1")
        [ended] = until(ref, lambda t: t[0].get("status") == "completed")
        assert fleet.settle(LONG_S).pending == 0

    assert (signal["status"], signal["generation"], signal["starts"]) == ("completed", 0, 1)
    assert (signal["task_id"], signal["journal_ref"]) == ("t-1", "notes/s-1.md")
    assert signal["created_at"] <= signal["acknowledged_at"] <= signal["journaled_at"]
    assert signal["journaled_at"] <= signal["succeeded_at"] <= signal["completed_at"]
    successor = signal["successor_session_id"]
    fields = stack_db.document("fleets", fleet_name, "sessions", successor).get().to_dict() or {}
    assert (fields["predecessor_session_id"], fields["generation"]) == ("s-1", 1)
    assert (fields["bootstrap_tokens"], fields["journal_ref"]) == (12_000, "notes/s-1.md")
    assert fields["handoff_ms"] == signal["handoff_ms"] > 0

    assert (ended["session_id"], ended["rotations"]) == (successor, 1)
    assert (ended["attempt_kind"], "handoffs" in ended) == ("rotation", False)
    assert ended["tokens_in"] == 140_000 + 900 + 12_000
    # The journal's 900 in and 800 out, and the bootstrap's 12,000 in and 400 out, at $1 and $5.
    assert ended["rotation_cost_nanousd"] == (900 + 12_000) * 1_000 + (800 + 400) * 5_000

    hours = stack_db.document("fleets", fleet_name, "rollups", "total_all")
    [rollup] = until(
        hours,
        lambda r: bool(r) and bool(r[0]["c"]["fleet"].get("rotation_completed")),
    )
    row = rollup["c"]["fleet"]
    assert row["handoffs_within_target"] + row.get("handoffs_late", 0) == 1
    assert row["sessions_rotated"] == row["rotations"] == row["rotation_completed"] == 1


def test_session_that_heeds_nothing_is_followed_anyway_where_the_fleet_wants_it(
    stack_db: firestore.Client, fleet_name: str, root: Path
) -> None:
    policy = {
        "local_command": [sys.executable, str(root / "examples/successor.py")],
        "escalate": "hand_over",
        "expire_after_s": 1,
    }
    with _low(stack_db, fleet_name, **policy) as (fleet, session, _):
        fleet.flush()
        [signal] = until(
            _signals(stack_db, fleet_name), lambda s: s[0]["status"] in ("completed", "expired")
        )
        assert signal["status"] == "completed"
        assert "escalated_at" in signal
        assert session.relieved
        alerts = stack_db.collection("fleets", fleet_name, "alerts")
        [alert] = until(alerts, lambda a: bool(a) and "resolved_at" in a[0])
        assert (alert["rule"], alert["subject"]) == ("rotation_unheeded", "b-1")
        closed = stack_db.document("fleets", fleet_name, "sessions", "s-1").get().to_dict() or {}
        assert (closed["end_reason"], closed["state"]) == ("rotated", "completed")


def test_successor_that_cannot_be_started_is_an_alert_and_its_task_is_anybodys_again(
    stack_db: firestore.Client, fleet_name: str
) -> None:
    broken = [sys.executable, "-c", "raise SystemExit('no notes')"]
    policy = {"local_command": broken, "max_starts": 2, "start_within_s": 1}
    with _low(stack_db, fleet_name, **policy) as (fleet, session, _):
        session.hand_off(journal="notes/s-1.md")
        [signal] = until(_signals(stack_db, fleet_name), lambda s: s[0]["status"] == "expired")
        assert (signal["expired_because"], signal["starts"]) == ("no_successor", 2)
        assert signal["trouble"].endswith("no notes")
        alerts = stack_db.collection("fleets", fleet_name, "alerts")
        [alert] = until(alerts, bool)
        assert (alert["rule"], alert["severity"]) == ("rotation_without_successor", "critical")
        assert "no notes" in alert["detail"]
        with fleet.session("b-2") as other:
            assert other.claim("t-1").id == "t-1"


def test_agent_that_opens_its_own_successor_needs_nobody_to_start_one(
    stack_db: firestore.Client, fleet_name: str
) -> None:
    with _low(stack_db, fleet_name) as (fleet, session, _):
        session.hand_off(journal="notes/s-1.md")
        fleet.flush()
        with fleet.session("b-1", successor_of="s-1", context_window=200_000) as fresh:
            with pytest.raises(SuccessionTaken):
                fleet.session("b-9", successor_of="s-1")
            task = fresh.take_over()
            assert task
            assert (task.id, fresh.take_over()) == ("t-1", task)
            task.record(Usage(tokens_in=9_000), **_MODEL)
            task.complete()
            [signal] = until(
                _signals(stack_db, fleet_name), lambda s: s[0]["status"] == "completed"
            )
        assert signal["successor_session_id"] == fresh.id


def test_compaction_in_place_relieves_a_session_and_the_next_low_is_told_anew(
    stack_db: firestore.Client, fleet_name: str
) -> None:
    with _low(stack_db, fleet_name) as (_, session, task):
        session.compacted(20_000)
        assert not session.should_rotate
        [first] = until(_signals(stack_db, fleet_name), lambda s: s[0]["status"] == "expired")
        assert (first["expired_because"], first["generation"]) == ("compacted", 0)
        task.record(Usage(tokens_in=150_000), **_MODEL)
        assert until(_signals(stack_db, fleet_name), lambda s: len(s) == 2)
        assert session.wait_for_signal(LONG_S)
        assert session.signal
        assert session.signal["generation"] == 1
