"""Dispatches: a worker that stays gets the task and word of it; one that goes gets neither."""

from __future__ import annotations

from typing import Any

import pytest
from google.cloud import firestore

from support.recount import cells_of
from support.wire.events import Version
from tachograph import ClaimLost, DispatchRefused, Fleet, Session
from tachograph_schema.counters.names import FLEET
from tachograph_schema.paths import INCIDENTS, MESSAGES, incident_id

_WAIT_S = 30.0


def _signal(db: firestore.Client, fleet: str, session: Session, status: str = "pending") -> None:
    signal = {"kind": "rotate", "status": status, "session_id": session.id}
    db.document("fleets", fleet, "signals", f"rotate_{session.id}").set(signal)


def _task(db: firestore.Client, fleet: str, task: str) -> dict[str, Any]:
    return db.document("fleets", fleet, "tasks", task).get().to_dict() or {}


def _incidents(db: firestore.Client, fleet: str) -> list[dict[str, Any]]:
    found = db.collection("fleets", fleet, INCIDENTS).stream()
    return [incident.to_dict() or {} for incident in found]


def test_worker_hears_of_the_task_it_is_given_and_works_on_it(
    db: firestore.Client, fleet_name: str
) -> None:
    with Fleet(fleet_name) as fleet:
        boss, worker = fleet.session("boss", role="orchestrator"), fleet.session("b-1")
        fleet.create_task("t-1")
        fleet.flush()
        assert boss.dispatch("t-1", "b-1", ref="gs://brief") == worker.id
        claimed = _task(db, fleet_name, "t-1")
        assert (claimed["status"], claimed["session_id"]) == ("claimed", worker.id)
        with worker.inbox() as inbox:
            word = inbox.receive(_WAIT_S)
        assert word is not None
        assert (word.kind, word.task_id, word.from_agent) == ("dispatch", "t-1", "boss")
        assert word.ref == "gs://brief"
        with worker.task("t-1") as task:
            task.complete()
    done = _task(db, fleet_name, "t-1")
    assert (done["status"], done["claimed_at"]) == ("completed", claimed["claimed_at"])
    assert _incidents(db, fleet_name) == []


@pytest.mark.parametrize("status", ["pending", "acknowledged", "journaled", "handed_off"])
def test_dispatch_to_a_worker_in_mid_rotation_is_refused_and_counted_once(
    db: firestore.Client, fleet_name: str, status: str
) -> None:
    with Fleet(fleet_name) as fleet:
        boss, worker = fleet.session("boss"), fleet.session("b-1")
        fleet.create_task("t-1")
        fleet.flush()
        _signal(db, fleet_name, worker, status)
        for _ in range(2):
            with pytest.raises(DispatchRefused, match="told to rotate") as refused:
                boss.dispatch("t-1", "b-1")
        assert (refused.value.agent, refused.value.reason) == ("b-1", "rotating")
    assert _task(db, fleet_name, "t-1")["status"] == "queued"
    assert list(db.collection("fleets", fleet_name, MESSAGES).stream()) == []
    [incident] = _incidents(db, fleet_name)
    assert (incident["agent_id"], incident["other_agent_id"]) == ("boss", "b-1")
    path = f"fleets/{fleet_name}/incidents/i"
    counted = cells_of(path, Version(incident, incident["occurred_at"]))[FLEET]
    assert counted == {"incidents_dispatch_refused": 1}


def test_worker_whose_rotation_is_over_is_given_tasks(
    db: firestore.Client, fleet_name: str
) -> None:
    with Fleet(fleet_name) as fleet:
        boss, worker = fleet.session("boss"), fleet.session("b-1")
        fleet.create_task("t-1")
        fleet.flush()
        _signal(db, fleet_name, worker, "expired")
        assert boss.dispatch("t-1", "b-1") == worker.id


def test_agent_gets_the_task_in_the_session_that_stays(
    db: firestore.Client, fleet_name: str
) -> None:
    with Fleet(fleet_name) as fleet:
        boss, staying, going = (fleet.session(name) for name in ("boss", "b-1", "b-1"))
        fleet.create_task("t-1")
        fleet.flush()
        _signal(db, fleet_name, going)
        assert boss.dispatch("t-1", "b-1") == staying.id


def test_dispatch_to_a_session_that_ended_or_an_agent_without_one_is_refused(
    db: firestore.Client, fleet_name: str
) -> None:
    with Fleet(fleet_name) as fleet:
        boss, ended = fleet.session("boss"), fleet.session("b-1")
        fleet.create_task("t-1")
        ended.end()
        fleet.flush()
        with pytest.raises(DispatchRefused, match="it has ended"):
            boss.dispatch("t-1", "b-1", session_id=ended.id)
        with pytest.raises(DispatchRefused, match="no open session"):
            boss.dispatch("t-1", "b-1")
    assert sorted(i["reason"] for i in _incidents(db, fleet_name)) == ["absent", "ended"]


def test_task_that_somebody_took_first_is_not_dispatched(
    db: firestore.Client, fleet_name: str
) -> None:
    with Fleet(fleet_name) as fleet:
        boss, _, third = (fleet.session(name) for name in ("boss", "b-1", "b-3"))
        fleet.create_task("t-1")
        fleet.flush()
        third.claim("t-1")
        with pytest.raises(ClaimLost) as lost:
            boss.dispatch("t-1", "b-1")
        assert lost.value.agent == "b-3"
        with pytest.raises(
            LookupError, match=r"fleets/.+/tasks/t-9 does not exist; expected a task"
        ):
            boss.dispatch("t-9", "b-1")
    [collision] = _incidents(db, fleet_name)
    assert (collision["kind"], collision["agent_id"]) == ("claim_collision", "boss")
    assert list(db.collection("fleets", fleet_name, MESSAGES).stream()) == []


def test_dispatch_done_again_is_one_dispatch_and_one_message(
    db: firestore.Client, fleet_name: str
) -> None:
    with Fleet(fleet_name) as fleet:
        boss, worker = fleet.session("boss"), fleet.session("b-1")
        fleet.create_task("t-1")
        fleet.flush()
        assert boss.dispatch("t-1", "b-1") == boss.dispatch("t-1", "b-1") == worker.id
    assert len(list(db.collection("fleets", fleet_name, MESSAGES).stream())) == 1


def test_message_that_was_written_first_by_the_id_of_a_dispatch_does_not_hold_it_up(
    db: firestore.Client, fleet_name: str
) -> None:
    with Fleet(fleet_name) as fleet:
        boss, worker = fleet.session("boss", role="orchestrator"), fleet.session("b-1")
        fleet.create_task("t-1")
        fleet.flush()
        version = db.document("fleets", fleet_name, "tasks", "t-1").get().update_time.timestamp()
        planted = f"dispatch_t-1_{version:.6f}"
        db.document("fleets", fleet_name, MESSAGES, planted).set({"from_agent_id": "mallory"})
        assert boss.dispatch("t-1", "b-1") == worker.id
    assert _task(db, fleet_name, "t-1")["status"] == "claimed"


def test_incident_that_was_written_first_by_another_hides_none(
    db: firestore.Client, fleet_name: str
) -> None:
    with Fleet(fleet_name) as fleet:
        boss = fleet.session("boss")
        planted = incident_id("dispatch_refused", "t-1", "b-1", "absent", boss.id)
        db.document("fleets", fleet_name, INCIDENTS, planted).set({"kind": "git_failure"})
        with pytest.raises(DispatchRefused):
            boss.dispatch("t-1", "b-1")
    assert sorted(i["kind"] for i in _incidents(db, fleet_name)) == [
        "dispatch_refused",
        "git_failure",
    ]


def test_worker_whose_name_has_a_slash_is_given_a_task(
    db: firestore.Client, fleet_name: str
) -> None:
    with Fleet(fleet_name) as fleet:
        boss, worker = fleet.session("boss"), fleet.session("team/b-1")
        fleet.create_task("t-1")
        fleet.flush()
        assert boss.dispatch("t-1", "team/b-1") == worker.id
    assert _task(db, fleet_name, "t-1")["agent_id"] == "team/b-1"
