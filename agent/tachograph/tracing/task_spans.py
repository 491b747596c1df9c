"""The spans of a session's work on one task: its own, and those of its calls and tools."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from tachograph_schema.tracing.sampling import Kept
from tachograph_schema.tracing.spans import (
    AGENT_NAME,
    CHAT,
    ERROR_TYPE,
    EXECUTE_TOOL,
    MCP_METHOD,
    OPENINFERENCE_KIND,
    OPERATION,
    PROVIDER,
    REQUEST_MODEL,
    SESSION_ID,
    TASK_ID,
    TASK_STATUS,
    TOOL_NAME,
    TOOL_TYPE,
    Place,
    Span,
    SpanKind,
    digest,
)

if TYPE_CHECKING:
    from tachograph.tracing.tracer import Tracer
    from tachograph_schema.pricing.call import Call

_SHARED: Final = (TASK_ID, AGENT_NAME, SESSION_ID)
"""What every span of a task says."""
_MCP: Final = "mcp__"
"""How agents name the tools of MCP servers: `mcp__SERVER__TOOL`."""
_UNKNOWN: Final = "_OTHER"
_MAX_CONTENT_CHARS: Final = 16_000
"""What of a content is kept until it is known how much of it may be told."""
_NS_PER_MS: Final = 1_000_000
_EPOCH = datetime.fromtimestamp(0, UTC)
_MICROSECOND = timedelta(microseconds=1)
Content = tuple[str | None, str | None, str | None]
"""What went in, what came out, and where both are kept elsewhere."""


@dataclass(slots=True)
class TraceBuffer:
    """What is known of a task's spans so far; the background's alone."""

    spans: list[Span] = field(default_factory=list)
    finished: int = 0
    ended: bool = False
    failed_calls: int = 0
    cost_nanousd: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    model: str | None = None
    kept: Kept | None = None
    last_call: Span | None = None
    batches: int = 0


class TaskTrace:
    """A session's work on a task while it is traced. Nothing here waits."""

    def __init__(
        self,
        tracer: Tracer,
        span: Span,
        facts: Mapping[str, Any],
        *,
        calls: bool = True,
        replayed: bool = False,
    ) -> None:
        self.span = span
        self.facts = facts
        self.gathered = TraceBuffer(model=facts.get("model"))
        self._tracer, self._calls, self._replayed = tracer, calls, replayed
        self.in_turn = False
        """Whether what it does comes one after the other, where all at once is told of it."""
        self._told_ns: int | None = None
        self._lock = threading.Lock()
        self._begun = 0
        self._open: dict[str, Span] = {}
        self._last_ns = span.start_ns
        self._over = False

    def begun_at(self, at: datetime) -> None:
        """Date the beginning of a task that a recording tells of, whenever it is played."""
        self.span.start_ns = self._last_ns = ns(at)

    def tell(self, at: datetime) -> None:
        """Date what is told next, as begun_at."""
        self._told_ns = ns(at)

    @property
    def is_done(self) -> bool:
        """Whether the task's span is finished, and all those below it."""
        with self._lock:
            return self.gathered.ended and self.gathered.finished == self._begun

    def begin(
        self, name: str, said: dict[str, Any], start_ns: int, *, call: bool = False
    ) -> Span | None:
        """Begin a span below the task's; None where there is no room for it."""
        if (call and not self._calls) or not self._tracer.may_hold():
            return None
        shared: dict[str, str | int | bool] = {
            key: self.span.attributes[key] for key in _SHARED if key in self.span.attributes
        }
        kind: SpanKind = "client" if call else "internal"
        place = self._place() if self._replayed else None
        span = self._tracer.start(
            name, kind, self.span.place, start_ns, {**shared, **attributes(said)}, None, place
        )
        with self._lock:
            self._begun += 1
            self._open[span.span_id] = span
        return span

    def add(self, span: Span) -> None:
        """Take a span that is over as soon as it begins."""
        if self._tracer.may_hold():
            with self._lock:
                self._begun += 1
            self.finish(span, span.start_ns)

    def finish(
        self,
        span: Span,
        end_ns: int,
        calls: tuple[Call, ...] = (),
        error: str | None = None,
        content: Content | None = None,
        finish_reason: str | None = None,
    ) -> None:
        """End a span; what its calls cost is found out in the background."""
        span.end_ns, span.error = end_ns, error
        if error is not None:
            span.attributes[ERROR_TYPE] = error
        with self._lock:
            self._open.pop(span.span_id, None)
            self._last_ns = max(self._last_ns, end_ns)
        self._tracer.keeper.finish(self, span, calls, content, finish_reason)

    def called(self, call: Call, end_ns: int, duration_ms: int | None, *, error: bool) -> None:
        """Tell of a call that is over, or of what the last one used beyond what was told."""
        if not call.calls:
            end_ns = self._told_ns or end_ns
            with self._lock:
                self._last_ns = max(self._last_ns, end_ns)
            self._tracer.keeper.grew(self, call, end_ns)
            return
        said = called_attributes(call.model, call.provider)
        start_ns, end_ns = self._interval(end_ns, duration_ms)
        span = self.begin(_named(CHAT, call.model), said, start_ns, call=True)
        if span is not None:
            self.finish(span, end_ns, (call,), _UNKNOWN if error else None)

    def call(self, model: str | None, provider: str | None) -> CallTrace | None:
        """Begin a call of a model."""
        said = called_attributes(model, provider)
        span = self.begin(_named(CHAT, model), said, time.time_ns(), call=True)
        return None if span is None else CallTrace(self, span)

    def used(self, name: str, end_ns: int, duration_ms: int | None, *, error: bool) -> None:
        """Tell of a tool that was used."""
        start_ns, end_ns = self._interval(end_ns, duration_ms)
        span = self.begin(_named(EXECUTE_TOOL, name), tool_attributes(name), start_ns)
        if span is not None:
            self.finish(span, end_ns, error=_UNKNOWN if error else None)

    def tool(self, name: str, said: Mapping[str, Any]) -> SpanBlock | None:
        """Begin to use a tool."""
        known = {**tool_attributes(name), **said}
        span = self.begin(_named(EXECUTE_TOOL, name), known, time.time_ns())
        return None if span is None else SpanBlock(self, span)

    def entered(self, span: Span | None = None) -> Any:  # noqa: ANN401 - for `left`
        """Make a span, or the task's, the current one: what is traced inside is below it."""
        return self._tracer.enter(self, span or self.span)

    def left(self, token: Any) -> None:  # noqa: ANN401 - what `entered` returned
        """Make the span before it the current one again."""
        self._tracer.leave(token)

    def end(self, status: str | None, end_ns: int, error: str | None = None) -> None:
        """End the task's span; spans below it that are open may end later."""
        with self._lock:
            if self._over:
                return
            self._over = True
            end_ns = self._told_ns or end_ns
            self.span.end_ns = max(end_ns, self._last_ns if self._replayed or self.in_turn else 0)
        self.span.error = error
        if status is not None:
            self.span.attributes[TASK_STATUS] = status
        if error is not None:
            self.span.attributes[ERROR_TYPE] = error
        self._tracer.ended(self)

    def abandon(self) -> None:
        """End what is open, now: the process ends."""
        self.end(None, time.time_ns())
        with self._lock:
            waiting = list(self._open.values())
        for span in waiting:
            self.finish(span, time.time_ns())

    def _interval(self, end_ns: int, duration_ms: int | None) -> tuple[int, int]:
        """Return when something began and ended: in a recording, from where the last one ended."""
        end_ns = self._told_ns or end_ns
        took_ns = (duration_ms or 0) * _NS_PER_MS
        if self.in_turn:
            start_ns = max(self._last_ns, end_ns - took_ns)
            return start_ns, start_ns + took_ns
        if took_ns or not self._replayed:
            return end_ns - took_ns, end_ns
        return min(self._last_ns, end_ns), end_ns

    def _place(self) -> Place:
        """Return where the next span of a recording is: the same whenever it is told."""
        with self._lock:
            number = self._begun
        name = digest(self.span.span_id, str(self.span.attributes.get(SESSION_ID)), str(number))
        return Place(self.span.trace_id, name[:16])


class SpanBlock:
    """A span that is open while its block runs; what else is traced inside is below it."""

    def __init__(self, trace: TaskTrace, span: Span) -> None:
        self._trace, self._span = trace, span
        self._token: Any = None
        self._content: Content | None = None

    def content(self, went_in: str | None, came_out: str | None, ref: str | None) -> None:
        """Keep a content until the fleet's policy says how much of it may be told."""
        texts = (text and text[:_MAX_CONTENT_CHARS] for text in (went_in, came_out))
        self._content = (*texts, ref)  # type: ignore[assignment]  # of three

    def __enter__(self) -> Self:
        self._token = self._trace.entered(self._span)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._token is not None:
            self._trace.left(self._token)
        failed = kind is not None and issubclass(kind, Exception)
        self._close(kind.__name__ if kind is not None and failed else None)

    def _close(self, error: str | None) -> None:
        self._trace.finish(self._span, time.time_ns(), (), error, self._content)


class CallTrace(SpanBlock):
    """A call of a model: over when its block was left and its answers were read."""

    def __init__(self, trace: TaskTrace, span: Span) -> None:
        super().__init__(trace, span)
        self._lock = threading.Lock()
        self._recorded = 0
        self._calls: list[Call] = []
        self._read = 0
        self._reason: str | None = None
        self._end: tuple[int, str | None] | None = None

    def recorded(self) -> None:
        """Tell that an answer came, which will be read."""
        with self._lock:
            self._recorded += 1

    def answered(self, calls: tuple[Call, ...], finish_reason: str | None) -> None:
        """Tell what an answer used, in the background."""
        with self._lock:
            self._read += 1
            self._calls += calls
            self._reason = finish_reason
        self._settle()

    def _close(self, error: str | None) -> None:
        self._end = time.time_ns(), error
        self._settle()

    def _settle(self) -> None:
        with self._lock:
            if self._end is None or self._read < self._recorded:
                return
            end_ns, error = self._end
            self._end = None
        self._trace.finish(
            self._span, end_ns, tuple(self._calls), error, self._content, self._reason
        )


def attributes(said: Mapping[str, Any]) -> dict[str, str | int | bool]:
    """Return what is known, as a span's attributes."""
    return {name: value for name, value in said.items() if value is not None}


def called_attributes(model: str | None, provider: str | None) -> dict[str, Any]:
    """Return what is said of a call before it is answered."""
    return {
        OPERATION: CHAT,
        PROVIDER: provider or _UNKNOWN,  # the conventions require one
        REQUEST_MODEL: model,
        OPENINFERENCE_KIND: "LLM",
    }


def tool_attributes(name: str) -> dict[str, Any]:
    """Return what is said of a tool; of an MCP server's, also that it is one."""
    mcp = name.startswith(_MCP)
    return {
        OPERATION: EXECUTE_TOOL,
        TOOL_NAME: name,
        TOOL_TYPE: "extension" if mcp else "function",
        MCP_METHOD: "tools/call" if mcp else None,
        OPENINFERENCE_KIND: "TOOL",
    }


def ns(at: datetime | None) -> int:
    """Return an instant, by default now, in nanoseconds since 1970."""
    return time.time_ns() if at is None else (at - _EPOCH) // _MICROSECOND * 1_000


def _named(operation: str, subject: str | None) -> str:
    return operation if subject is None else f"{operation} {subject}"
