"""A call of a model, or of a tool, timed while it runs: `with task.llm_call() as call: ...`."""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from tachograph.process.block import Block, failed
from tachograph.process.warnings import warn_once
from tachograph.task.waits import Wait
from tachograph.task.work import TaskWork
from tachograph.usage.deferred import AnswerListener, DeferredUsage, ModelRequest
from tachograph.usage.excerpt import Excerpt, excerpt_of
from tachograph.usage.stream import Stream
from tachograph_schema.pricing.call import Call
from tachograph_schema.usage import Usage

if TYPE_CHECKING:
    from tachograph.tracing.call_spans import CallSpan, SpanBlock

T = TypeVar("T")


class _Timed(Block):
    """A block whose end is reported, whether an exception left it or not."""

    _span: SpanBlock | None = None

    def content(
        self, went_in: str | None = None, came_out: str | None = None, *, ref: str | None = None
    ) -> None:
        """Add the input and the output as text, or `ref`, the place of both.

        They go to the trace only, as far as the fleet's policy allows: not at all, by default.
        """
        if self._span is not None:
            self._span.content(went_in, came_out, ref)

    def _enter(self) -> None:
        if self._span is not None:
            self._span.__enter__()

    def _leave(self, error: type[BaseException] | None) -> None:
        self._report(failed=failed(error))
        if self._span is not None:
            self._span.__exit__(error, None, None)

    def _report(self, *, failed: bool) -> None:
        """Report the block that has ended."""
        raise NotImplementedError


class LlmCall(_Timed):
    """One call of a model; made by `TaskRun.llm_call`.

    An exception that leaves the block counts as a failed call and goes on. A block in which nothing
    was recorded counts as a call whose price is unknown.
    """

    def __init__(
        self,
        work: TaskWork,
        request: ModelRequest,
        listener: AnswerListener | None = None,
        span: CallSpan | None = None,
    ) -> None:
        self._work, self._request, self._listener = work, request, listener
        self._span = self._call_span = span
        if span is not None:
            span.listener, self._listener = listener, span
        self._began_at = datetime.now(UTC)
        self._since_s = time.perf_counter()
        self._recorded = 0
        self._streams: list[Stream[Any]] = []

    def record(self, response: object) -> None:
        """Record a response of a model: an SDK's object, a dictionary, or JSON text.

        It takes microseconds: the usage is read and priced in the background, and nothing else of
        the response is kept. A stream is recorded by `stream`.
        """
        self._record(_excerpt(response), 0, _ms(self._since_s))

    def stream(self, response: Iterable[T] | AsyncIterable[T]) -> Stream[T]:
        """Wrap a streamed response: `for chunk in call.stream(response)`, or `async for`.

        It is recorded when it ends or is left, with the time to its first chunk.
        """
        stream = Stream(response, self._since_s, self._record)
        self._streams.append(stream)
        return stream

    def _record(self, excerpt: Excerpt, ttft_ms: int, generation_ms: int) -> None:
        at = datetime.now(UTC)
        self._recorded += 1
        if self._call_span is not None:
            self._call_span.recorded()
        self._since_s = time.perf_counter()
        deferred = DeferredUsage(
            excerpt, self._request, self._began_at, self._listener, generation_ms
        )
        counts = {"ttft_ms": ttft_ms, "generation_ms": generation_ms}
        self._work.report(at, deferred=deferred, counts=counts)

    def _report(self, *, failed: bool) -> None:
        for stream in self._streams:
            stream.finish()
        counts = {"llm_errors": int(failed)}
        if self._recorded:
            if failed:
                self._work.report(datetime.now(UTC), counts=counts)
            return
        # It has no model: the name under which the provider would have served it is unknown.
        call = Call(Usage(), None, None, self._began_at, readable=failed)
        counts["generation_ms"] = _ms(self._since_s)
        self._work.report(datetime.now(UTC), calls=(call,), counts=counts)


class ToolCall(_Timed):
    """One call of a tool; made by `TaskRun.tool_call`. An exception counts as an error."""

    def __init__(
        self, work: TaskWork, name: str, wait: Wait | None = None, span: SpanBlock | None = None
    ) -> None:
        self._work, self._name, self._wait, self._span = work, name, wait, span
        self._since_s = time.perf_counter()

    def _enter(self) -> None:
        if self._wait is not None:
            self._wait.begin()
        super()._enter()

    def _report(self, *, failed: bool) -> None:
        if self._wait is not None:
            self._wait.end()
        self._work.report_tool(self._name, errors=int(failed), duration_ms=_ms(self._since_s))


def _ms(since_s: float) -> int:
    return round(1000 * (time.perf_counter() - since_s))


def _excerpt(response: object) -> Excerpt:
    try:
        return excerpt_of(response)
    except Exception as trouble:  # noqa: BLE001 - a response is of a class of anybody's
        kind = type(response).__name__
        warn_once(kind, "a response of the type %s cannot be read: %s", kind, type(trouble))
        return excerpt_of({})
