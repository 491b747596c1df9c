"""The spans of a session's work on one task: its own, and those of its calls and tools."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar, Token
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tachograph.process.fork import begins_anew
from tachograph.tracing.attributes import (
    UNKNOWN,
    Content,
    ns,
    present,
    request_attributes,
    span_name,
    tool_attributes,
)
from tachograph.tracing.buffer import TraceBuffer
from tachograph_schema.pricing.call import Call
from tachograph_schema.tracing.spans import (
    AGENT_NAME,
    CHAT,
    ERROR_TYPE,
    EXECUTE_TOOL,
    SESSION_ID,
    TASK_ID,
    TASK_STATUS,
    Place,
    Span,
    SpanKind,
    Value,
    digest,
)

if TYPE_CHECKING:
    from tachograph.tracing.pipeline import SpanPipeline

_OF_EVERY_SPAN: Final = (TASK_ID, AGENT_NAME, SESSION_ID)
"""Attributes that every span of a task has."""
_NS_PER_MS: Final = 1_000_000
_current: ContextVar[TaskTrace | None] = ContextVar("tachograph_task", default=None)
Entered = tuple[Token["TaskTrace | None"], object]
"""The tokens of a span that is the current one, for `TaskTrace.leave`."""


class TaskTrace:
    """A session's work on a task while it is traced. No method waits."""

    def __init__(
        self,
        pipeline: SpanPipeline,
        span: Span,
        facts: Mapping[str, Any],
        *,
        calls: bool = True,
        replayed: bool = False,
    ) -> None:
        self.span = span
        self.buffer = TraceBuffer(span, facts, model=facts.get("model"))
        self._pipeline, self._calls, self._replayed = pipeline, calls, replayed
        self.in_turn = False
        """Whether calls and tools that are recorded at one moment happened one after the other."""
        self._dated_ns: int | None = None
        self._open: dict[str, Span] = {}
        self._last_ns = span.start_ns
        self.is_over = False
        begins_anew(self)

    def forked(self) -> None:
        """Begin anew in a child: another thread of the parent may have held the lock."""
        self.buffer.lock = threading.Lock()

    def date_start(self, at: datetime) -> None:
        """Date the start of a task by its recording, whenever that is replayed."""
        self.span.start_ns = self._last_ns = ns(at)

    def date_next(self, at: datetime) -> None:
        """Date everything that follows by its recording, whenever that is replayed."""
        self._dated_ns = ns(at)

    def begin(
        self, name: str, attributes: dict[str, Any], start_ns: int, *, call: bool = False
    ) -> Span | None:
        """Begin a span below the task's; None where there is no room for it."""
        if (call and not self._calls) or not self._pipeline.hold():
            return None
        common: dict[str, Value] = {
            key: self.span.attributes[key] for key in _OF_EVERY_SPAN if key in self.span.attributes
        }
        kind: SpanKind = "client" if call else "internal"
        place = self._replayed_place() if self._replayed else None
        span = self._pipeline.start(
            new_span(
                name,
                kind,
                self.span.place,
                start_ns,
                {**common, **present(attributes)},
                place=place,
            )
        )
        with self.buffer.lock:
            self.buffer.begun += 1
            self._open[span.span_id] = span
        return span

    def add(self, span: Span) -> None:
        """Add a span that ends as soon as it begins."""
        if self._pipeline.hold():
            with self.buffer.lock:
                self.buffer.begun += 1
            self.finish(span, span.start_ns)

    def finish(
        self,
        span: Span,
        end_ns: int,
        calls: tuple[Call, ...] = (),
        error: str | None = None,
        content: Content | None = None,
    ) -> None:
        """End a span; the background prices its calls."""
        span.end_ns, span.error = end_ns, error
        if error is not None:
            span.attributes[ERROR_TYPE] = error
        with self.buffer.lock:
            self._open.pop(span.span_id, None)
            self._last_ns = max(self._last_ns, end_ns)
        self._pipeline.finish(self.buffer, span, calls, content)

    def add_call(self, call: Call, end_ns: int, duration_ms: int | None, *, error: bool) -> None:
        """Add a call that is over, or the correction of the last one."""
        if not call.calls:
            end_ns = self._dated_ns or end_ns
            with self.buffer.lock:
                self._last_ns = max(self._last_ns, end_ns)
            self._pipeline.correct(self.buffer, call, end_ns)
            return
        attributes = request_attributes(call.model, call.provider)
        start_ns, end_ns = self._interval(end_ns, duration_ms)
        span = self.begin(span_name(CHAT, call.model), attributes, start_ns, call=True)
        if span is not None:
            self.finish(span, end_ns, (call,), UNKNOWN if error else None)

    def add_tool(self, name: str, end_ns: int, duration_ms: int | None, *, error: bool) -> None:
        """Add a call of a tool that is over."""
        start_ns, end_ns = self._interval(end_ns, duration_ms)
        span = self.begin(span_name(EXECUTE_TOOL, name), tool_attributes(name), start_ns)
        if span is not None:
            self.finish(span, end_ns, error=UNKNOWN if error else None)

    def enter(self, span: Span | None = None) -> Entered:
        """Make a span, or the task's, the current one: spans begun inside are below it."""
        return _current.set(self), self._pipeline.enter(span or self.span)

    def leave(self, entered: Entered) -> None:
        """Make the span before it the current one again."""
        with suppress(ValueError):  # left in another context than it was entered
            _current.reset(entered[0])
        self._pipeline.leave(entered[1])

    def end(self, status: str | None, end_ns: int, error: str | None = None) -> None:
        """End the task's span; open spans below it may end later."""
        with self.buffer.lock:
            if self.is_over:
                return
            self.is_over = True
            end_ns = self._dated_ns or end_ns
            self.span.end_ns = max(end_ns, self._last_ns if self._replayed or self.in_turn else 0)
        self.span.error = error
        if status is not None:
            self.span.attributes[TASK_STATUS] = status
        if error is not None:
            self.span.attributes[ERROR_TYPE] = error
        self._pipeline.end(self.buffer)

    def abandon(self) -> None:
        """End every open span now, because the process ends."""
        self.end(None, time.time_ns())
        with self.buffer.lock:
            waiting = list(self._open.values())
        for span in waiting:
            self.finish(span, time.time_ns())

    def _interval(self, end_ns: int, duration_ms: int | None) -> tuple[int, int]:
        """Return the start and the end of a call; in a recording it starts where the last ended."""
        end_ns = self._dated_ns or end_ns
        took_ns = (duration_ms or 0) * _NS_PER_MS
        if self.in_turn:
            start_ns = max(self._last_ns, end_ns - took_ns)
            return start_ns, start_ns + took_ns
        if took_ns or not self._replayed:
            return end_ns - took_ns, end_ns
        return min(self._last_ns, end_ns), end_ns

    def _replayed_place(self) -> Place:
        """Return the place of the next span of a recording: the same at every replay."""
        with self.buffer.lock:
            number = self.buffer.begun
        name = digest(self.span.span_id, str(self.span.attributes.get(SESSION_ID)), str(number))
        return Place(self.span.trace_id, name[:16])


def new_span(
    name: str,
    kind: SpanKind,
    parent: Place | None,
    start_ns: int,
    attributes: dict[str, Value],
    *,
    links: list[tuple[Place, str]] | None = None,
    place: Place | None = None,
) -> Span:
    """Make a span below `parent`, at `place` where that is given, else with a random id."""
    trace_id = parent.trace_id if parent else place.trace_id if place else os.urandom(16).hex()
    span_id = place.span_id if place else os.urandom(8).hex()
    above = parent.span_id if parent else None
    span = Span(name, trace_id, span_id, above, start_ns, kind=kind, attributes=attributes)
    span.links = links or []
    return span


def current_trace() -> TaskTrace | None:
    """Return the trace of the task whose block this code runs in."""
    return _current.get()


def current_traceparent() -> str | None:
    """Return the place of the running code in its trace, for a message or a call elsewhere.

    None outside of the block of a traced task.
    """
    trace = _current.get()
    return str(trace.span.place) if trace is not None else None
