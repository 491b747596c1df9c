"""Pure: which traces are kept. Every process decides the same of the same trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from tachograph_schema.documents.fleet import TracingPolicy

KeepReason = Literal["error", "slow", "costly", "long", "retry", "share"]
_RANDOM_DIGITS: Final = 14
"""The last 56 bits of a trace id are random (W3C trace context, level 2)."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A task, as the trace's end sees it."""

    trace_id: str
    error: bool
    duration_ms: float
    cost_nanousd: int
    spans: int = 0


@dataclass(frozen=True, slots=True)
class TraceBaseline:
    """The baseline that a trace is compared with; None where there is none yet."""

    p99_ms: float | None = None
    cost_nanousd: float | None = None
    """The median. The average is drawn by the very outliers that are looked for."""


def tail(ended: Ended, baseline: TraceBaseline, policy: TracingPolicy) -> KeepReason | None:
    """Decide on a trace by how its task ended: why it is kept, or None.

    Errors, what took longer than 99 % of its type, and what cost more than `cost_factor` times
    what its type does; of the rest `keep_pct`, by the trace's id.
    """
    if ended.error:
        return "error"
    if baseline.p99_ms is not None and ended.duration_ms > baseline.p99_ms:
        return "slow"
    if baseline.cost_nanousd and ended.cost_nanousd > policy.cost_factor * baseline.cost_nanousd:
        return "costly"
    return "share" if in_share(ended.trace_id, policy.keep_pct) else None


def head(trace_id: str, attempt: int, policy: TracingPolicy) -> KeepReason | None:
    """Decide on a trace as its task begins: a further attempt, or one of `head_pct`."""
    if attempt > 1:
        return "retry"
    return "share" if in_share(trace_id, policy.head_pct) else None


def promoted(ended: Ended, policy: TracingPolicy) -> KeepReason | None:
    """Decide again on a trace that the head let go, by what has become of it since."""
    if ended.error:
        return "error"
    return "long" if ended.spans > policy.head_spans else None


def in_share(trace_id: str, pct: float) -> bool:
    """Tell whether a trace is one of `pct` of 100: by its id, so that all its processes agree."""
    return int(trace_id[-_RANDOM_DIGITS:], 16) * 100 < pct * 16**_RANDOM_DIGITS


def trace_baseline(quantiles: Mapping[str, Mapping[str, float]]) -> TraceBaseline:
    """Read a trace's baseline from the quantiles of `baselines/`."""
    duration, cost = quantiles.get("duration_ms", {}), quantiles.get("cost_nanousd", {})
    return TraceBaseline(duration.get("p99"), cost.get("p50"))
