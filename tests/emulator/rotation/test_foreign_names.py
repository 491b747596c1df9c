"""A name in a document is its writer's word: it moves nothing that is another agent's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.cloud import firestore

from liveness.watch import watch
from rotation.lifecycle import MAX_LOOKED_AT, settle, settle_open, settle_session
from rotation.signals import raise_signal
from runtime.policy import policy
from runtime.units import Units
from tachograph_schema.rotation.thresholds import Thresholds

AT = Thresholds(35, 40, 40)
_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
_LOW = {"agent_id": "b-1", "state": "active", "context_remaining_pct": 10.0}
_AT_WORK = {"state": "active", "predecessor_session_id": "s-1", "context_used_tokens": 9_000}


class _Fleet:
    """A fleet with a session that is told to rotate, and what stands in it."""

    def __init__(self, db: firestore.Client, name: str) -> None:
        self.db, self.name = db, name
        self.put("sessions/s-1", _LOW | {"task_id": "t-1"})
        self.put("tasks/t-1", {"status": "active", "agent_id": "b-1", "session_id": "s-1"})
        self.signal(status="journaled")

    def signal(self, name: str = "rotate_s-1_0", **fields: object) -> None:
        signal = {
            "kind": "rotate",
            "status": "pending",
            "session_id": "s-1",
            "agent_id": "b-1",
            "task_id": "t-1",
            "created_at": firestore.SERVER_TIMESTAMP,
        }
        self.put(f"signals/{name}", signal | fields)

    def put(self, path: str, fields: dict[str, Any]) -> None:
        self.db.document(f"fleets/{self.name}/{path}").set(fields)

    def get(self, path: str) -> dict[str, Any]:
        return self.db.document(f"fleets/{self.name}/{path}").get().to_dict() or {}

    def settle(self) -> None:
        settle(self.db, self.name, self.db.document(f"fleets/{self.name}/signals/rotate_s-1_0"), AT)


@pytest.fixture
def fleet(db: firestore.Client, fleet_name: str, monkeypatch: pytest.MonkeyPatch) -> _Fleet:
    monkeypatch.setattr("runtime.policy.db", lambda: db)
    return _Fleet(db, fleet_name)


@pytest.mark.parametrize("handoff_ms", [None, 1])
def test_another_agents_session_that_names_a_predecessor_neither_closes_it_nor_completes_its_signal(
    fleet: _Fleet, handoff_ms: int | None
) -> None:
    fleet.put("sessions/hostile", _AT_WORK | {"agent_id": "mallory", "handoff_ms": handoff_ms})
    settle_session(fleet.db, fleet.name, "s-1", AT)
    settle_open(fleet.db, fleet.name)
    assert fleet.get("signals/rotate_s-1_0")["status"] == "journaled"
    assert "ended_at" not in fleet.get("sessions/s-1")


def test_session_of_the_same_agent_that_names_a_predecessor_relieves_it(fleet: _Fleet) -> None:
    fleet.put("sessions/s-2", _AT_WORK | {"agent_id": "b-1"})
    fleet.settle()
    signal = fleet.get("signals/rotate_s-1_0")
    assert (signal["status"], signal["successor_session_id"]) == ("completed", "s-2")
    assert fleet.get("sessions/s-1")["end_reason"] == "rotated"


def test_session_of_another_agent_that_claimed_the_succession_relieves_the_first(
    fleet: _Fleet,
) -> None:
    fleet.put("sessions/s-2", _AT_WORK | {"agent_id": "b-2"})
    fleet.signal(status="journaled", successor_session_id="s-2")
    fleet.settle()
    assert fleet.get("signals/rotate_s-1_0")["status"] == "completed"
    assert fleet.get("sessions/s-1")["end_reason"] == "rotated"


def test_crowd_of_foreign_sessions_hides_no_successor_of_the_same_agent(fleet: _Fleet) -> None:
    for n in range(20):
        fleet.put(f"sessions/a-{n}", _AT_WORK | {"agent_id": "mallory"})
    fleet.put("sessions/s-2", _AT_WORK | {"agent_id": "b-1"})
    fleet.settle()
    assert fleet.get("signals/rotate_s-1_0")["successor_session_id"] == "s-2"


def test_session_is_not_its_own_successor(fleet: _Fleet) -> None:
    fleet.put("sessions/s-1", _LOW | _AT_WORK)
    fleet.settle()
    assert fleet.get("signals/rotate_s-1_0")["status"] == "journaled"
    assert "ended_at" not in fleet.get("sessions/s-1")


def test_foreign_session_of_no_agent_relieves_nobody(fleet: _Fleet) -> None:
    fleet.signal(status="journaled", agent_id=None)
    fleet.put("sessions/s-1", {"state": "active"})
    fleet.put("sessions/s-2", _AT_WORK)
    fleet.settle()
    assert fleet.get("signals/rotate_s-1_0")["status"] == "journaled"


@pytest.mark.parametrize(
    ("task", "status"),
    [
        ({"agent_id": "victim", "session_id": "run-7"}, "active"),
        ({"agent_id": "victim", "session_id": "s-1"}, "active"),
        ({"agent_id": "victim", "session_id": "run-8"}, "active"),
        ({"agent_id": "b-1", "session_id": "s-1"}, "queued"),
        ({"agent_id": "b-1", "session_id": "run-7"}, "queued"),
    ],
    ids=["claimed as successor", "names its session", "of nobody here", "own", "own successor's"],
)
def test_rotation_without_a_successor_releases_its_own_agents_task_alone(
    fleet: _Fleet, task: dict[str, Any], status: str
) -> None:
    fleet.put("tasks/t-1", {"status": "active", "claimed_at": _LONG_AGO, **task})
    times = {"created_at": _LONG_AGO, "journaled_at": _LONG_AGO, "succeeded_at": _LONG_AGO}
    fleet.signal(status="journaled", successor_session_id="run-7", **times)
    fleet.settle()
    assert fleet.get("signals/rotate_s-1_0")["expired_because"] == "no_successor"
    assert fleet.get("tasks/t-1")["status"] == status


@pytest.mark.parametrize("task_id", ["feature/x", "a/b/c", "..", "."])
def test_task_id_that_is_no_documents_ends_a_rotation_as_any_other(
    fleet: _Fleet, task_id: str
) -> None:
    fleet.signal(status="journaled", task_id=task_id, created_at=_LONG_AGO, journaled_at=_LONG_AGO)
    fleet.settle()
    assert fleet.get("signals/rotate_s-1_0")["expired_because"] == "no_successor"


@pytest.mark.parametrize("successor", ["a/b", "..", "a/b/c"])
def test_claim_of_a_session_that_can_not_be_is_waited_for_in_vain_and_ends(
    fleet: _Fleet, successor: str
) -> None:
    fleet.signal(status="journaled", successor_session_id=successor, succeeded_at=_LONG_AGO,
                 created_at=_LONG_AGO, journaled_at=_LONG_AGO)  # fmt: skip
    fleet.settle()
    assert fleet.get("signals/rotate_s-1_0")["expired_because"] == "no_successor"


def test_lost_session_releases_no_task_of_another_agent_that_names_it(
    db: firestore.Client, fleet: _Fleet
) -> None:
    gone = {"agent_id": "mallory", "state": "active", "heartbeat_s": 10, "last_seen_at": _LONG_AGO}
    fleet.put("sessions/run-7", gone)
    held = {"status": "active", "session_id": "run-7", "claimed_at": _LONG_AGO}
    fleet.put("tasks/theirs", held | {"agent_id": "victim"})
    fleet.put("tasks/own", held | {"agent_id": "mallory"})
    later = datetime.now(UTC) + timedelta(hours=1)
    assert watch(db, fleet.name, policy(fleet.name), later).closed == 1
    assert fleet.get("sessions/run-7")["end_reason"] == "crashed"
    assert fleet.get("tasks/theirs")["status"] == "active"
    assert fleet.get("tasks/own")["status"] == "queued"


def test_signals_that_can_not_be_read_end_and_keep_no_others_from_their_turn(
    fleet: _Fleet,
) -> None:
    batch = fleet.db.batch()
    for n in range(MAX_LOOKED_AT):
        signal = {"kind": "rotate", "status": "pending", "session_id": "x" * 300}
        ref = fleet.db.document(f"fleets/{fleet.name}/signals/a-{n}")
        batch.set(ref, {**signal, "created_at": _LONG_AGO})
    batch.commit()
    fleet.put("sessions/s-2", _AT_WORK | {"agent_id": "b-1"})
    settle_open(fleet.db, fleet.name)
    settle_open(fleet.db, fleet.name)
    assert fleet.get("signals/rotate_s-1_0")["status"] == "completed"
    assert fleet.get("signals/a-0")["status"] == "expired"


def test_signal_that_can_not_be_settled_keeps_no_other_from_its_turn(
    fleet: _Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.signal("a", session_id="s-0", created_at=_LONG_AGO)

    def settled(
        db: firestore.Client,
        name: str,
        ref: firestore.DocumentReference,
        at: Thresholds | None = None,
    ) -> None:
        if ref.id == "a":
            raise RuntimeError("whatever it is")
        settle(db, name, ref, at)

    monkeypatch.setattr("rotation.lifecycle.settle", settled)
    fleet.put("sessions/s-2", _AT_WORK | {"agent_id": "b-1"})
    units = Units(fleet.name, 60)
    assert settle_open(fleet.db, fleet.name, units) == 2
    assert fleet.get("signals/rotate_s-1_0")["status"] == "completed"
    assert units.failed == {"signal": {"a": "RuntimeError"}}


def test_session_whose_id_is_no_name_gets_no_signal_that_nobody_could_read(
    fleet: _Fleet,
) -> None:
    fields = {"kind": "rotate", "status": "pending", "session_id": "x" * 300, "generation": 0}
    assert raise_signal(fleet.db, fleet.name, fields, AT) is False
    [only] = fleet.db.collection(f"fleets/{fleet.name}/signals").stream()
    assert only.id == "rotate_s-1_0"


def test_session_that_was_well_again_many_times_is_told_anew_in_few_reads(
    fleet: _Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(100):
        fleet.signal(
            f"rotate_s-1_0.{n}" if n else "rotate_s-1_0", status="expired",
            expired_because="recovered", expired_at=_LONG_AGO,
        )  # fmt: skip
    reads: list[str] = []
    get = firestore.DocumentReference.get

    def counted(ref: firestore.DocumentReference) -> object:
        reads.append(ref.id)
        return get(ref)

    monkeypatch.setattr(firestore.DocumentReference, "get", counted)
    fields = {"kind": "rotate", "status": "pending", "session_id": "s-1", "generation": 0}
    assert raise_signal(fleet.db, fleet.name, fields, AT)
    assert fleet.get("signals/rotate_s-1_0.100")["status"] == "pending"
    assert len([name for name in reads if name.startswith("rotate_")]) < 25
