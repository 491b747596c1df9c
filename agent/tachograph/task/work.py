"""The inside of a task that a session works on: its reports, its document and its session."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from tachograph.firestore.document import Document
from tachograph.firestore.writer import Writer
from tachograph.reports.checked import checked_moment, checked_name, checked_parts
from tachograph.reports.queue import ReportQueue, SpendListener
from tachograph.task.waits import Wait
from tachograph.tracing.attributes import ns
from tachograph.usage.deferred import ModelRequest
from tachograph.usage.response import Answer
from tachograph_schema.counters.names import OTHER
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.overhead import Overhead
from tachograph_schema.usage import Usage

if TYPE_CHECKING:
    from tachograph.tracing.task_spans import TaskTrace


class TaskListener(SpendListener, Protocol):
    """The session that works on a task."""

    def called(self, usage: Usage, at: datetime | None, generation_ms: int | None) -> float | None:
        """Take a call of the session's own context; return the percentage that is still free.

        None where the size of the context is unknown.
        """

    def progressed(self) -> None:
        """Note that the work moved on, now."""

    def task_ended(self, at: datetime | None) -> None:
        """Note that a task has ended."""

    def waiting(self, reason: str, up_to_s: float | None) -> Wait:
        """Return a wait of at most `up_to_s` seconds."""


class TaskWork:
    """A session's work on one task, as calls and the session see it. No method waits."""

    def __init__(
        self,
        task_id: str,
        reports: ReportQueue,
        document: Document,
        writer: Writer,
        session: TaskListener,
        request: ModelRequest,
    ) -> None:
        self.id, self.session, self.document = task_id, session, document
        self.request = request
        """The session's model, provider and route, for calls that name none."""
        self.trace: TaskTrace | None = None
        """The task's spans, where the fleet is traced."""
        self.is_over = False
        """Whether the end of the task was reported."""
        self._reports, self._writer = reports, writer
        self._overhead: Overhead | None = None
        self._remaining_pct: float | None = None
        self._lowest_pct = 100.0

    @property
    def lost(self) -> bool:
        """Whether another session took the task over while this one was not heard of."""
        return self._reports.lost

    def begin(
        self, at: datetime | None, identity: Mapping[str, Any], fields: Mapping[str, Any]
    ) -> None:
        """Report the identity of the task, and its session."""
        self.is_over = self._reports.session_gone = False
        self.said(at, identity=identity, fields=fields)

    def said(self, at: datetime | None, **parts: Any) -> None:  # noqa: ANN401 - as Report
        """Report an agent's own words: one that no document can hold is left out with a warning."""
        at, parts = checked_parts(at, parts)
        self.report(at, **parts)

    def report(self, at: datetime | None, **parts: Any) -> None:  # noqa: ANN401 - as Report
        """Report parts of a `Report`, checked before; they are written in the background."""
        if self._overhead is not None and ("calls" in parts or "deferred" in parts):
            parts["overhead"], self._overhead = self._overhead, None
        if self._remaining_pct is not None:
            context = {
                "context_remaining_pct": self._remaining_pct,
                "context_remaining_min_pct": self._lowest_pct,
            }
            parts["fields"], self._remaining_pct = {**context, **parts.get("fields", {})}, None
        self._reports.add(at, **parts)
        self._writer.soon(self.document, promptly="status" in parts.get("fields", ()))
        self.session.progressed()

    def report_tool(
        self, name: str, *, errors: int, duration_ms: int | None, at: datetime | None = None
    ) -> None:
        """Report a call of a tool."""
        counts = {"tool_calls": 1, "tool_errors": errors}
        self.report(at, tool=name, tool_ms=duration_ms or 0, counts=counts)

    def called(self, usage: Usage, at: datetime | None, generation_ms: int | None) -> None:
        """Have a call's prompt fill the session's context."""
        remaining_pct = self.session.called(usage, at, generation_ms)
        if remaining_pct is not None:
            self.context_left(remaining_pct)

    def answered(
        self,
        answer: Answer,
        calls: tuple[Call, ...],  # noqa: ARG002 - as AnswerListener
        generation_ms: int,
    ) -> None:
        """Have an answer fill the session's context, as of now: it is read after it came."""
        if answer.readable and answer.context_tokens:
            held = Usage(tokens_in=answer.context_tokens, tokens_out=answer.usage.tokens_out)
            self.called(held, None, generation_ms)

    def context_left(self, remaining_pct: float) -> None:
        """Add the free percentage of the session's context to the next report."""
        self._remaining_pct = remaining_pct
        self._lowest_pct = min(self._lowest_pct, remaining_pct)

    def overhead_next(self, overhead: Overhead) -> None:
        """Count the cost of the next call as the overhead of a retry, a rotation or a handoff."""
        self._overhead = overhead

    def end(self, status: str, at: datetime | None, fields: Mapping[str, Any]) -> None:
        """Report the end of the task."""
        self.is_over = True
        at = checked_moment(at)
        ended_at = at or datetime.now(UTC)
        self.said(ended_at, fields={"status": status, "completed_at": ended_at, **fields})
        if self.trace is not None:
            kind = checked_name(fields.get("error_type"), "error_type")
            error = (kind or OTHER) if status == "failed" else None
            self.trace.end(status, ns(ended_at), error)
        self.write_now()
        self.session.task_ended(at)

    def give_up(self, at: datetime | None) -> None:
        """Report that the session ends before the task: a claimed task is queued again."""
        if not self.is_over:
            self.is_over = self._reports.session_gone = True
            self.report(at, gives_up=True)
            if self.trace is not None:
                self.trace.end(None, ns(at), "crashed")
            self.write_now()

    def write_now(self) -> None:
        """Have everything reported so far written at once, in the background."""
        self._writer.soon(self.document, now=True)
