"""Messages, incidents and leases: as oneself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from rules.attacks.row import Row
from support.fleets.two_agents import NOW, OWNER, A, T
from support.rules import Identity, create, delete, put, read, update

_MESSAGE: dict[str, Any] = {
    "from_agent_id": "a",
    "to_agent_id": "b",
    "sent_at": NOW,
    "acknowledged_at": None,
}
_INCIDENT = {"kind": "claim_collision", "agent_id": "a", "occurred_at": NOW}
_LEASE = {
    "agent_id": "a",
    "repo": "shop",
    "branch": "main",
    "lease_ms": 60_000,
    "renewed_at": NOW,
}


def messages() -> Iterator[Row]:
    """Messages as oneself, acknowledged by the addressee."""
    say = lambda identity=A, **fields: create(identity, "messages/x", {**_MESSAGE, **fields})  # noqa: E731
    note = lambda identity=A, message="to-a", **fields: update(  # noqa: E731
        identity, f"messages/{message}", **{"acknowledged_at": NOW, **fields}
    )
    yield Row("an agent writes a message in another's name", say(from_agent_id="b"), say())
    yield Row("an agent writes a message as nobody", say(from_agent_id=None), say(kind="result"))
    yield Row("an agent sends a message in the past", say(sent_at=T), say(task_id="a"))
    yield Row(
        "an agent sends a message that is acknowledged", say(acknowledged_at=NOW), say(ref="gs://x")
    )
    yield Row("a message with content", say(content="my secret"), say(traceparent="00-1"))
    yield Row("a message to a number", say(to_agent_id=5), say(to_agent_id="5"))
    yield Row("a message reported at a word", say(reported_at="now"), say(reported_at=T))
    yield Row(
        "a message that never was", say(voided=True), say(OWNER, from_agent_id="a", voided=True)
    )
    yield Row("an owner's message sent at a word", say(OWNER, sent_at="now"), say(OWNER, sent_at=T))
    yield Row(
        "an owner's message acknowledged at a word",
        say(OWNER, acknowledged_at="now"),
        say(OWNER, acknowledged_at=T),
    )
    yield Row("the sender acknowledges its message", note(message="to-b"), note())
    yield Row("a third party acknowledges a message", note(Identity("c", "agent")), note())
    yield Row("a message is acknowledged at another moment", note(acknowledged_at=T), note())
    yield Row("a message is acknowledged twice", note(message="noted"), note())
    yield Row(
        "an acknowledgement is taken back", note(message="noted", acknowledged_at=None), note()
    )
    yield Row("an addressee changes what it was sent", note(ref="gs://other"), note())
    yield Row("an addressee changes who sent it", note(from_agent_id="c"), note())
    yield Row("an agent deletes a message", delete(A, "messages/to-a"), note())


def incidents_and_leases() -> Iterator[Row]:
    """Incidents as oneself; branches that others hold."""
    tell = lambda **fields: create(A, "incidents/x", {**_INCIDENT, **fields})  # noqa: E731 - short
    yield Row("an agent tells of an incident as another", tell(agent_id="b"), tell())
    yield Row("an agent tells of an unknown incident", tell(kind="war"), tell(kind="git_failure"))
    yield Row("an incident with a field of its own", tell(diff="secret"), tell(detail="conflict"))
    yield Row("an incident of 2,001 characters", tell(detail="x" * 2001), tell(detail="x" * 2000))
    yield Row("an incident on a branch of no name", tell(branch=""), tell(branch="main"))
    yield Row("an incident at a word", tell(occurred_at="now"), tell(occurred_at=T))
    yield Row("an incident reported at a word", tell(reported_at="now"), tell(reported_at=T))
    yield Row("an incident that never was", tell(voided=True), tell(reason="rotating"))
    yield Row(
        "an agent changes an incident",
        update(A, "incidents/one", other_agent_id="b"),
        read(A, "incidents/one"),
    )
    hold = lambda path="x", **fields: put(A, f"leases/{path}", {**_LEASE, **fields})  # noqa: E731
    yield Row("an agent takes a branch that another holds", hold("b"), hold("stale"))
    yield Row("an agent holds a branch in another's name", hold(agent_id="b"), hold())
    yield Row("an agent renews a branch in another's name", hold("a", agent_id="b"), hold("a"))
    yield Row(
        "an owner's lease is nobody's",
        put(OWNER, "leases/x", {**_LEASE, "agent_id": None}),
        put(OWNER, "leases/x", _LEASE),
    )
    yield Row(
        "an owner's lease is a number's",
        put(OWNER, "leases/x", {**_LEASE, "agent_id": 5}),
        put(OWNER, "leases/x", _LEASE),
    )
    yield Row("an agent renews a branch for ever", hold("a", lease_ms=10**12), hold("a"))
    yield Row("an agent holds a branch for ever", hold(lease_ms=10**12), hold(lease_ms=1000))
    yield Row("an agent holds a branch for less than no time", hold(lease_ms=-5), hold(lease_ms=0))
    yield Row(
        "an agent holds a branch from tomorrow",
        hold(renewed_at=datetime.now(UTC) + timedelta(days=1)),
        hold(),
    )
    yield Row("a lease with a field of its own", hold(note="x"), hold(session_id="s-a"))
    yield Row("a lease on a number", hold(repo=5), hold(repo="5"))
    yield Row("a lease that expires at a word", hold(expires_at="never"), hold(expires_at=T))
    yield Row("an agent releases another's branch", delete(A, "leases/b"), delete(A, "leases/a"))
