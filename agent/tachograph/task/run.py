"""A task as the session that works on it sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from tachograph.firestore.writer import Document, Writer
from tachograph.reports.queue import ReportQueue
from tachograph.reports.report import Overhead
from tachograph.task.calls import LlmCall, ModelRequest, ToolCall
from tachograph.task.waits import Wait
from tachograph.tracing.task_spans import TaskTrace, ns
from tachograph.usage.response import Answer
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.terms import STANDARD, Terms
from tachograph_schema.usage import Usage

IDENTITY = frozenset(
    {
        "title", "task_type", "priority", "labels", "sprint_id", "repo", "branch", "environment",
        "created_at", "started_at", "expected_duration_ms", "parent_task_id", "root_task_id",
        "depth", "traceparent",
    }
)  # fmt: skip
"""What a task is: said by whoever speaks first, and not taken back by who takes over."""


class TaskRun:
    """A session's work on one task. Nothing here waits for the network.

    As a context manager, an exception that leaves the block fails the task, and leaving the block
    has what was said written at once.
    """

    def __init__(
        self,
        task_id: str,
        reports: ReportQueue,
        document: Document,
        writer: Writer,
        on_call: Callable[[Usage, datetime | None, int | None], None],
        asked: ModelRequest | None = None,
        *,
        on_progress: Callable[[], None],
        on_end: Callable[[datetime | None], None],
        waiting: Callable[..., Wait],
    ) -> None:
        self.id = task_id
        self._on_call, self._on_progress, self._on_end = on_call, on_progress, on_end
        self._waiting = waiting
        self._ended = False
        self._asked = asked or ModelRequest()
        self._terms = STANDARD if self._asked.route is None else Terms(self._asked.route)
        self.trace: TaskTrace | None = None
        """What makes its spans, where that is wanted; the session sets it."""
        self._inside: Any = None
        self._overhead_next: Overhead | None = None
        self._left_pct: float | None = None
        self._lowest_pct = 100.0
        self._reports = reports
        self._document = document
        self._writer = writer

    def begin(
        self, at: datetime | None, identity: Mapping[str, Any], fields: Mapping[str, Any]
    ) -> None:
        """Say what the task is and who has it; `Session.task` and `claim` do."""
        self._ended = self._reports.gone = False
        self._say(at, identity=identity, fields=fields)

    def record(
        self,
        usage: Usage,
        *,
        model: str | None = None,
        provider: str | None = None,
        at: datetime | None = None,
        priced_at: datetime | None = None,
        cost_nanousd: int | None = None,
        duration_ms: int | None = None,
        calls: int = 1,
        error: bool = False,
        own_context: bool = True,
        overhead: Overhead | None = None,
    ) -> None:
        """Record a call of a model: what it used, and what it cost if that is known.

        Without `cost_nanousd` it is priced by `model` at `priced_at` (default `at`, default now);
        a model without a price is kept as unpriced tokens. `calls=0` corrects an earlier call.
        The call's prompt is what the session's context now holds, unless `own_context` is False.
        What it cost counts as the task's `overhead` too, where it is one: writing a journal is a
        part of what a rotation costs.
        """
        said_at = at or datetime.now(UTC)
        call = Call(usage, model, provider, priced_at or said_at, cost_nanousd, calls, self._terms)
        counts = {"generation_ms": duration_ms or 0, "llm_errors": int(error)}
        fields = {"model": model, "provider": provider} if model else {}
        if overhead is not None:
            self.overhead_next(overhead)
        if calls and own_context:
            self._on_call(usage, at, duration_ms)
        self._say(said_at, calls=(call,), counts=counts, identity=fields)
        if self.trace is not None:
            self.trace.called(call, ns(at), duration_ms, error=error)

    def llm_call(
        self,
        *,
        model: str | None = None,
        provider: str | None = None,
        route: str | None = None,
        own_context: bool = True,
    ) -> LlmCall:
        """Time a call of a model: `with task.llm_call() as call: call.record(response)`.

        What is said here is what was asked for; the model that the response says served wins.
        `own_context` as in `record`.
        """
        known = self._asked  # and not `replace`, which takes as long as the rest of it
        served = known.session_model, known.session_provider
        asked = ModelRequest(model, provider, route or known.route, *served)
        heed = self._answered if own_context else _heed_not
        if self.trace is None:
            return LlmCall(self._say, asked, heed)
        wanted = (model or asked.session_model, provider or asked.session_provider)
        return LlmCall(self._say, asked, heed, self.trace.call(*wanted))

    def tool_call(
        self,
        name: str,
        *,
        up_to_s: float | None = None,
        attributes: Mapping[str, str | int | bool] | None = None,
    ) -> ToolCall:
        """Time a call of a tool: `with task.tool_call("grep"): ...`.

        One that takes minutes says so with `up_to_s`, so that nobody takes the session for stuck.
        `attributes` are its span's, such as `mcp.session.id`, where it is traced.
        """
        wait = None if up_to_s is None else self._waiting(name, up_to_s=up_to_s)
        if self.trace is None:
            return ToolCall(self.tool, name, wait)
        return ToolCall(self._tool, name, wait, self.trace.tool(name, attributes or {}))

    def tool(
        self,
        name: str,
        *,
        errors: int = 0,
        duration_ms: int | None = None,
        at: datetime | None = None,
    ) -> None:
        """Record a call of a tool."""
        self._tool(name, errors=errors, duration_ms=duration_ms, at=at)
        if self.trace is not None:
            self.trace.used(name, ns(at), duration_ms, error=errors > 0)

    def _tool(
        self, name: str, *, errors: int, duration_ms: int | None, at: datetime | None = None
    ) -> None:
        counts = {"tool_calls": 1, "tool_errors": errors}
        self._say(at, tool=name, tool_ms=duration_ms or 0, counts=counts)

    def add(self, *, at: datetime | None = None, **counts: int) -> None:
        """Add to any of the task's cumulative fields, such as `steps=1` or `compactions=1`."""
        self._say(at, counts=counts)

    def update(self, *, at: datetime | None = None, **fields: Any) -> None:  # noqa: ANN401
        """Set any of the task's other fields."""
        self._say(at, fields=fields)

    def wait(self, *, at: datetime | None = None) -> None:
        """Say that the task waits for something."""
        self.update(at=at, status="waiting")

    def complete(self, *, at: datetime | None = None, **fields: Any) -> None:  # noqa: ANN401
        """Say that the task is done."""
        self._end("completed", at, fields)

    def fail(self, error_type: str, *, at: datetime | None = None, **fields: Any) -> None:  # noqa: ANN401
        """Say that the task has failed, and of what."""
        self._end("failed", at, {"error_type": error_type, **fields})

    def cancel(self, *, at: datetime | None = None, **fields: Any) -> None:  # noqa: ANN401
        """Say that the task was called off."""
        self._end("cancelled", at, fields)

    def overhead_next(self, overhead: Overhead) -> None:
        """Count what the next call costs as a retry's, a rotation's or a handoff's, too."""
        self._overhead_next = overhead

    def context_left(self, pct: float) -> None:
        """Note how much of the session's context is left; the next report of the task tells it."""
        self._left_pct = pct
        self._lowest_pct = min(self._lowest_pct, pct)

    @property
    def is_over(self) -> bool:
        """Whether it was said how the task ended."""
        return self._ended

    def flush(self) -> None:
        """Write what was said so far, now."""
        self._document.flush()

    def _answered(self, answer: Answer, generation_ms: int) -> None:
        """Say how full the context is, as of now: answers are read after they were recorded."""
        if answer.readable and answer.context_tokens:
            held = Usage(tokens_in=answer.context_tokens, tokens_out=answer.usage.tokens_out)
            self._on_call(held, None, generation_ms)

    @property
    def lost(self) -> bool:
        """Whether another session took the task over while this one was not heard of."""
        return self._reports.lost

    def give_up(self, *, at: datetime | None = None) -> None:
        """Say that the session ends in the middle of it: claimed, it goes back into the queue."""
        if not self._ended:
            self._ended = self._reports.gone = True
            self._say(at, gives_up=True)
            if self.trace is not None:
                self.trace.end(None, ns(at), "crashed")
            self._writer.soon(self._document, now=True)

    def _end(self, status: str, at: datetime | None, fields: Mapping[str, Any]) -> None:
        self._ended = True
        ended_at = at or datetime.now(UTC)
        self._say(ended_at, fields={"status": status, "completed_at": ended_at, **fields})
        if self.trace is not None:
            error = str(fields.get("error_type")) if status == "failed" else None
            self.trace.end(status, ns(ended_at), error)
        self._writer.soon(self._document, now=True)
        self._on_end(at)

    def _say(self, at: datetime | None, **said: Any) -> None:  # noqa: ANN401 - as Report
        if self._overhead_next is not None and ("calls" in said or "later" in said):
            said["overhead"], self._overhead_next = self._overhead_next, None
        if self._left_pct is not None:
            left = {
                "context_remaining_pct": self._left_pct,
                "context_remaining_min_pct": self._lowest_pct,
            }
            said["fields"], self._left_pct = {**left, **said.get("fields", {})}, None
        self._reports.say(at, **said)
        self._writer.soon(self._document)
        self._on_progress()

    def __enter__(self) -> Self:
        if self.trace is not None:
            self._inside = self.trace.entered()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None and issubclass(kind, Exception):
            self.fail(kind.__name__)
        self._writer.soon(self._document, now=True)
        if self.trace is not None:
            if self._inside is not None:
                self.trace.left(self._inside)
            self.trace.end(None, ns(None))  # unless it was said how it ended

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)


def _heed_not(answer: Answer, generation_ms: int) -> None:
    """Let the session's context be: the call had one of its own."""
