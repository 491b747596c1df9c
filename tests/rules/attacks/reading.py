"""Reads: strangers, readers, and what functions alone write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rules.attacks.row import SESSION, Row, claim
from support.fleets.two_agents import NOW, ORCHESTRATOR, OWNER, VIEWER, A
from support.rules import Attempt, Identity, create, delete, group, listed, put, read, update

_LEASE = {"agent_id": "a", "repo": "x", "branch": "y", "lease_ms": 1000, "renewed_at": NOW}
_MESSAGE = {"from_agent_id": "a", "to_agent_id": "b", "sent_at": NOW, "acknowledged_at": None}
_INCIDENT = {"agent_id": "a", "kind": "git_failure"}


def strangers() -> Iterator[Row]:
    """Tokens that are none, of others, or past their time."""
    mine = create(A, "sessions/new", SESSION)
    look = read(A, "tasks/b")
    late = replace(A, claims={"exp": 1_000_000_000})
    ended = replace(A, claims={"until": 1_000_000_000})
    still = replace(A, claims={"until": 4_000_000_000})
    for what, identity in {
        "no token": Identity(None, None, bearer=""),
        "a token that is no token": Identity(None, None, bearer="not.a.token"),
        "a token without a fleet": Identity("a", "agent", claims={"fleet": ""}),
        "a token of another fleet": replace(A, fleet="rival"),
        "a token of a fleet of a similar name": replace(A, fleet="fleet-"),
        "a token with a list of fleets": replace(A, claims={"fleet": ["acme", "rival"]}),
        "a role nobody has": replace(A, role="admin"),
        "no role": replace(A, role=None),
        "an expired token": late,
        "an expired credential": ended,
    }.items():
        yield Row(f"{what} writes a session", create(identity, "sessions/x", SESSION), mine)
        yield Row(f"{what} reads a task", read(identity, "tasks/b"), look)
    mine_still = create(still, "sessions/new-2", SESSION)
    yield Row("an expired credential claims a task", claim(ended, "queued"), mine_still)
    gone, back = Identity("gone", "agent"), Identity("back", "agent")
    session = {**SESSION, "agent_id": "back"}
    yield Row(
        "a revoked agent writes a session while its token lives",
        create(gone, "sessions/x", {**SESSION, "agent_id": "gone"}),
        create(back, "sessions/x", session),
    )
    yield Row(
        "a token from before its agent was revoked and enrolled again",
        create(replace(back, claims={"auth_time": 1}), "sessions/y", session),
        create(back, "sessions/z", session),
    )
    yield Row(
        "a revoked orchestrator cancels a task",
        update(Identity("gone", "orchestrator"), "tasks/b", status="cancelled"),
        update(ORCHESTRATOR, "tasks/b", status="cancelled"),
    )
    heard = {"status": "acknowledged", "acknowledged_at": NOW}
    both: dict[str, tuple[Attempt, Attempt]] = {
        "changes its session": (
            update(gone, "sessions/s-gone", state="idle"),
            update(A, "sessions/s-a", state="idle"),
        ),
        "writes a message": (
            create(gone, "messages/x", {**_MESSAGE, "from_agent_id": "gone"}),
            create(A, "messages/x", _MESSAGE),
        ),
        "acknowledges a message": (
            update(gone, "messages/to-gone", acknowledged_at=NOW),
            update(A, "messages/to-a", acknowledged_at=NOW),
        ),
        "tells of an incident": (
            create(gone, "incidents/x", {**_INCIDENT, "agent_id": "gone"}),
            create(A, "incidents/x", _INCIDENT),
        ),
        "takes a branch": (
            create(gone, "leases/x", {**_LEASE, "agent_id": "gone"}),
            create(A, "leases/x", _LEASE),
        ),
        "renews a branch": (
            put(gone, "leases/gone", {**_LEASE, "agent_id": "gone"}),
            put(A, "leases/a", _LEASE),
        ),
        "heeds its signal": (
            update(gone, "signals/gone", **heard),
            update(A, "signals/a", **heard),
        ),
    }
    for what, (attack, neighbour) in both.items():
        yield Row(f"a revoked agent {what}", attack, neighbour)
    yield Row(
        "a revoked agent releases a branch", delete(gone, "leases/gone"), delete(A, "leases/a")
    )
    yield Row(
        "a revoked owner acknowledges an alert",
        update(
            Identity("gone", "owner"), "alerts/open", acknowledged_at=NOW, acknowledged_by="gone"
        ),
        update(OWNER, "alerts/open", acknowledged_at=NOW, acknowledged_by="boss"),
    )
    yield Row(
        "a viewer begins a task of its own",
        create(VIEWER, "tasks/x", {"agent_id": "eve", "status": "active"}),
        create(A, "tasks/x", {"agent_id": "a", "status": "active"}),
    )
    yield Row(
        "a revoked owner changes the policies",
        update(Identity("gone", "owner"), "", name="Mine"),
        update(OWNER, "", name="Acme 2"),
    )


def readers() -> Iterator[Row]:
    """Yield reading where one has no business, and viewers that write."""
    rival = replace(A, fleet="rival")
    for name in ("tasks", "sessions", "messages", "rollups", "batches"):
        path = name if name != "batches" else "traces/t/batches"
        yield Row(
            f"an agent reads {name} of every fleet by a collection group",
            group(A, name),
            listed(A, path),
        )
    for name in ("tasks", "live", "signals", "incidents", "leases", "alerts", "ledger", "shards"):
        yield Row(f"an agent of a rival lists {name}", listed(rival, name), listed(VIEWER, name))
    for path in (
        "live/now",
        "rollups/day_2026-03-01",
        "prices/own",
        "signals/a",
        "messages/to-a",
        "incidents/one",
        "leases/a",
        "alerts/open",
        "sessions/s-a",
        "traces/t/batches/0",
    ):
        yield Row(f"a rival reads {path}", read(rival, path), read(VIEWER, path))
    yield Row("a rival reads the fleet's policies", read(rival, ""), read(VIEWER, ""))
    yield Row("an owner lists the fleets there are", listed(OWNER, "/fleets"), read(OWNER, ""))
    yield Row("an agent reads who was revoked", listed(A, "revoked"), listed(OWNER, "revoked"))
    yield Row(
        "a rival's owner reads who was revoked",
        read(replace(OWNER, fleet="rival"), "revoked/gone"),
        read(OWNER, "revoked/gone"),
    )
    yield Row("an agent reads what no rule names", listed(A, "secrets"), listed(A, "baselines"))
    eve = {**SESSION, "agent_id": "eve"}
    yield Row(
        "a viewer opens a session",
        create(VIEWER, "sessions/x", eve),
        create(A, "sessions/x", SESSION),
    )
    yield Row(
        "a viewer acknowledges an alert",
        update(VIEWER, "alerts/open", acknowledged_at=NOW, acknowledged_by="eve"),
        update(OWNER, "alerts/open", acknowledged_at=NOW, acknowledged_by="boss"),
    )
    yield Row("a viewer claims a task", claim(VIEWER, "queued"), claim(A, "queued"))


def functions_alone() -> Iterator[Row]:
    """Yield what functions write."""
    for path in (
        "ledger/k",
        "shards/s",
        "trees/t",
        "rollups/day_2026-03-01",
        "snapshots/x",
        "live/now",
        "baselines/x",
        "rejected/x",
        "sweeps/now",
    ):
        yield Row(f"an owner writes {path}", update(OWNER, path, forged=1), read(A, path))
    yield Row("an agent deletes its ledger entry", delete(A, "ledger/k"), read(A, "ledger/k"))
    yield Row(
        "an agent makes up an alert",
        create(A, "alerts/x", {"rule": "burn"}),
        read(A, "alerts/open"),
    )
    yield Row(
        "an agent makes up a signal to another",
        create(A, "signals/x", {"kind": "rotate", "status": "pending", "agent_id": "b"}),
        read(A, "signals/b"),
    )
    yield Row("an agent deletes its signal", delete(A, "signals/a"), read(A, "signals/a"))
    yield Row(
        "an agent writes where no rule is",
        create(A, "secrets/x", {"a": 1}),
        create(A, "sessions/x", SESSION),
    )
