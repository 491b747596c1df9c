"""The spans of a session's work on one task, between their start and their export."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tachograph_schema.tracing.sampling import KeepReason
from tachograph_schema.tracing.spans import Span


@dataclass(slots=True, eq=False)
class TraceBuffer:
    """A task's spans and their sums.

    The agent's threads count the spans that begin; the pipeline's thread does everything else.
    """

    span: Span
    """The task's own span, above all others."""
    facts: Mapping[str, Any]
    """Fields of the task and of its session, by which sampling decides."""
    model: str | None = None
    begun: int = 0
    """Spans below the task's own."""
    finished: int = 0
    ended: bool = False
    """Whether the task's own span is finished."""
    spans: list[Span] = field(default_factory=list)
    """Finished spans that are neither exported nor dropped."""
    failed_calls: int = 0
    cost_nanousd: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    kept: KeepReason | None = None
    """The reason to export the spans, once that is decided."""
    last_call: Span | None = None
    batches: int = 0
    """Batches of the task that are written."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_done(self) -> bool:
        """Whether the task's span is finished, and all those below it."""
        with self.lock:
            return self.ended and self.finished == self.begun
