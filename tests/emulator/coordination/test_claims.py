"""Claims of tasks: one session has each, every lost race is counted once, and few are lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from google.api_core.exceptions import ServiceUnavailable
from google.cloud import firestore

from support.recount import cells_of
from support.wire.events import Version
from tachograph import ClaimLost, Fleet, Session
from tachograph.coordination.claims import Claims
from tachograph.coordination.incidents import Incidents
from tachograph_schema.counters.cells import add_up
from tachograph_schema.counters.names import FLEET
from tachograph_schema.documents.coordination import Incident
from tachograph_schema.parsing import parse
from tachograph_schema.paths import INCIDENTS

_NOW = datetime.now(UTC)


def _tasks(db: firestore.Client, fleet: str) -> dict[str, dict[str, Any]]:
    found = db.collection("fleets", fleet, "tasks").stream()
    return {task.id: task.to_dict() or {} for task in found}


def _incidents(db: firestore.Client, fleet: str) -> list[dict[str, Any]]:
    found = db.collection("fleets", fleet, INCIDENTS).stream()
    return [incident.to_dict() or {} for incident in found]


def _queue(db: firestore.Client, fleet: str, n: int, **fields: object) -> None:
    """Queue tasks t-000 and on, the first the oldest."""
    batch = db.batch()
    for number in range(n):
        queued = {"status": "queued", "created_at": _NOW - timedelta(seconds=n - number)}
        batch.set(db.document("fleets", fleet, "tasks", f"t-{number:03}"), {**queued, **fields})
    batch.commit()


def _claims(fleet: Fleet, session: Session) -> Claims:
    database = fleet._runtime.database
    incidents = Incidents(database, agent=session.agent, session_id=session.id)
    return Claims(database, session.agent, session.id, incidents)


def test_hundred_contenders_claim_a_hundred_tasks_each_once_and_every_collision_counts(
    db: firestore.Client, fleet_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[tuple[str, str | None]] = []
    take = Claims.take

    def watched(claims: Claims, *found: Any) -> Any:  # noqa: ANN401 - as Claims.take
        try:
            return take(claims, *found)
        except ClaimLost as loss:
            lost.append((claims.agent, loss.agent))
            raise

    monkeypatch.setattr(Claims, "take", watched)
    _queue(db, fleet_name, 100)
    together = Barrier(100)

    def contend(session: Session) -> str | None:
        together.wait(60)
        task = session.claim_next()
        return None if task is None else task.id

    # As nobody in particular: the emulator locks what rules look at, and of a hundred at once some
    # would wait for too long.
    with Fleet(fleet_name, client=db) as fleet:
        sessions = [fleet.session(f"b-{n}", session_id=f"s-{n}") for n in range(100)]
        with ThreadPoolExecutor(100) as pool:
            claimed = list(pool.map(contend, sessions))
        assert sessions[0].claim_next() is None

    tasks = _tasks(db, fleet_name)
    assert {task: tasks[task]["session_id"] for task in tasks} == {
        task: f"s-{n}" for n, task in enumerate(claimed)
    }
    incidents = _incidents(db, fleet_name)
    told = [(found["agent_id"], found["other_agent_id"]) for found in incidents]
    assert Counter(told) == Counter(lost)
    counted = add_up(
        cells_of(f"fleets/{fleet_name}/incidents/{n}", Version(found, _NOW))
        for n, found in enumerate(incidents)
    )
    assert counted.get(FLEET, {}).get("incidents_claim_collision", 0) == len(lost)


def test_race_lost_to_the_write_and_race_found_lost_are_each_one_collision(
    db: firestore.Client, fleet_name: str
) -> None:
    _queue(db, fleet_name, 1)
    page = db.document("fleets", fleet_name, "tasks", "t-000").get()
    with Fleet(fleet_name) as fleet:
        first, second, third = (fleet.session(f"b-{n}", session_id=f"s-{n}") for n in (1, 2, 3))
        first.claim("t-000")
        with pytest.raises(ClaimLost):  # by the version it read
            _claims(fleet, second).take(page)
        for _ in range(2):  # by reading, and once more: it is the same lost race
            with pytest.raises(ClaimLost):
                third.claim("t-000")
    found = {(i["agent_id"], i["other_agent_id"]) for i in _incidents(db, fleet_name)}
    assert found == {("b-2", "b-1"), ("b-3", "b-1")}
    assert len(_incidents(db, fleet_name)) == 2


def test_lost_claim_of_a_task_that_was_queued_again_is_another_collision(
    db: firestore.Client, fleet_name: str
) -> None:
    _queue(db, fleet_name, 1)
    task = db.document("fleets", fleet_name, "tasks", "t-000")
    with Fleet(fleet_name, flush_interval_s=60) as fleet:
        loser = fleet.session("b-9")
        for n in (1, 2):
            fleet.session(f"b-{n}").claim("t-000")
            fleet.flush()
            with pytest.raises(ClaimLost):
                loser.claim("t-000")
            task.update({"status": "queued"})
    assert sorted(i["other_agent_id"] for i in _incidents(db, fleet_name)) == ["b-1", "b-2"]


def test_claim_whose_answer_was_lost_is_found_to_be_ones_own(
    db: firestore.Client, fleet_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _queue(db, fleet_name, 1)
    update = firestore.DocumentReference.update

    def unanswered(ref: firestore.DocumentReference, fields: Any, **said: Any) -> Any:  # noqa: ANN401
        update(ref, fields, **said)
        monkeypatch.undo()
        raise ServiceUnavailable("the answer was lost")

    with Fleet(fleet_name, flush_interval_s=60) as fleet:
        session = fleet.session("b-1")
        fleet.flush()
        monkeypatch.setattr(firestore.DocumentReference, "update", unanswered)
        with pytest.raises(ServiceUnavailable):
            session.claim("t-000")
        with session.claim("t-000") as task:
            task.complete()
    assert _tasks(db, fleet_name)["t-000"]["status"] == "completed"
    assert _incidents(db, fleet_name) == []


def test_task_that_was_called_off_is_lost_to_nobody(db: firestore.Client, fleet_name: str) -> None:
    _queue(db, fleet_name, 1, status="cancelled")
    with Fleet(fleet_name) as fleet, pytest.raises(ClaimLost, match="is cancelled"):
        fleet.session("b-1").claim("t-000")
    assert _incidents(db, fleet_name) == []


def test_write_in_between_that_is_no_claim_costs_the_claim_nothing(
    db: firestore.Client, fleet_name: str
) -> None:
    _queue(db, fleet_name, 1)
    ref = db.document("fleets", fleet_name, "tasks", "t-000")
    page = ref.get()
    ref.update({"priority": "high"})
    with Fleet(fleet_name) as fleet:
        taken = _claims(fleet, fleet.session("b-1")).take(page)
    assert (taken.fields["priority"], taken.fields["status"]) == ("high", "claimed")
    assert _incidents(db, fleet_name) == []


def test_claim_is_dated_by_the_databases_clock(db: firestore.Client, fleet_name: str) -> None:
    _queue(db, fleet_name, 1)
    before = db.document("fleets", fleet_name).get().read_time
    with Fleet(fleet_name) as fleet:
        fleet.session("b-1").claim("t-000")
    after = db.document("fleets", fleet_name).get().read_time
    assert before <= _tasks(db, fleet_name)["t-000"]["claimed_at"] <= after


def test_next_task_is_the_most_urgent_that_fits(db: firestore.Client, fleet_name: str) -> None:
    _queue(db, fleet_name, 30, task_type="build", repo="shop")
    tasks = db.collection("fleets", fleet_name, "tasks")
    new = {"status": "queued", "created_at": _NOW, "task_type": "build", "repo": "shop"}
    tasks.document("low").set({**new, "priority": "low", "created_at": _NOW - timedelta(days=1)})
    tasks.document("high").set({**new, "priority": "high"})
    tasks.document("urgent").set({**new, "priority": "urgent"})
    tasks.document("review").set({**new, "task_type": "review"})
    tasks.document("other").set({**new, "repo": "other"})
    tasks.document("labelled").set({**new, "labels": {"team": "web"}})

    def taken(**wanted: Any) -> str | None:  # noqa: ANN401 - as claim_next
        task = session.claim_next(**wanted)
        return None if task is None else task.id

    with Fleet(fleet_name) as fleet:
        session = fleet.session("b-1")
        assert taken(task_type="review") == "review"
        assert taken(repo="other", task_type="build") == "other"
        assert taken(labels={"team": "web"}) == "labelled"
        assert taken(labels={"team": "nobody"}) is None
        assert taken(task_type="review") is None
        assert [taken(), taken()] == ["urgent", "high"]
        ordinary = [taken() for _ in range(30)]
        assert set(ordinary) == {f"t-{n:03}" for n in range(30)}
        assert [taken(), taken()] == ["low", None]


def test_fleet_that_has_words_of_its_own_for_priorities_is_heeded(
    db: firestore.Client, fleet_name: str
) -> None:
    db.document("fleets", fleet_name).set({"priorities": ["P0", "P1", "P2"]})
    tasks = db.collection("fleets", fleet_name, "tasks")
    for n, priority in enumerate(("urgent", "P2", "P0", "P1")):
        created_at = _NOW + timedelta(seconds=n)
        tasks.add({"status": "queued", "created_at": created_at, "priority": priority}, priority)
    with Fleet(fleet_name) as fleet:
        session = fleet.session("b-1")
        order = [task.id for _ in range(4) if (task := session.claim_next()) is not None]
    assert order == ["P0", "P1", "P2", "urgent"]


def test_task_that_a_plain_write_queued_is_found_without_a_date(
    db: firestore.Client, fleet_name: str
) -> None:
    db.document("fleets", fleet_name, "tasks", "t-1").set({"status": "queued"})
    with Fleet(fleet_name) as fleet:
        task = fleet.session("b-1").claim_next()
        assert task is not None
    assert _tasks(db, fleet_name)["t-1"]["status"] == "active"


def test_coroutines_claim_without_holding_each_other_up(
    db: firestore.Client, fleet_name: str
) -> None:
    _queue(db, fleet_name, 3)

    async def contend() -> list[str]:
        sessions = [fleet.session(f"b-{n}") for n in range(3)]
        tasks = await asyncio.gather(*(session.claim_next_async() for session in sessions))
        assert await sessions[0].claim_next_async() is None
        return sorted(task.id for task in tasks if task is not None)

    with Fleet(fleet_name) as fleet:
        assert asyncio.run(contend()) == ["t-000", "t-001", "t-002"]


def test_every_incident_the_sdk_writes_parses_without_a_problem(
    db: firestore.Client, fleet_name: str
) -> None:
    _queue(db, fleet_name, 1)
    with Fleet(fleet_name) as fleet:
        fleet.session("b-1").claim("t-000")
        with pytest.raises(ClaimLost):
            fleet.session("b-2").claim("t-000")
    [fields] = _incidents(db, fleet_name)
    document, problems = parse(Incident, fields)
    assert problems == ()
    assert set(fields) <= set(type(document).model_fields)
