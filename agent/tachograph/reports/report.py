"""One report of a session on a task.

Reports are numbered by their reporter, and `reports[reporter]` on the document says how many have
landed. So a write whose answer was lost is recognised, a recording can be replayed twice, and two
sessions can add to one task without overwriting each other.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tachograph.usage.deferred import DeferredUsage
from tachograph_schema.fields import MAX_NAME_CHARS
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.overhead import Overhead


@dataclass(slots=True)  # not frozen: that would take 4 us of the agent's time at each call
class Report:
    """One addition to a task, numbered from 1 in the order in which it was reported."""

    number: int
    at: datetime
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Values that replace those of the document."""
    identity: Mapping[str, Any] = field(default_factory=dict)
    """Values for fields that the document does not have yet."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Numbers that add to those of the document."""
    tool: str | None = None
    tool_ms: int = 0
    calls: tuple[Call, ...] = ()
    """The calls of models: more than one where other models worked for the answer."""
    overhead: Overhead | None = None
    """The overhead that the calls' cost belongs to, if any."""
    gives_up: bool = False
    """Whether the session leaves the task unfinished, for another session to begin again."""
    deferred: DeferredUsage | None = None
    """A response to read before the report is first written."""


@dataclass(frozen=True, slots=True)
class ReportKey:
    """A sequence of reports: of one reporter, on one task."""

    task_id: str
    reporter: str
    session: str | None


def reporter_name(agent: str, session: str, nonce: str = "") -> str:
    """Name a reporter: the name starts with its agent, as the rules demand of a sequence.

    A colon in the agent's name is written `%3A`, because the first colon ends the agent.
    """
    return _sequence(agent.replace("%", "%25").replace(":", "%3A"), session, nonce)


def forked_reporter(name: str, pid: int) -> str:
    """Name the reporter of a forked child, which begins a sequence of its own."""
    agent, colon, rest = name.partition(":")
    # Without a colon it is the queue's, which is named once for each task that is created.
    return _sequence(agent, rest, f"{pid}-{secrets.token_hex(3)}") if colon else name


def _sequence(agent: str, session: str, nonce: str) -> str:
    name = f"{agent}:{session}" + (f".{nonce}" if nonce else "")
    if len(name) <= MAX_NAME_CHARS:
        return name
    return f"{agent[: MAX_NAME_CHARS // 2]}:{hashlib.sha256(name.encode()).hexdigest()[:32]}"
