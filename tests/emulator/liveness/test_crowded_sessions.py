"""Lost sessions that many tasks name: those of strangers hide none that has to be released."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from google.cloud import firestore

from liveness import release
from liveness.watch import watch
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.documents.task_release import released

_POLICY = Fleet()
_BATCH = 500


@pytest.fixture(autouse=True)
def lost(db: firestore.Client, fleet_name: str) -> firestore.DocumentReference:
    """Give the session of an agent that is gone."""
    release._read_to.clear()
    session = db.document("fleets", fleet_name, "sessions", "s-1")
    at_work = {"state": "active", "heartbeat_s": 60, "agent_id": "b-1"}
    session.set({**at_work, "last_seen_at": firestore.SERVER_TIMESTAMP})
    return session


def _hold(db: firestore.Client, fleet: str, names: list[str], **fields: object) -> None:
    """Write active tasks that name the session."""
    for start in range(0, len(names), _BATCH):
        batch = db.batch()
        for name in names[start : start + _BATCH]:
            task = db.document("fleets", fleet, "tasks", name)
            batch.set(task, {"status": "active", "session_id": "s-1", **fields})
        batch.commit()


def _look(db: firestore.Client, lost: firestore.DocumentReference) -> int:
    """Judge the fleet's sessions minutes later; return how many were closed."""
    written: Any = lost.get().update_time
    fleet = str(lost.path).split("/")[1]
    return watch(db, fleet, _POLICY, written + timedelta(minutes=9)).closed


def _statuses(db: firestore.Client, fleet: str) -> dict[str, Counter[str]]:
    """Return how many tasks have which status, by agent."""
    found: dict[str, Counter[str]] = {}
    for task in db.collection("fleets", fleet, "tasks").stream():
        fields = task.to_dict() or {}
        found.setdefault(str(fields.get("agent_id")), Counter())[fields["status"]] += 1
    return found


def test_crowd_of_strangers_hides_no_task_of_a_lost_session(
    db: firestore.Client, fleet_name: str, lost: firestore.DocumentReference
) -> None:
    crowd = [f"a-{n}" for n in range(release.MAX_TASKS + 50)]
    _hold(db, fleet_name, crowd, agent_id="mallory")
    _hold(db, fleet_name, ["z-1", "z-2"], agent_id="b-1")
    _hold(db, fleet_name, ["z-3"])
    _hold(db, fleet_name, ["z-4"], agent_id=None)
    assert _look(db, lost) == 1
    assert lost.get().get("end_reason") == "crashed"
    assert _statuses(db, fleet_name) == {
        "mallory": {"active": len(crowd)},
        "b-1": {"queued": 2},
        "None": {"queued": 2},
    }


def test_session_that_more_tasks_name_than_a_tick_reads_is_closed_once_all_are_read(
    db: firestore.Client,
    fleet_name: str,
    lost: firestore.DocumentReference,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(release, "MAX_TASKS", 10)
    monkeypatch.setattr(release, "MAX_READ", 40)
    _hold(db, fleet_name, [f"a-{n:03}" for n in range(100)], agent_id="mallory")
    _hold(db, fleet_name, ["z-1"], agent_id="b-1")
    _hold(db, fleet_name, ["z-2"])
    assert _look(db, lost) == 0
    assert _statuses(db, fleet_name)["b-1"] == {"queued": 1}, "what is asked for comes at once"
    assert _look(db, lost) == 0
    assert _statuses(db, fleet_name)["None"] == {"active": 1}
    assert _look(db, lost) == 1
    assert _statuses(db, fleet_name)["None"] == {"queued": 1}
    assert lost.get().get("state") == "completed"


def test_session_that_holds_more_tasks_than_a_commit_is_closed_with_the_last_of_them(
    db: firestore.Client,
    fleet_name: str,
    lost: firestore.DocumentReference,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(release, "MAX_TASKS", 10)
    _hold(db, fleet_name, [f"a-{n:03}" for n in range(15)], agent_id="mallory")
    _hold(db, fleet_name, [f"b-{n:03}" for n in range(15)], agent_id="b-1")
    _hold(db, fleet_name, [f"c-{n:03}" for n in range(15)])
    released = [0]
    while not _look(db, lost):
        found = _statuses(db, fleet_name)
        released.append(found["b-1"]["queued"] + found["None"]["queued"])
        assert released[-1] > released[-2]
    assert released == [0, 10, 20]
    assert _statuses(db, fleet_name) == {
        "mallory": {"active": 15},
        "b-1": {"queued": 15},
        "None": {"queued": 15},
    }


@pytest.mark.parametrize(("writes", "closed"), [(release._MAX_CONFLICTS - 1, 1), (99, 0)])
def test_task_that_is_written_all_the_time_keeps_no_session_open(
    db: firestore.Client,
    fleet_name: str,
    lost: firestore.DocumentReference,
    monkeypatch: pytest.MonkeyPatch,
    writes: int,
    closed: int,
) -> None:
    _hold(db, fleet_name, ["t-1"], agent_id="b-1")
    rest = iter(range(writes))

    def meanwhile(*asked: Any) -> dict[str, Any]:  # noqa: ANN401 - passes on what it is given
        if next(rest, None) is not None:
            task = db.document("fleets", fleet_name, "tasks", "t-1")
            task.update({"reports.queue": firestore.Increment(1)})
        return released(*asked)

    monkeypatch.setattr(release, "released", meanwhile)
    assert _look(db, lost) == closed
    assert _statuses(db, fleet_name)["b-1"] == {"queued" if closed else "active": 1}
