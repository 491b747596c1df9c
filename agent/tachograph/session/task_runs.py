"""The tasks that a session works on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tachograph.coordination.claims import ClaimedTask
from tachograph.firestore.document import Document
from tachograph.reports.checked import checked_call
from tachograph.reports.queue import ReportQueue
from tachograph.reports.report import Report, ReportKey
from tachograph.reports.spool_lines import SpooledReports
from tachograph.session.activity import SessionActivity
from tachograph.session.bill import TASK_TYPE, BillTotals, bill_task
from tachograph.session.runtime import Runtime, SessionStart
from tachograph.task.run import TaskRun
from tachograph.task.work import TaskWork
from tachograph.tracing.attributes import ns
from tachograph.usage.deferred import ModelRequest
from tachograph_schema.paths import TASKS
from tachograph_schema.pricing.call import Call

if TYPE_CHECKING:
    from tachograph.tracing.tracer import Tracer

IDENTITY = frozenset(
    {
        "title", "task_type", "priority", "labels", "sprint_id", "repo", "branch", "environment",
        "created_at", "started_at", "expected_duration_ms", "parent_task_id", "root_task_id",
        "depth", "traceparent",
    }
)  # fmt: skip
"""Fields that identify a task: its first reporter sets them, and no later session changes them."""
_OF_SESSION = ("agent_id", "agent_role", "agent_version", "model", "provider")
"""Fields of a session that its tasks have too."""
_OF_CLAIMED = ("task_type", "traceparent", "attempt", "parent_task_id")
"""Fields of a claimed task that its trace or a threshold depends on."""
_BACKLOG_WAIT_S = 1.0


class TaskRuns:
    """A session's work on each of its tasks, once for each task.

    So a session's reports of a task are numbered in one sequence.
    """

    def __init__(self, runtime: Runtime, activity: SessionActivity, start: SessionStart) -> None:
        self._runtime, self._activity, self._start = runtime, activity, start
        fields = start.fields
        self._request = ModelRequest(
            route=fields.get("route"),
            session_model=fields.get("model"),
            session_provider=fields.get("provider"),
        )
        self._runs: dict[str, tuple[TaskRun, TaskWork]] = {}
        self._traced_one = False
        self._bill: tuple[BillTotals, Document] | None = None
        self.current: TaskWork | None = None
        """The work on the task that was begun last."""

    def begin(self, task_id: str, at: datetime | None, fields: Mapping[str, Any]) -> TaskRun:
        """Begin a task, or go on with it; waits up to a second while many documents wait."""
        self._runtime.database.writer.make_room(_BACKLOG_WAIT_S)
        run, work = self._open(task_id)
        if self._runtime.tracer is not None:
            fields = {**fields, "traceparent": self._trace(self._runtime.tracer, work, at, fields)}
        own = {name: value for name, value in self._start.fields.items() if name in _OF_SESSION}
        reported = {**own, "session_id": self._start.id, **fields}
        identity = {name: value for name, value in reported.items() if name in IDENTITY}
        assignment = {name: value for name, value in reported.items() if name not in IDENTITY}
        work.begin(at, identity, assignment)
        self.current = work
        self._activity.task_begun(work, at, fields.get("task_type"))
        return run

    def resume(self, claimed: ClaimedTask, at: datetime | None) -> TaskRun:
        """Go on with a task that this session has claimed."""
        _, work = self._open(claimed.task_id)
        work.document.read_as(claimed.fields, claimed.version)
        kept = {name: claimed.fields[name] for name in _OF_CLAIMED if name in claimed.fields}
        begun = {"status": "active", "started_at": at or datetime.now(UTC), **kept}
        return self.begin(claimed.task_id, at, begun)

    def spawned_by(self, task_id: str, lineage: Mapping[str, Any]) -> None:
        """Add the task above to a task that an earlier replay has written without it."""
        runtime = self._runtime
        document = runtime.lineage_document(runtime.database.id(TASKS, task_id), lineage)
        if document is not None:
            runtime.database.writer.soon(document)

    def bill(self, calls: Sequence[Call], number: int, at: datetime | None) -> None:
        """Set what the session's own bill says beyond its calls, on a task of its own."""
        if self._bill is None:
            runtime, start = self._runtime, self._start
            totals = BillTotals(start.reporter, runtime.prices, self._activity)
            task_id = runtime.database.id(TASKS, bill_task(start.id))
            self._bill = totals, runtime.bill_document(task_id, totals)
        totals, document = self._bill
        at = at or datetime.now(UTC)
        identity = {"task_type": TASK_TYPE, "created_at": at, "started_at": at}
        fields = {
            "agent_id": self._start.agent,
            "session_id": self._start.id,
            "telemetry_source": "transcript",
        }
        calls = tuple(map(checked_call, calls))
        totals.set(Report(number, at, fields=fields, identity=identity, calls=calls))
        self._runtime.database.writer.soon(document)

    def work(self, task_id: str) -> TaskWork:
        """Return the work on a task, which begins here if there is none."""
        return self._open(task_id)[1]

    def all(self) -> list[TaskWork]:
        """Return the work on every task, over or not."""
        return [work for _, work in self._runs.values()]

    def _open(self, task_id: str) -> tuple[TaskRun, TaskWork]:
        task_id = self._runtime.database.id(TASKS, task_id)
        if task_id not in self._runs:
            work = self._new(task_id)
            self._runs[task_id] = TaskRun(work), work
        return self._runs[task_id]

    def _new(self, task_id: str) -> TaskWork:
        runtime, start = self._runtime, self._start
        key = ReportKey(task_id, start.reporter, start.id)
        spooled = None if start.replayed else SpooledReports(runtime.spool, key)
        reports = ReportQueue(start.reporter, start.id, self._activity, runtime.prices, spooled)
        reports.repeats = start.replayed
        document = runtime.task_document(task_id, reports)
        writer = runtime.database.writer
        return TaskWork(task_id, reports, document, writer, self._activity, self._request)

    def _trace(
        self, tracer: Tracer, work: TaskWork, at: datetime | None, fields: Mapping[str, Any]
    ) -> str:
        """Begin the spans of a task; return the trace context of its document."""
        if work.trace is not None:
            work.trace.end(None, ns(at))
        first, self._traced_one = not self._traced_one, True
        work.trace = tracer.task(
            work.id,
            at,
            fields,
            self._start.fields,
            session_id=self._start.id,
            first=first,
            replayed=self._start.replayed,
        )
        own = str(work.trace.span.place)
        self._activity.say(at, traceparent=own)
        return str(fields.get("traceparent") or own)
