"""Under the rules, agents claim, dispatch, write to each other and guard branches."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from google.cloud import firestore

from support.rules import ActingClient, Identity
from tachograph import BranchHeld, ClaimLost, DispatchRefused, Fleet, Session
from tachograph.coordination.branch_lease import Lease
from tachograph.coordination.claims import Claims
from tachograph.coordination.incidents import Incidents
from tachograph.coordination.queue import Queue
from tachograph.coordination.selection import TaskFilter
from tachograph_schema.paths import INCIDENTS, LEASES

_WAIT_S = 30.0
Join = Callable[[str, str], Session]


@pytest.fixture
def join(host: str, fleet_name: str) -> Iterator[Join]:
    """Give a way to open a session of an agent that acts under its own identity."""
    assert host
    fleets: list[Fleet] = []
    clients: list[ActingClient] = []

    def joined(agent: str, role: str) -> Session:
        client = ActingClient()
        clients.append(client)
        client.bearer = Identity(agent, role).token(fleet_name)
        fleets.append(Fleet(fleet_name, client=client))
        session = fleets[-1].session(agent, role=role)
        fleets[-1].flush()
        return session

    yield joined
    for fleet in fleets:
        fleet.close()
    for client in clients:
        client.close()


def _claims(session: Session) -> Claims:
    database = session._runtime.database
    incidents = Incidents(database, agent=session.agent, session_id=session.id)
    return Claims(database, session.agent, session.id, incidents)


def _flushed(session: Session) -> bool:
    return session._runtime.database.writer.flush(_WAIT_S)


def _queue(admin: firestore.Client, fleet: str, *tasks: str) -> None:
    for task in tasks:
        queued = {"status": "queued", "created_at": firestore.SERVER_TIMESTAMP}
        admin.document("fleets", fleet, "tasks", task).set(queued)


def test_agents_claim_the_next_task_and_lose_races_within_the_rules(
    join: Join, admin: firestore.Client, fleet_name: str
) -> None:
    _queue(admin, fleet_name, "t-1", "t-2")
    sessions = join("b-1", "agent"), join("b-2", "agent")
    first, second = (_claims(session) for session in sessions)
    page = admin.document("fleets", fleet_name, "tasks", "t-1").get()
    page._reference = second.database.client.document(page.reference.path)
    taken = first.claim("t-1")
    for lose in (lambda: second.take(page), lambda: second.claim(taken.task_id)):
        with pytest.raises(ClaimLost, match="of b-1"):
            lose()
        assert sessions[1]._runtime.database.writer.flush(
            _WAIT_S
        )  # told again, it is the same incident
    assert Queue(second).take(TaskFilter("build")) is None
    other = Queue(second).take(TaskFilter())
    assert other is not None
    assert {taken.task_id, other.task_id} == {"t-1", "t-2"}
    assert _flushed(sessions[1])
    [incident] = admin.collection("fleets", fleet_name, INCIDENTS).stream()
    assert (incident.get("agent_id"), incident.get("other_agent_id")) == ("b-2", "b-1")


def test_orchestrator_dispatches_and_its_worker_hears_of_it_within_the_rules(
    join: Join, admin: firestore.Client, fleet_name: str
) -> None:
    _queue(admin, fleet_name, "t-1", "t-2")
    boss, worker = join("boss", "orchestrator"), join("b-1", "agent")
    assert boss.dispatch("t-1", "b-1") == worker.id
    with worker.inbox() as inbox:
        message = inbox.receive(_WAIT_S)
        assert message is not None
        assert message.task_id == "t-1"
    with worker.inbox() as inbox:
        again = inbox.receive(_WAIT_S)  # the same, to a second window
        assert again is not None
    for heard in (message, again):
        heard.acknowledge()
        assert _flushed(worker)
    signal = {"kind": "rotate", "status": "pending", "session_id": worker.id, "agent_id": "b-1"}
    admin.document("fleets", fleet_name, "signals", "s").set(signal)
    with pytest.raises(DispatchRefused):
        boss.dispatch("t-2", "b-1")
    for session in (boss, worker):
        assert _flushed(session)
    sent = admin.document("fleets", fleet_name, "messages", message.id).get()
    assert sent.get("acknowledged_at") is not None
    assert len(list(admin.collection("fleets", fleet_name, INCIDENTS).stream())) == 1


def test_branch_is_guarded_renewed_and_taken_over_within_the_rules(
    join: Join, admin: firestore.Client, fleet_name: str
) -> None:
    first, second = join("b-1", "agent"), join("b-2", "agent")
    with first.guard_repo("shop", "main") as guard:
        assert guard._lease.renew()
        with pytest.raises(BranchHeld, match="held by b-1"), second.guard_repo("shop", "main"):
            pytest.fail("two hold the branch")
    assert list(admin.collection("fleets", fleet_name, LEASES).stream()) == []

    def lease(session: Session) -> Lease:
        own = {"agent": session.agent, "session_id": session.id}
        return Lease(
            session._runtime.database.client, fleet_name, "shop", "main", lease_s=0.5, **own
        )

    crashed, next_one = lease(first), lease(second)
    crashed.acquire()
    while not next_one.held:  # until it has run out by the database's clock
        try:
            next_one.acquire()
        except BranchHeld:
            continue
    assert not crashed.renew()
    next_one.release()
