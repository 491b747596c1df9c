"""What happened in a transcript, the same for every kind of agent: a stream of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from tachograph_schema.usage import Usage

Kind = Literal["claude-code", "codex"]
Outcome = Literal["completed", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Source:
    """One transcript file, and whose it is.

    `agent` is set where the file holds a sub-agent of the session. Files of one `owner` are
    states or parts of the same transcript.
    """

    path: Path
    kind: Kind
    session: str
    agent: str | None
    started_at: datetime
    cwd: str | None

    @property
    def owner(self) -> str:
        """The context window the file recorded."""
        return self.session if self.agent is None else f"{self.session}.{self.agent}"


@dataclass(frozen=True, slots=True)
class Facts:
    """The session's surroundings, said at its beginning and whenever they change."""

    at: datetime
    agent_version: str | None
    repo: str | None
    branch: str | None
    provider: str
    parent_session: str | None = None


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """A prompt: the session begins a task. Nothing may come of it."""

    at: datetime
    task: str


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The task is over; `agent` is set where it is a sub-agent's."""

    at: datetime
    task: str
    agent: str | None = None
    outcome: Outcome = "completed"
    error_type: str | None = None
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Called:
    """A model answered, with `usage` so far; or an answer already told of grew.

    `grown_from` is what was told of the same call before: only the difference is new, it belongs to
    the call's first instant `at`, and it is no further call. `said_at` is the line's own time.
    """

    at: datetime
    said_at: datetime
    task: str
    agent: str | None
    model: str | None
    usage: Usage
    grown_from: Usage | None = None
    window: int | None = None


@dataclass(frozen=True, slots=True)
class ToolUsed:
    """A tool answered."""

    at: datetime
    task: str
    agent: str | None
    name: str
    error: bool
    duration_ms: int


@dataclass(frozen=True, slots=True)
class CallFailed:
    """A model did not answer; the agent may have tried again."""

    at: datetime
    task: str
    agent: str | None


@dataclass(frozen=True, slots=True)
class Compacted:
    """The context was summarised in place and now holds about this much."""

    at: datetime
    task: str
    agent: str | None
    context_tokens: int


@dataclass(frozen=True, slots=True)
class Broken:
    """A line that could not be read, and was passed by."""

    path: Path
    line: int
    why: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.why}"


Happening: TypeAlias = TurnStarted | TurnEnded | Called | ToolUsed | CallFailed | Compacted
"""What happened at a moment, on a task."""
Event: TypeAlias = Facts | Happening | Broken
