"""A row of the table of attacks, and the documents that many rows begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from support.fleets.two_agents import T
from support.rules import Attempt, Identity, update

LONG = "x" * 201
SESSION = {"agent_id": "a", "state": "idle", "started_at": T}
TASK = {"agent_id": "a", "session_id": "s-a", "status": "active", "created_at": T}


@dataclass(frozen=True)
class Row:
    """One attack, and a similar attempt that is allowed."""

    name: str
    attack: Attempt
    neighbour: Attempt


def claim(identity: Identity, task: str, **fields: Any) -> Attempt:  # noqa: ANN401 - any fields
    """Claim a task."""
    claimed = {"status": "claimed", "claimed_at": T, "agent_id": identity.agent, **fields}
    return update(identity, f"tasks/{task}", **claimed)
