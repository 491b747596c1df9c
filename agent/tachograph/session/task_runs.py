"""The tasks that a session works on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from tachograph.firestore.writer import Document
from tachograph.reports.queue import ReportQueue
from tachograph.reports.recovery import SpooledReports
from tachograph.reports.spool_lines import ReportKey
from tachograph.session.runtime import Runtime
from tachograph.task.calls import ModelRequest
from tachograph.task.run import TaskRun
from tachograph.task.waits import Wait
from tachograph_schema.usage import Usage

OnCall = Callable[[TaskRun, Usage, datetime | None, int | None], None]


class TaskRuns:
    """A session's work on each of its tasks, and the documents it is told to.

    Once for each task: a session's reports of it are numbered in one sequence.
    """

    def __init__(
        self,
        shared: Runtime,
        session_id: str,
        reporter: str,
        fields: Mapping[str, Any],
        *,
        spooled: bool,
        on_call: OnCall,
        on_spent: Callable[[int], None],
        on_progress: Callable[[], None],
        on_end: Callable[[datetime | None], None],
        waiting: Callable[..., Wait],
    ) -> None:
        self._shared, self._session_id, self._reporter = shared, session_id, reporter
        self._spooled, self._on_call, self._on_spent = spooled, on_call, on_spent
        self._on_progress, self._on_end, self._waiting = on_progress, on_end, waiting
        self._asked = ModelRequest(
            route=fields.get("route"),
            session_model=fields.get("model"),
            session_provider=fields.get("provider"),
        )
        self._runs: dict[str, tuple[TaskRun, Document]] = {}
        self._at_work: set[TaskRun] = set()
        self.current: TaskRun | None = None
        """The one begun last."""

    def open(self, task_id: str) -> tuple[TaskRun, Document]:
        """Return the work on a task, as it is or new."""
        if task_id not in self._runs:
            self._runs[task_id] = self._new(task_id)
        return self._runs[task_id]

    def begin(self, run: TaskRun) -> None:
        """Note that a task is worked on from now on."""
        self.current = run
        self._at_work.add(run)

    def all(self) -> list[TaskRun]:
        """Return the work on every task, over or not."""
        return [run for run, _ in self._runs.values()]

    def is_idle(self) -> bool:
        """Tell whether there is nothing to do: every task is over, or another session's."""
        self._at_work -= {run for run in [*self._at_work] if run.is_over}
        return all(run.lost for run in [*self._at_work])

    def lost(self) -> frozenset[str]:
        """Name the tasks that went to another session."""
        return frozenset(name for name, (run, _) in self._runs.items() if run.lost)

    def _new(self, task_id: str) -> tuple[TaskRun, Document]:
        whose = ReportKey(task_id, self._reporter, self._session_id)
        kept = SpooledReports(self._shared.spool, whose) if self._spooled else None
        prices = self._shared.pricing.current
        reports = ReportQueue(self._reporter, self._session_id, self._on_spent, prices, kept)
        document = self._shared.task(task_id, reports)
        run = TaskRun(
            task_id,
            reports,
            document,
            self._shared.writer,
            lambda *call: self._on_call(run, *call),
            self._asked,
            on_progress=self._on_progress,
            on_end=self._on_end,
            waiting=self._waiting,
        )
        return run, document
