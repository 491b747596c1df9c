"""A row of the table, and what many of them begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from support.fleets.hostile import T
from support.rules import Act, Who, update

LONG = "x" * 201
SESSION = {"agent_id": "a", "state": "idle", "started_at": T}
TASK = {"agent_id": "a", "session_id": "s-a", "status": "active", "created_at": T}


@dataclass(frozen=True)
class Row:
    """One attack, and what looks like it and is allowed."""

    name: str
    attack: Act
    neighbour: Act


def claim(who: Who, task: str, **fields: Any) -> Act:  # noqa: ANN401 - any fields
    """Claim a task."""
    claimed = {"status": "claimed", "claimed_at": T, "agent_id": who.agent, **fields}
    return update(who, f"tasks/{task}", **claimed)
