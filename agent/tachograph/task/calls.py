"""A call of a model, or of a tool, timed while it runs: `with task.llm_call() as call: ...`."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from tachograph.reports.report import ReportDetails
from tachograph.task.waits import Wait
from tachograph.usage.excerpt import Skimmed, skim
from tachograph.usage.response import Answer, read_response
from tachograph.usage.stream import Stream
from tachograph_schema.pricing.call import Call
from tachograph_schema.usage import Usage

if TYPE_CHECKING:
    from tachograph.tracing.task_spans import CallTrace, SpanBlock

_log = logging.getLogger("tachograph")
_warned: set[str] = set()
MAX_WARNED = 100

T = TypeVar("T")
Say = Callable[..., None]
"""`TaskRun._say`: an instant, and the parts of a report."""


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """Which model was asked for and of whom; the session's where the call does not say."""

    model: str | None = None
    provider: str | None = None
    route: str | None = None
    session_model: str | None = None
    session_provider: str | None = None


class _Timed(ABC):
    """A block whose end is told, with or without an exception."""

    _span: SpanBlock | None = None
    """What traces it, where that is wanted."""

    def content(
        self, went_in: str | None = None, came_out: str | None = None, *, ref: str | None = None
    ) -> None:
        """Say what went in and came out, or where both are kept.

        It goes no further than the trace, and there only as far as the fleet's owner wants: not at
        all, by default.
        """
        if self._span is not None:
            self._span.content(went_in, came_out, ref)

    def __enter__(self) -> Self:
        if self._span is not None:
            self._span.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end(failed=kind is not None and issubclass(kind, Exception))
        if self._span is not None:
            self._span.__exit__(kind, error, trace)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)

    @abstractmethod
    def _end(self, *, failed: bool) -> None:
        """Tell of the block that has ended."""


class LlmCall(_Timed):
    """One call of a model; made by `TaskRun.llm_call`.

    An exception that leaves the block counts as a failed call and goes on. A block in which nothing
    was recorded counts as a call of which nobody knows the price.
    """

    def __init__(
        self,
        say: Say,
        asked: ModelRequest,
        on_answer: Callable[[Answer, int], None],
        span: CallTrace | None = None,
    ) -> None:
        self._say = say
        self._asked = asked
        self._span = self._call_span = span
        self._on_answer = on_answer if span is None else partial(self._traced, span, on_answer)
        self._began_at = datetime.now(UTC)
        self._since = time.perf_counter()
        self._recorded = 0
        self._streams: list[Stream[Any]] = []

    def record(self, response: object) -> None:
        """Record a model's response, whoever's it is; see `read_response` on what may be given.

        It takes microseconds: what the response used is read and priced in the background, and of
        the response nothing else is kept. A stream is recorded by `stream`.
        """
        self._record(skim(response), 0, _ms(self._since))

    def stream(self, response: Iterable[T] | AsyncIterable[T]) -> Stream[T]:
        """Wrap a streamed response: `for chunk in call.stream(response)`, or `async for`.

        It is recorded when it ends or is left, with the time to its first chunk.
        """
        stream = Stream(response, self._since, self._record)
        self._streams.append(stream)
        return stream

    def _record(self, skimmed: Skimmed, ttft_ms: int, generation_ms: int) -> None:
        at = datetime.now(UTC)
        self._recorded += 1
        if self._call_span is not None:
            self._call_span.recorded()
        self._since = time.perf_counter()
        later = DeferredUsage(skimmed, self._asked, self._began_at, self._on_answer, generation_ms)
        self._say(at, later=later, counts={"ttft_ms": ttft_ms, "generation_ms": generation_ms})

    def _traced(
        self,
        span: CallTrace,
        on_answer: Callable[[Answer, int], None],
        answer: Answer,
        generation_ms: int,
    ) -> None:
        span.answered(calls_of(answer, self._began_at), answer.finish_reason)
        on_answer(answer, generation_ms)

    def _end(self, *, failed: bool) -> None:
        for stream in self._streams:
            stream.finish()
        counts = {"llm_errors": int(failed)}
        if self._recorded:
            if failed:
                self._say(datetime.now(UTC), counts=counts)
            return
        # It has no model of its own: by which name one would have served it, nobody has said.
        call = Call(Usage(), None, None, self._began_at, None, 1, readable=failed)
        self._say(
            datetime.now(UTC),
            calls=(call,),
            counts={**counts, "generation_ms": _ms(self._since)},
        )


class ToolCall(_Timed):
    """One call of a tool; made by `TaskRun.tool_call`. An exception counts as an error."""

    def __init__(
        self,
        record: Callable[..., None],
        name: str,
        wait: Wait | None = None,
        span: SpanBlock | None = None,
    ) -> None:
        self._record = record
        self._name = name
        self._wait = wait
        self._span = span
        self._began = time.perf_counter()

    def __enter__(self) -> Self:
        if self._wait is not None:
            self._wait.begin()
        return super().__enter__()

    def _end(self, *, failed: bool) -> None:
        if self._wait is not None:
            self._wait.end()
        self._record(self._name, errors=int(failed), duration_ms=_ms(self._began))


@dataclass(frozen=True, slots=True)
class DeferredUsage:
    """Reads in the background what was skimmed of a response: the rest of a report, once."""

    skimmed: Skimmed
    asked: ModelRequest
    began_at: datetime
    on_answer: Callable[[Answer, int], None]
    """Is given how long it was generated, in milliseconds, too."""
    generation_ms: int = 0

    def __call__(self) -> ReportDetails:
        """Read it."""
        asked = self.asked
        answer = read_response(
            self.skimmed, provider=asked.provider, model=asked.model, route=asked.route
        )
        answer = _completed(answer, asked)
        if answer.why is not None:
            _warn(answer)
        self.on_answer(answer, self.generation_ms)
        calls = calls_of(answer, self.began_at)
        fields = {"finish_reason": answer.finish_reason} if answer.finish_reason else {}
        said = {"model": answer.model, "provider": answer.provider, "route": asked.route}
        return ReportDetails(
            calls, fields, {name: word for name, word in said.items() if word is not None}
        )


def calls_of(answer: Answer, began_at: datetime) -> tuple[Call, ...]:
    """Return what an answer used: of its model, and of others that worked for it."""
    return tuple(
        Call(
            each.usage,
            each.model,
            each.provider,
            began_at,
            each.cost_nanousd,
            int(each is answer),
            each.terms,
            each.units,
            each.readable,
        )
        for each in (answer, *answer.others)
    )


def _completed(answer: Answer, asked: ModelRequest) -> Answer:
    """Take the session's word where neither the call nor the response says who served."""
    if answer.model is None:
        answer = replace(answer, model=asked.session_model)
    same = asked.session_model is None or (answer.model or "").startswith(asked.session_model)
    if answer.provider is None and same:
        answer = replace(answer, provider=asked.session_provider)
    return answer


def _warn(answer: Answer) -> None:
    """Say once what is wrong with a kind of response."""
    what = f"a response of {answer.model or 'a model'} at {answer.provider or 'some provider'}"
    if what not in _warned and len(_warned) < MAX_WARNED:
        _warned.add(what)
        verb = "mended" if answer.readable else "counted, and not priced"
        _log.warning("%s is %s: %s", what, verb, answer.why)


def _ms(since: float) -> int:
    return round(1000 * (time.perf_counter() - since))
