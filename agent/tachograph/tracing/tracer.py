"""A fleet's spans: of tasks, calls and tools, made where the agent is, finished in the background.

What is not asked for costs nothing: without tracing there is no tracer, and each place that would
make a span asks that and no more.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Final

from google.cloud import firestore

from tachograph.firestore.price_cache import Pricing
from tachograph.tracing import otel
from tachograph.tracing.baselines import BaselineCache
from tachograph.tracing.pipeline import SpanPipeline
from tachograph.tracing.settings import Tracing
from tachograph.tracing.task_spans import TaskTrace, attributes, ns
from tachograph_schema.tracing.spans import (
    AGENT_NAME,
    AGENT_ROLE,
    CONVERSATION_ID,
    CREATE_TASK,
    FLEET,
    INVOKE_AGENT,
    OPENINFERENCE_KIND,
    OPERATION,
    PARENT_TASK_ID,
    PREVIOUS_SESSION,
    SESSION_ID,
    TASK,
    TASK_ID,
    TASK_TYPE,
    Place,
    Span,
    SpanKind,
    digest,
    read_traceparent,
)

MAX_HELD: Final = 10_000
"""Spans in memory, finished or not; beyond, what a task does is not traced."""
_MAX_REMEMBERED: Final = 10_000
_current: ContextVar[TaskTrace | None] = ContextVar("tachograph_task", default=None)


class Tracer:
    """Makes the spans of one process's work for a fleet."""

    def __init__(
        self, fleet: str, client: firestore.Client, tracing: Tracing, pricing: Pricing
    ) -> None:
        self._fleet = fleet
        self._tracing = tracing
        self._live = otel.LiveSpans() if tracing.app else None
        self._usuals = BaselineCache(client, fleet)
        self._keeper = SpanPipeline(
            fleet, client, self._usuals, pricing, self._live, tracing, self._decided
        )
        self._tasks: dict[str, Place] = {}
        """Where each task's document says it is."""
        self._sessions: dict[str, Place] = {}
        """Where each session last was."""
        self._open: dict[str, TaskTrace] = {}
        """By task: whose span has not ended."""
        self._undone: set[TaskTrace] = set()
        """Those too below whose span one has not."""
        self._held = 0
        self._lock = threading.Lock()

    def create(self, task_id: str, at: datetime | None, fields: Mapping[str, Any]) -> str:
        """Return the traceparent of a task that is put into the queue, below who does that."""
        said = read_traceparent(fields.get("traceparent"))
        if said is not None:
            return str(said)
        above = _current.get() or self._open.get(str(fields.get("parent_task_id")))
        parent = above.span.place if above is not None else _ambient()
        known = {TASK_ID: task_id, FLEET: self._fleet, TASK_TYPE: fields.get("task_type")}
        span = self.start(CREATE_TASK, "producer", parent, ns(at), attributes(known))
        if above is None:
            TaskTrace(self, span, {}).end(None, ns(at))
        else:
            above.add(span)
        self._remember(self._tasks, task_id, span.place)
        return str(span.place)

    def task(
        self,
        task_id: str,
        at: datetime | None,
        fields: Mapping[str, Any],
        session: Mapping[str, Any],
        *,
        session_id: str,
        first: bool,
        replayed: bool,
    ) -> TaskTrace:
        """Begin the span of a session's work on a task.

        `fields` are what is known of the task, `session` of the session. The `first` task of a
        successor is below what started it, and linked to its predecessor's work.
        """
        before = self._predecessor(session) if first else None
        parent = self._parent(task_id, fields, before, replayed=replayed)
        place = self._replayed(task_id, fields) if replayed else None
        known = {
            TASK_ID: task_id,
            FLEET: self._fleet,
            TASK_TYPE: fields.get("task_type"),
            PARENT_TASK_ID: fields.get("parent_task_id"),
            SESSION_ID: session_id,
            CONVERSATION_ID: session_id,
            AGENT_NAME: session.get("agent_id"),
            AGENT_ROLE: session.get("agent_role"),
            OPERATION: INVOKE_AGENT,
            OPENINFERENCE_KIND: "AGENT",
        }
        if first:
            known[PREVIOUS_SESSION] = session.get("predecessor_session_id")
        links = [] if before is None else [(before, "predecessor")]
        kind: SpanKind = "internal" if parent is None else "consumer"
        span = self.start(TASK, kind, parent, ns(at), attributes(known), links, place)
        self._remember(self._sessions, session_id, span.place)
        if task_id not in self._tasks:
            said = read_traceparent(fields.get("traceparent"))
            self._remember(self._tasks, task_id, said or span.place)
        facts = {"model": session.get("model"), **fields}
        trace = TaskTrace(self, span, facts, calls=self._tracing.calls, replayed=replayed)
        with self._lock:
            self._open[task_id] = trace
            self._undone.add(trace)
        return trace

    def start(
        self,
        name: str,
        kind: SpanKind,
        parent: Place | None,
        at_ns: int,
        said: dict[str, str | int | bool],
        links: list[tuple[Place, str]] | None = None,
        place: Place | None = None,
    ) -> Span:
        """Begin a span; `place` where it has one already."""
        trace_id = parent.trace_id if parent else place.trace_id if place else os.urandom(16).hex()
        span_id = place.span_id if place else os.urandom(8).hex()
        above = parent.span_id if parent else None
        span = Span(name, trace_id, span_id, above, at_ns, kind=kind, attributes=said)
        span.links = links or []
        if self._live is not None:
            self._live.start(span)
        return span

    def may_hold(self) -> bool:
        """Take room for one more span; False where there is none."""
        with self._lock:
            room = self._held < MAX_HELD
            self._held += room
            return room

    def enter(self, trace: TaskTrace, span: Span) -> tuple[Any, Any]:
        """Make a span the current one for what is traced inside of it."""
        return _current.set(trace), None if self._live is None else self._live.enter(span)

    def leave(self, tokens: tuple[Any, Any]) -> None:
        """Make the span before it the current one."""
        with suppress(ValueError):  # left elsewhere than it was entered
            _current.reset(tokens[0])
        if self._live is not None:
            self._live.leave(tokens[1])

    def flush(self, timeout_s: float) -> bool:
        """Wait until what has ended is exported or let go; False when that took too long."""
        return self._keeper.flush(timeout_s)

    def close(self, timeout_s: float) -> bool:
        """End what is open, and export; False when that took too long."""
        with self._lock:
            undone, self._undone = self._undone, set()
        for trace in undone:
            trace.abandon()
        return self._keeper.close(timeout_s)

    @property
    def keeper(self) -> SpanPipeline:
        """Who finishes spans in the background."""
        return self._keeper

    def ended(self, trace: TaskTrace) -> None:
        """Have it decided in the background what becomes of a task's spans."""
        task_id = str(trace.span.attributes.get(TASK_ID))
        with self._lock:
            if self._open.get(task_id) is trace:
                del self._open[task_id]
        self._keeper.ended(trace)

    def _predecessor(self, session: Mapping[str, Any]) -> Place | None:
        """Return where the session's predecessor was at work, as its document says."""
        name = session.get("predecessor_session_id")
        if name is None:
            return None
        return self._sessions.get(name) or self._usuals.session_place(name)

    def _decided(self, trace: TaskTrace, spans: int) -> None:
        """Give back the room that spans took which were exported or let go."""
        with self._lock:
            self._held -= spans
            if trace.is_done:
                self._undone.discard(trace)

    def _parent(
        self, task_id: str, fields: Mapping[str, Any], before: Place | None, *, replayed: bool
    ) -> Place | None:
        """Find what a task's span is below: of one trace with what its document says."""
        if replayed:
            spawned_by = fields.get("parent_task_id")
            return None if spawned_by is None else self._replayed(str(spawned_by), fields)
        said = read_traceparent(fields.get("traceparent")) or self._tasks.get(task_id)
        if before is not None:
            started_by = read_traceparent(os.environ.get("TRACEPARENT")) or before
            if said is None or said.trace_id == started_by.trace_id:
                return started_by
        above = _current.get()
        return said or (above.span.place if above is not None else _ambient())

    def _replayed(self, task_id: str, fields: Mapping[str, Any]) -> Place:
        """Return where a recorded task is: the same whenever the recording is told."""
        root = fields.get("root_task_id") or fields.get("parent_task_id") or task_id
        return Place(digest(self._fleet, str(root))[:32], digest(self._fleet, task_id)[32:48])

    def _remember(self, where: dict[str, Place], name: str, place: Place) -> None:
        with self._lock:
            if len(where) >= _MAX_REMEMBERED:
                where.clear()
            where[name] = place


def current_traceparent() -> str | None:
    """Return where what runs here is in its trace: for a message, or a call of something else."""
    trace = _current.get()
    return str(trace.span.place) if trace is not None else None


def _ambient() -> Place | None:
    """Return the span the application is in, or the one it was started from."""
    return otel.current_place() or read_traceparent(os.environ.get("TRACEPARENT"))
