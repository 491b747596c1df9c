"""What a pretended agent does next: one of these after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from tachograph_schema.usage import Usage

Overhead = Literal["retry", "rotation"]


@dataclass(frozen=True, slots=True)
class Model:
    """A model as it is served, with what fits into its context."""

    name: str
    provider: str
    window_tokens: int
    caches_writes: bool
    """Whether writing to its cache is a price of its own."""


@dataclass(frozen=True, slots=True)
class Job:
    """A task that waits for an agent."""

    id: str
    kind: str
    calls: int
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Opened:
    """A fresh context window, perhaps a successor's."""

    model: Model
    generation: int
    succeeds: bool


@dataclass(frozen=True, slots=True)
class Queued:
    """A task for whoever is free."""

    job: Job


@dataclass(frozen=True, slots=True)
class Took:
    """The agent takes a task: claims it, or goes on with one of its predecessor's."""

    job: Job
    handed_over: bool = False


@dataclass(frozen=True, slots=True)
class Contended:
    """The agent tries to take a task that somebody has."""

    job: Job


@dataclass(frozen=True, slots=True)
class Asked:
    """A model's answer, and which overhead it is a part of."""

    model: Model
    usage: Usage
    duration_ms: int
    overhead: Overhead | None = None


@dataclass(frozen=True, slots=True)
class Ran:
    """A tool's answer."""

    tool: str
    error: bool
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Waited:
    """The agent waits for somebody, or goes on."""

    waiting_for: str | None


@dataclass(frozen=True, slots=True)
class Retried:
    """The attempt failed and the next begins."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The task is over."""

    error_type: str | None = None


@dataclass(frozen=True, slots=True)
class HandedOff:
    """The context is used up: a successor will take over."""


@dataclass(frozen=True, slots=True)
class Idle:
    """There is nothing to do."""


@dataclass(frozen=True, slots=True)
class Paused:
    """Time passes; `seconds` as they pass in a fleet that is watched."""

    seconds: float


Act: TypeAlias = (
    Opened
    | Queued
    | Took
    | Contended
    | Asked
    | Ran
    | Waited
    | Retried
    | Finished
    | HandedOff
    | Idle
    | Paused
)
