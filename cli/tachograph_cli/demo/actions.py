"""The actions of a simulated agent, which takes one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from tachograph_schema.usage import Usage

Overhead = Literal["retry", "rotation"]


@dataclass(frozen=True, slots=True)
class Model:
    """A model as a provider serves it, with the size of its context window."""

    name: str
    provider: str
    window_tokens: int
    caches_writes: bool
    """Whether writing to its cache has a price of its own."""


@dataclass(frozen=True, slots=True)
class SimulatedTask:
    """A task that waits for an agent."""

    id: str
    kind: str
    calls: int
    """The number of model calls that an attempt takes."""
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OpenSession:
    """Open a session with an empty context window, as a successor where `succeeds`."""

    model: Model
    generation: int
    succeeds: bool


@dataclass(frozen=True, slots=True)
class QueueTask:
    """Queue a task for any free agent."""

    task: SimulatedTask


@dataclass(frozen=True, slots=True)
class TakeTask:
    """Claim a task, or take over the one that a predecessor `handed_over`."""

    task: SimulatedTask
    handed_over: bool = False


@dataclass(frozen=True, slots=True)
class ContendForTask:
    """Try to claim a task that another agent holds."""

    task: SimulatedTask


@dataclass(frozen=True, slots=True)
class CallModel:
    """Call a model; the cost belongs to an overhead, or to the task's own work."""

    model: Model
    usage: Usage
    duration_ms: int
    overhead: Overhead | None = None


@dataclass(frozen=True, slots=True)
class CallTool:
    """Call a tool."""

    tool: str
    error: bool
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Begin to wait, or end the wait."""

    waiting_for: str | None
    """The reason of the wait; None ends it."""


@dataclass(frozen=True, slots=True)
class RetryTask:
    """Begin the next attempt after a failed one."""

    attempt: int


@dataclass(frozen=True, slots=True)
class FinishTask:
    """End the task."""

    error_type: str | None = None
    """The reason of a failure; None: the task is completed."""


@dataclass(frozen=True, slots=True)
class HandOff:
    """End a session whose context is used up, for a successor to take over."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Wait for work."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Let time pass: `seconds` of a fleet that is watched live."""

    seconds: float


Action: TypeAlias = (
    OpenSession
    | QueueTask
    | TakeTask
    | ContendForTask
    | CallModel
    | CallTool
    | Wait
    | RetryTask
    | FinishTask
    | HandOff
    | Rest
    | Pause
)
