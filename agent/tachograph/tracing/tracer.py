"""A fleet's traces: the place of each task's span below its parent, across sessions and processes.

Without tracing there is no tracer, and the only cost is asking for one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from tachograph.process.fork import begins_anew
from tachograph.tracing import otel
from tachograph.tracing.attributes import ns, present
from tachograph.tracing.pipeline import SpanPipeline
from tachograph.tracing.task_spans import TaskTrace, current_trace, new_span
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
    SpanKind,
    digest,
    read_traceparent,
)

_MAX_REMEMBERED: Final = 10_000
_PRUNED_FROM: Final = 100
"""Traces in memory before those that are done are let go of."""


class Tracer:
    """Makes the spans of one process's work for a fleet."""

    def __init__(self, fleet: str, pipeline: SpanPipeline) -> None:
        self._fleet, self._pipeline = fleet, pipeline
        self._tasks: dict[str, Place] = {}
        """The place of each task, by its document."""
        self._sessions: dict[str, Place] = {}
        """The place of each session's last task."""
        self._latest: dict[str, TaskTrace] = {}
        """The last trace of each task."""
        self._traces: set[TaskTrace] = set()
        """Traces that may have open spans."""
        self._prune_at = _PRUNED_FROM
        self._lock = threading.Lock()
        begins_anew(self)

    def forked(self) -> None:
        """Begin anew in a child: the spans that are open are its parent's."""
        self._lock, self._traces, self._latest = threading.Lock(), set(), {}

    def create(self, task_id: str, at: datetime | None, fields: Mapping[str, Any]) -> str:
        """Return the traceparent of a task that is queued: below the task that queues it."""
        given = read_traceparent(fields.get("traceparent"))
        if given is not None:
            return str(given)
        above = current_trace() or self._running(str(fields.get("parent_task_id")))
        parent = above.span.place if above is not None else _ambient()
        attributes = {TASK_ID: task_id, FLEET: self._fleet, TASK_TYPE: fields.get("task_type")}
        span = self._pipeline.start(
            new_span(CREATE_TASK, "producer", parent, ns(at), present(attributes))
        )
        if above is None:
            TaskTrace(self._pipeline, span, {}).end(None, ns(at))
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

        `fields` are those of the task, `session` those of the session. The `first` task of a
        successor is below the span that started it, and linked to its predecessor's work.
        """
        before = self._predecessor(session) if first else None
        parent = self._parent(task_id, fields, before, replayed=replayed)
        place = self._replayed(task_id, fields) if replayed else None
        attributes = {
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
            attributes[PREVIOUS_SESSION] = session.get("predecessor_session_id")
        links = [] if before is None else [(before, "predecessor")]
        kind: SpanKind = "internal" if parent is None else "consumer"
        span = self._pipeline.start(
            new_span(TASK, kind, parent, ns(at), present(attributes), links=links, place=place)
        )
        self._remember(self._sessions, session_id, span.place)
        if task_id not in self._tasks:
            given = read_traceparent(fields.get("traceparent"))
            self._remember(self._tasks, task_id, given or span.place)
        facts = {"model": session.get("model"), **fields}
        calls = self._pipeline.tracing.calls
        trace = TaskTrace(self._pipeline, span, facts, calls=calls, replayed=replayed)
        with self._lock:
            self._prune()
            self._latest[task_id] = trace
            self._traces.add(trace)
        return trace

    def flush(self, timeout_s: float) -> bool:
        """Wait until every ended task is exported or dropped; False after `timeout_s` seconds."""
        return self._pipeline.flush(timeout_s)

    def close(self, timeout_s: float) -> bool:
        """End every open span, and export; False where that took longer than `timeout_s`."""
        with self._lock:
            traces, self._traces = self._traces, set()
        for trace in traces:
            trace.abandon()
        return self._pipeline.close(timeout_s)

    def _prune(self) -> None:
        """Let go of traces that are done; amortised, that costs the same for every task."""
        if len(self._traces) >= self._prune_at:
            self._traces = {trace for trace in self._traces if not trace.buffer.is_done}
            self._latest = {name: t for name, t in self._latest.items() if not t.is_over}
            self._prune_at = max(_PRUNED_FROM, 2 * len(self._traces))

    def _running(self, task_id: str) -> TaskTrace | None:
        """Return the trace of a task that has not ended in this process."""
        trace = self._latest.get(task_id)
        return None if trace is None or trace.is_over else trace

    def _predecessor(self, session: Mapping[str, Any]) -> Place | None:
        """Return the place of the work of the session's predecessor, by its document."""
        name = session.get("predecessor_session_id")
        if name is None:
            return None
        return self._sessions.get(name) or self._pipeline.baselines.session_place(name)

    def _parent(
        self, task_id: str, fields: Mapping[str, Any], before: Place | None, *, replayed: bool
    ) -> Place | None:
        """Return the parent of a task's span, in the trace that the task's document names."""
        if replayed:
            spawned_by = fields.get("parent_task_id")
            return None if spawned_by is None else self._replayed(str(spawned_by), fields)
        given = read_traceparent(fields.get("traceparent")) or self._tasks.get(task_id)
        if before is not None:
            started_by = read_traceparent(os.environ.get("TRACEPARENT")) or before
            if given is None or given.trace_id == started_by.trace_id:
                return started_by
        above = current_trace()
        return given or (above.span.place if above is not None else _ambient())

    def _replayed(self, task_id: str, fields: Mapping[str, Any]) -> Place:
        """Return the place of a recorded task: the same at every replay."""
        root = fields.get("root_task_id") or fields.get("parent_task_id") or task_id
        return Place(digest(self._fleet, str(root))[:32], digest(self._fleet, task_id)[32:48])

    def _remember(self, places: dict[str, Place], name: str, place: Place) -> None:
        with self._lock:
            if len(places) >= _MAX_REMEMBERED:
                places.clear()
            places[name] = place


def _ambient() -> Place | None:
    """Return the application's current span, or the one that started this process."""
    return otel.current_place() or read_traceparent(os.environ.get("TRACEPARENT"))
