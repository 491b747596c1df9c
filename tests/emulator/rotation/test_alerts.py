"""Alerts about rotations: opened with the trouble, and resolved when it is over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.cloud import firestore

from alerting.rules import RULES
from rotation import resolution
from rotation.hand_over import start_successor
from rotation.launch import CannotStartError
from rotation.lifecycle import settle_open, settle_session
from runtime.policy import _policies, policy

_OLD = datetime.now(UTC) - timedelta(hours=2)
_JOB = {"job": "projects/p/locations/l/jobs/j"}


class _Fleet:
    """A fleet with one session, its task, and a signal that nobody acted on for two hours."""

    def __init__(self, db: firestore.Client, name: str) -> None:
        self.db, self.name = db, name
        self.put("sessions/s-1", agent_id="b-1", state="active", context_remaining_pct=10.0,
                 task_id="t-1", generation=0, reported_at=datetime.now(UTC))  # fmt: skip
        held = {"status": "active", "agent_id": "b-1", "session_id": "s-1", "claimed_at": _OLD}
        self.put("tasks/t-1", **held)

    def signal(self, status: str, **fields: object) -> None:
        times = {"created_at": _OLD} | ({} if status == "pending" else {f"{status}_at": _OLD})
        self.put("signals/rotate_s-1_0", kind="rotate", status=status, session_id="s-1",
                 agent_id="b-1", task_id="t-1", generation=0, **times, **fields)  # fmt: skip

    def put(self, path: str, **fields: object) -> None:
        self.db.document(f"fleets/{self.name}/{path}").set(fields)

    def change(self, path: str, **fields: object) -> None:
        self.db.document(f"fleets/{self.name}/{path}").update(fields)

    def get(self, path: str) -> dict[str, Any]:
        return self.db.document(f"fleets/{self.name}/{path}").get().to_dict() or {}

    def rotation(self, **fields: object) -> None:
        self.db.document("fleets", self.name).set({"rotation": fields})
        _policies().clear()

    def tick(self) -> None:
        """Do what a tick of another process does."""
        resolution._refusals.clear()
        settle_open(self.db, self.name)

    def open_alerts(self) -> set[str]:
        found = self.db.collection(f"fleets/{self.name}/alerts").stream()
        alerts = [alert.to_dict() or {} for alert in found]
        return {alert["rule"] for alert in alerts if "resolved_at" not in alert}


@pytest.fixture
def fleet(db: firestore.Client, fleet_name: str, monkeypatch: pytest.MonkeyPatch) -> _Fleet:
    monkeypatch.setattr("runtime.policy.db", lambda: db)
    return _Fleet(db, fleet_name)


def _unheeded(fleet: _Fleet) -> None:
    fleet.signal("pending")
    fleet.tick()


def _escalated(fleet: _Fleet) -> None:
    fleet.rotation(escalate="hand_over", **_JOB)
    fleet.signal("pending")
    fleet.tick()
    assert fleet.get("signals/rotate_s-1_0")["status"] == "pending"


def _without_successor(fleet: _Fleet) -> None:
    fleet.change("sessions/s-1", ended_at=_OLD, state="completed", end_reason="rotated")
    fleet.signal("journaled", journal_ref="notes")
    fleet.tick()
    assert fleet.get("tasks/t-1")["status"] == "queued"


def _failed_without_notes(fleet: _Fleet) -> None:
    own = {"status": "active", "agent_id": "b-1", "session_id": "s-1", "reports": {"b-1:s-1": 1}}
    fleet.put("tasks/t-1", **own)
    fleet.change("sessions/s-1", ended_at=_OLD, state="completed", end_reason="rotated")
    fleet.signal("journaled")
    fleet.tick()
    assert fleet.get("tasks/t-1")["status"] == "failed"


def _refused(fleet: _Fleet) -> None:
    fleet.rotation(**_JOB)
    fleet.signal("journaled")
    with pytest.MonkeyPatch.context() as patch:

        def refuse(*_: object) -> None:
            raise CannotStartError("no such job")

        patch.setattr("rotation.hand_over.start_job", refuse)
        start_successor(fleet.db, fleet.name, "rotate_s-1_0", policy(fleet.name).rotation)


def _session(**fields: object) -> Callable[[_Fleet], None]:
    return lambda fleet: fleet.change("sessions/s-1", **fields)


def _task(**fields: object) -> Callable[[_Fleet], None]:
    return lambda fleet: fleet.change("tasks/t-1", **fields)


def _successor(fleet: _Fleet) -> None:
    fleet.put("sessions/s-2", agent_id="b-1", predecessor_session_id="s-1", state="active",
              context_used_tokens=9_000)  # fmt: skip


def _starts(fleet: _Fleet) -> None:
    fleet.change("signals/rotate_s-1_0", lease_until=_OLD)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rotation.hand_over.start_job", lambda *_: "e-1")
        start_successor(fleet.db, fleet.name, "rotate_s-1_0", policy(fleet.name).rotation)


def _names_no_job(fleet: _Fleet) -> None:
    fleet.rotation()
    fleet.change("signals/rotate_s-1_0", status="completed")


_ENDED = {"ended_at": _OLD, "state": "completed", "end_reason": "completed"}
_Step = Callable[[_Fleet], None]
_CASES: list[tuple[str, _Step, _Step]] = [
    ("rotation_unheeded", _unheeded, _session(**_ENDED)),
    ("rotation_unheeded", _unheeded, _session(**_ENDED | {"end_reason": "crashed"})),
    ("rotation_unheeded", _unheeded, _session(generation=1)),
    ("rotation_unheeded", _unheeded, _session(context_remaining_pct=80.0)),
    ("rotation_unheeded", _unheeded, _session(voided=True)),
    ("rotation_unheeded", _unheeded, _successor),
    ("rotation_unheeded", _escalated, _session(**_ENDED)),
    ("rotation_unheeded", _escalated, _successor),
    ("rotation_unheeded", _escalated, lambda fleet: fleet.change(
        "signals/rotate_s-1_0", status="journaled", journaled_at=datetime.now(UTC))),
    ("rotation_without_successor", _without_successor, _successor),
    ("rotation_without_successor", _without_successor,
     _task(status="active", session_id="s-9", agent_id="b-9", lost_session_id=None)),
    ("rotation_without_successor", _without_successor, _task(status="cancelled")),
    ("rotation_without_successor", _without_successor, _task(status="completed")),
    ("rotation_without_successor", _without_successor,
     _session(ended_at=None, state="active", end_reason=None, context_remaining_pct=90.0)),
    ("rotation_without_successor", _failed_without_notes,
     lambda fleet: fleet.change("signals/rotate_s-1_0", created_at=_OLD - timedelta(days=2),
                                journaled_at=_OLD - timedelta(days=2))),
    ("hand_over_refused", _refused, _starts),
    ("hand_over_refused", _refused, _names_no_job),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "trouble", "end"), _CASES)
def test_alert_stays_open_while_its_trouble_lasts_and_is_resolved_when_it_is_over(
    fleet: _Fleet, rule: str, trouble: _Step, end: _Step
) -> None:
    trouble(fleet)
    assert fleet.open_alerts() == {rule}
    fleet.tick()
    assert fleet.open_alerts() == {rule}, "nothing has changed"
    end(fleet)
    fleet.tick()
    assert fleet.open_alerts() == set()
    assert "open_alert" not in fleet.get("signals/rotate_s-1_0")


def test_every_rule_that_opens_alerts_has_a_way_to_resolve_them() -> None:
    elsewhere = {"tick_incomplete"}  # tests/emulator/hostile: resolved when the units are done
    assert {rule for rule, _, _ in _CASES} | elsewhere == set(RULES)


def test_event_of_a_sessions_end_resolves_its_alert_without_waiting_for_a_tick(
    fleet: _Fleet,
) -> None:
    _unheeded(fleet)
    _session(**_ENDED)(fleet)
    settle_session(fleet.db, fleet.name, "s-1")
    assert fleet.open_alerts() == set()


def test_second_alert_about_a_rotation_takes_the_place_of_the_first(fleet: _Fleet) -> None:
    _escalated(fleet)
    fleet.change("signals/rotate_s-1_0", starts=99, escalated_at=_OLD)
    fleet.tick()
    assert fleet.open_alerts() == {"rotation_without_successor"}
    _successor(fleet)
    fleet.tick()
    assert fleet.open_alerts() == set()


def test_foreign_session_that_names_a_predecessor_resolves_no_alert(fleet: _Fleet) -> None:
    _without_successor(fleet)
    fleet.put("sessions/hostile", agent_id="mallory", predecessor_session_id="s-1",
              state="active", context_used_tokens=9_000)  # fmt: skip
    fleet.tick()
    assert fleet.open_alerts() == {"rotation_without_successor"}


def test_alert_whose_signals_mark_was_left_behind_is_resolved_by_the_next_tick(
    fleet: _Fleet,
) -> None:
    _unheeded(fleet)
    _session(**_ENDED)(fleet)
    fleet.change("alerts/rotation_unheeded_rotate_s-1_0", resolved_at=_OLD)  # and then it was ended
    fleet.tick()
    assert "open_alert" not in fleet.get("signals/rotate_s-1_0")
    assert fleet.get("alerts/rotation_unheeded_rotate_s-1_0")["resolved_at"] == _OLD
