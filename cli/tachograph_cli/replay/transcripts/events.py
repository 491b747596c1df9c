"""The events of a transcript, the same for every kind of agent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from tachograph_schema.pricing.call import Call
    from tachograph_schema.usage import Usage

Kind = Literal["claude-code", "codex", "pi", "gemini-cli", "openhands", "swe-agent"]
Outcome = Literal["completed", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Source:
    """One transcript file: its session, and its sub-agent where the file is a sub-agent's.

    Files of one `owner` are states or parts of the same transcript.
    """

    path: Path
    kind: Kind
    session: str
    agent: str | None
    started_at: datetime
    cwd: str | None

    @property
    def owner(self) -> str:
        """The id of the context window that the file recorded."""
        return self.session if self.agent is None else f"{self.session}.{self.agent}"


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """The session's version, repository and provider, at its beginning and at every change."""

    at: datetime
    agent_version: str | None
    repo: str | None
    branch: str | None
    provider: str | None
    parent_session: str | None = None


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """A prompt began a task; it may be one that calls no model."""

    at: datetime
    task: str


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """A task ended; `agent` is set where it is a sub-agent's."""

    at: datetime
    task: str
    agent: str | None = None
    outcome: Outcome = "completed"
    error_type: str | None = None
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A model answered, or a later line states more usage of the same call.

    `calls` is what the answer took so far, the answering model's own first. `before` is the part
    that was counted before: the difference belongs to the call's first instant `at`, and is no
    further call. `line_at` is the line's own time.
    """

    at: datetime
    line_at: datetime
    task: str
    agent: str | None
    calls: tuple[Call, ...]
    before: tuple[Call, ...] | None = None
    window: int | None = None
    own_context: bool = True
    """Whether its prompt is the agent's own context, and no summary's or tool's."""

    @property
    def model(self) -> str | None:
        """The model that answered."""
        return self.calls[0].model

    @property
    def usage(self) -> Usage:
        """The usage of the model that answered, so far."""
        return self.calls[0].usage

    @property
    def fills_context(self) -> bool:
        """Whether its prompt is what a context held: not of several calls, nor an unknown one."""
        return self.own_context and self.calls[0].calls == 1 and self.usage.prompt_tokens > 0

    @property
    def counted_before(self) -> Usage | None:
        """The part of its usage that was counted before; None for a new call."""
        return self.before[0].usage if self.before else None


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
    """A model call failed; the agent may have tried again."""

    at: datetime
    task: str
    agent: str | None


@dataclass(frozen=True, slots=True)
class Compacted:
    """The context was summarised in place; it now holds about `context_tokens`, where known."""

    at: datetime
    task: str
    agent: str | None
    context_tokens: int | None


@dataclass(frozen=True, slots=True)
class PullRequestNamed:
    """The work on a task has shown a pull request, by its address."""

    at: datetime
    task: str
    url: str


@dataclass(frozen=True, slots=True)
class BillRow:
    """What a session's own bill says of one model; a cost of None is the agent's own guess."""

    usage: Usage
    cost_nanousd: int | None


@dataclass(frozen=True, slots=True)
class Billed:
    """The bill of a session so far, by model: everything since the session's first beginning.

    Sub-agents, calls that no line shows and the sessions that it was forked from are in it. A bill
    states no time: `at` is the latest line's before it, `until` that of the one behind it, if any.
    """

    at: datetime
    session: str
    rows: Mapping[str, BillRow]
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class UnreadableLine:
    """A line that could not be read as a whole: what could be was kept, the rest was left out."""

    path: Path
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}"


@dataclass(frozen=True, slots=True)
class UnreadableFile:
    """A file or a folder of which nothing could be read."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


TaskEvent: TypeAlias = (
    TurnStarted | TurnEnded | ModelCall | ToolUsed | CallFailed | Compacted | PullRequestNamed
)
"""An event of a task, at a moment."""
Event: TypeAlias = SessionFacts | TaskEvent | Billed | UnreadableLine
