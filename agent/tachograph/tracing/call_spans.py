"""Spans that are open while a block runs: of a call of a model, or of a tool."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any, Final

from tachograph.process.block import Block, failed
from tachograph.process.warnings import warn_once
from tachograph.tracing.attributes import (
    Content,
    add_answers,
    request_attributes,
    span_name,
    tool_attributes,
)
from tachograph.tracing.task_spans import Entered, TaskTrace
from tachograph.usage.deferred import AnswerListener
from tachograph.usage.response import Answer
from tachograph_schema.pricing.call import Call
from tachograph_schema.tracing.spans import CHAT, EXECUTE_TOOL, Span

_MAX_CONTENT_CHARS: Final = 16_000
"""The part of a content that is held until the fleet's policy is known."""


class SpanBlock(Block):
    """A span that is open while its block runs; spans begun inside are below it."""

    def __init__(self, trace: TaskTrace, span: Span) -> None:
        self._trace, self._span = trace, span
        self._entered: Entered | None = None
        self._content: Content | None = None

    def content(self, went_in: str | None, came_out: str | None, ref: str | None) -> None:
        """Hold a content until the fleet's policy says how much of it is exported."""
        self._content = Content(*(_text(value) for value in (went_in, came_out, ref)))

    def _enter(self) -> None:
        self._entered = self._trace.enter(self._span)

    def _leave(self, error: type[BaseException] | None) -> None:
        if self._entered is not None:
            self._trace.leave(self._entered)
        self._close(error.__name__ if error is not None and failed(error) else None)

    def _close(self, error: str | None) -> None:
        self._trace.finish(self._span, time.time_ns(), (), error, self._content)


class CallSpan(SpanBlock):
    """The span of a call of a model: over when its block was left and its answers are read."""

    def __init__(self, trace: TaskTrace, span: Span) -> None:
        super().__init__(trace, span)
        self.listener: AnswerListener | None = None
        """The next to learn of an answer."""
        self._lock = threading.Lock()
        self._recorded = 0
        self._calls: list[Call] = []
        self._answers: list[Answer] = []
        self._end: tuple[int, str | None] | None = None

    def recorded(self) -> None:
        """Count an answer that will be read."""
        with self._lock:
            self._recorded += 1

    def answered(self, answer: Answer, calls: tuple[Call, ...], generation_ms: int) -> None:
        """Take an answer that was read in the background."""
        with self._lock:
            self._answers.append(answer)
            self._calls += calls
        self._finish_if_read()
        if self.listener is not None:
            self.listener.answered(answer, calls, generation_ms)

    def _close(self, error: str | None) -> None:
        self._end = time.time_ns(), error
        self._finish_if_read()

    def _finish_if_read(self) -> None:
        with self._lock:
            if self._end is None or len(self._answers) < self._recorded:
                return
            end_ns, error = self._end
            self._end = None
        add_answers(self._span, self._answers)
        self._trace.finish(self._span, end_ns, tuple(self._calls), error, self._content)


def begin_call(trace: TaskTrace, model: str | None, provider: str | None) -> CallSpan | None:
    """Begin the span of a call of a model; None where there is no room for it."""
    attributes = request_attributes(model, provider)
    span = trace.begin(span_name(CHAT, model), attributes, time.time_ns(), call=True)
    return None if span is None else CallSpan(trace, span)


def begin_tool(trace: TaskTrace, name: str, attributes: Mapping[str, Any]) -> SpanBlock | None:
    """Begin the span of a call of a tool; None where there is no room for it."""
    all_attributes = {**tool_attributes(name), **attributes}
    span = trace.begin(span_name(EXECUTE_TOOL, name), all_attributes, time.time_ns())
    return None if span is None else SpanBlock(trace, span)


def _text(value: object) -> str | None:
    """Return a text that can be exported; None, with a warning, for anything else."""
    if value is None:
        return None
    if isinstance(value, str):
        cut = str.__str__(value)[:_MAX_CONTENT_CHARS]
        return cut.encode(errors="replace").decode()  # without halves of characters
    kind = type(value).__name__
    warn_once(kind, "content is a value of the type %s; expected text; it is left out", kind)
    return None
