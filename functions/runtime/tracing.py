"""The work of a function on an event, as spans of the trace that the event's document belongs to.

Spans are plain data while the event is handled. When it is done, the process decides whether to
keep them, and only then makes OpenTelemetry's spans of them: a step costs microseconds, and a
process that traces nothing imports nothing.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

import flask

from runtime.settings import settings
from runtime.span_export import outlet
from tachograph_schema.fields import is_name
from tachograph_schema.paths import MESSAGES, SESSIONS, SIGNALS, TASKS, DocumentPath
from tachograph_schema.tracing.sampling import in_share
from tachograph_schema.tracing.spans import (
    AGENT_NAME,
    ERROR_TYPE,
    FLEET,
    PATH,
    SESSION_ID,
    TASK_ID,
    Place,
    Span,
    read_traceparent,
)

P = ParamSpec("P")
R = TypeVar("R")
_current: ContextVar[_Trace | None] = ContextVar("trace", default=None)


def traced(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Trace an entry point: one span, with a child for each `step`."""

    def decorate(handler: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(handler)
        def handled(*args: P.args, **kwargs: P.kwargs) -> R:
            with _Trace(name):
                return handler(*args, **kwargs)

        return handled

    return decorate


def step(name: str) -> _Step:
    """Time what runs in the block as a part of the event."""
    trace = _current.get()
    return _Step(trace if trace is not None and trace.records else None, name)


def belongs_to(path: DocumentPath, fields: Mapping[str, Any]) -> None:
    """Say which document the event is about, and so which trace it belongs to."""
    trace = _current.get()
    if trace is not None:
        trace.belongs_to(path, fields)


def onward(traceparent: str | None) -> str | None:
    """Return the traceparent for what follows of a document: below this event, if it is of it.

    Something else than the event's own document, or one of another trace, keeps what it has. An
    event that something follows of is kept.
    """
    trace = _current.get()
    if trace is None or not trace.records or not trace.is_of(traceparent):
        return traceparent
    trace.kept = True
    return str(trace.root.place)


def place() -> Place | None:
    """Return where this process is at, for a line of the log: also where nothing is recorded."""
    trace = _current.get()
    return None if trace is None else trace.place()


class _Trace:
    """One event's spans."""

    def __init__(self, name: str) -> None:
        self.records = settings().tracing != "off"
        self.kept = False
        self.root = _span(name, None)
        self._parent: Place | None = None
        self._has_document = False
        self._spans = [self.root]
        self.open = [self.root]

    def belongs_to(self, path: DocumentPath, fields: Mapping[str, Any]) -> None:
        self._has_document = True
        self._parent = read_traceparent(fields.get("traceparent"))
        self.root.attributes.update(_attributes(path, fields))
        if self._parent is not None:
            self.root.trace_id, self.root.parent_id = self._parent.trace_id, self._parent.span_id

    def is_of(self, traceparent: str | None) -> bool:
        place = read_traceparent(traceparent)
        trace_id = self.root.trace_id if place is None else place.trace_id
        return self._has_document and trace_id == self.root.trace_id

    def place(self) -> Place | None:
        return Place(self.root.trace_id, self.open[-1].span_id) if self.records else self._parent

    def begin(self, name: str) -> Span:
        span = _span(name, self.open[-1].span_id)
        self._spans.append(span)
        self.open.append(span)
        return span

    def end(self, span: Span, kind: type[BaseException] | None) -> None:
        span.end_ns = time.time_ns()
        if kind is not None:
            span.error = span.attributes[ERROR_TYPE] = kind.__name__
        if span is not self.root:
            self.open.pop()

    def __enter__(self) -> Self:
        # Never taken back: the framework logs a failure after this has ended.
        _current.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self.records:
            return
        self.end(self.root, kind)
        if self.kept or kind is not None or self._is_in_share():
            self._link_request()
            for span in self._spans:
                span.trace_id = self.root.trace_id
            outlet().send(self._spans, settings().trace_timeout_ms / 1000)

    def _is_in_share(self) -> bool:
        sampled = self._parent is None or self._parent.sampled
        return sampled and in_share(self.root.trace_id, settings().trace_keep_pct)

    def _link_request(self) -> None:
        """Link Cloud Run's own span of the request, which is of another trace."""
        if flask.has_request_context():
            request = read_traceparent(flask.request.headers.get("traceparent"))
            if request is not None:
                self.root.links.append((request, "request"))


class _Step:
    def __init__(self, trace: _Trace | None, name: str) -> None:
        self._trace, self._name = trace, name
        self._span: Span | None = None

    def __enter__(self) -> None:
        if self._trace is not None:
            self._span = self._trace.begin(self._name)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._trace is not None and self._span is not None:
            self._trace.end(self._span, kind)


def _attributes(path: DocumentPath, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a document: its path, its writer, and what it is about.

    Anybody may name any trace and any task, so the writer stands beside them, as the rules verified
    it. A session is named where the rules verified that one, too.
    """
    task = path.document if path.collection == TASKS else fields.get("task_id")
    session = fields.get("session_id") if path.collection in (TASKS, SIGNALS) else None
    if path.collection == SESSIONS:
        session = path.document
    agent = fields.get("from_agent_id" if path.collection == MESSAGES else "agent_id")
    named = {TASK_ID: task, SESSION_ID: session, AGENT_NAME: agent}
    names = {name: value for name, value in named.items() if is_name(value)}
    return {PATH: str(path), FLEET: path.fleet, **names}


def _span(name: str, parent: str | None) -> Span:
    kind = "internal" if parent else "consumer"
    trace_id = "" if parent else os.urandom(16).hex()
    return Span(name, trace_id, os.urandom(8).hex(), parent, time.time_ns(), kind=kind)  # type: ignore[arg-type]  # a literal
