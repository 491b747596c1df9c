"""A task as the session that works on it sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args

from tachograph.process.block import Block, failed
from tachograph.reports.checked import (
    checked_call,
    checked_count,
    checked_moment,
    checked_name,
)
from tachograph.task.calls import LlmCall, ToolCall
from tachograph.task.work import TaskWork
from tachograph.tracing.attributes import ns
from tachograph.tracing.call_spans import begin_call, begin_tool
from tachograph.usage.deferred import ModelRequest
from tachograph_schema.counters.names import OTHER
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.overhead import Overhead
from tachograph_schema.pricing.terms import STANDARD, Terms
from tachograph_schema.usage import Usage

if TYPE_CHECKING:
    from tachograph.tracing.task_spans import Entered, TaskTrace


class TaskRun(Block):
    """A session's work on one task. No method waits for the network, except `flush`.

    As a context manager, an exception that leaves the block fails the task, and leaving the block
    has everything reported so far written at once.
    """

    def __init__(self, work: TaskWork) -> None:
        self.id = work.id
        self._work = work
        self._terms = STANDARD if work.request.route is None else Terms(work.request.route)
        self._entered: Entered | None = None

    @property
    def is_over(self) -> bool:
        """Whether the end of the task was reported."""
        return self._work.is_over

    @property
    def lost(self) -> bool:
        """Whether another session took the task over while this one was not heard of."""
        return self._work.lost

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
        """Record a call of a model whose usage the agent knows.

        - `usage`: its tokens.
        - `model`, `provider`: the ones that served it; a model without a price is kept as unpriced
          tokens.
        - `at`: when it ended, by default now. `priced_at`: the instant of its price, by default
          `at`.
        - `cost_nanousd`: its billed cost in nano-dollars; by default it is priced.
        - `duration_ms`: how long it took, in milliseconds. `error`: whether it failed.
        - `calls`: 0 corrects an earlier call.
        - `own_context`: False where its prompt is not what the session's context now holds.
        - `overhead`: `retry`, `rotation` or `handoff`, where its cost is a part of that one's too;
          writing a journal is a part of the cost of a rotation.
        """
        at = checked_moment(at)
        ended_at = at or datetime.now(UTC)
        priced_at = checked_moment(priced_at) or ended_at
        call = Call(usage, model, provider, priced_at, cost_nanousd, calls, self._terms)
        self._record((call,), at, ended_at, duration_ms, overhead, error, own_context)

    def record_calls(
        self,
        calls: Sequence[Call],
        *,
        at: datetime | None = None,
        duration_ms: int | None = None,
        error: bool = False,
        own_context: bool = True,
        overhead: Overhead | None = None,
    ) -> None:
        """Record the calls that one answer took, the model's own first, with the terms of each.

        A call with `calls=0` corrects an earlier one, and `growth(now, before)` of the schema is
        what a call adds to itself as it was recorded before. The rest is as for `record`.
        """
        at = checked_moment(at)
        ended_at = at or datetime.now(UTC)
        self._record(calls, at, ended_at, duration_ms, overhead, error, own_context)

    def _record(
        self,
        calls: Sequence[Call],
        at: datetime | None,
        ended_at: datetime,
        duration_ms: int | None,
        overhead: Overhead | None,
        error: bool,  # noqa: FBT001 - of this class alone
        own_context: bool,  # noqa: FBT001
    ) -> None:
        checked = tuple(map(checked_call, calls))
        call = checked[0]
        duration_ms = None if duration_ms is None else checked_count(duration_ms, "duration_ms")
        counts = {"generation_ms": duration_ms or 0, "llm_errors": int(error)}
        identity = {"model": call.model, "provider": call.provider} if call.model else {}
        if isinstance(overhead, str) and overhead in get_args(Overhead):
            self._work.overhead_next(overhead)
        if call.calls and own_context:
            self._work.called(call.usage, at, duration_ms)
        self._work.report(ended_at, calls=checked, counts=counts, identity=identity)
        if self._work.trace is not None:
            self._work.trace.add_call(call, ns(at), duration_ms, error=error)

    def llm_call(
        self,
        *,
        model: str | None = None,
        provider: str | None = None,
        route: str | None = None,
        own_context: bool = True,
    ) -> LlmCall:
        """Time a call of a model: `with task.llm_call() as call: call.record(response)`.

        `model`, `provider` and `route` are the requested ones; the model that the response names
        wins. `own_context` is False where the prompt is not what the session's context holds.
        """
        model = checked_name(model, "model")
        provider = checked_name(provider, "provider")
        route = checked_name(route, "route")
        own = self._work.request  # `replace` would take as long as the rest of this method
        served = own.session_model, own.session_provider
        request = ModelRequest(model, provider, route or own.route, *served)
        listener = self._work if own_context else None
        trace = self._work.trace
        if trace is None:
            return LlmCall(self._work, request, listener)
        span = begin_call(trace, model or own.session_model, provider or own.session_provider)
        return LlmCall(self._work, request, listener, span)

    def tool_call(
        self,
        name: str,
        *,
        up_to_s: float | None = None,
        attributes: Mapping[str, str | int | bool] | None = None,
    ) -> ToolCall:
        """Time a call of a tool: `with task.tool_call("grep"): ...`.

        `up_to_s` is the longest it may take, in seconds: within it a session without progress is
        not taken for stuck. `attributes` are its span's, such as `mcp.session.id`, where the fleet
        is traced. Raises ValueError unless `up_to_s` is above 0.
        """
        name = checked_name(name, "a tool's name") or OTHER
        wait = None if up_to_s is None else self._work.session.waiting(name, up_to_s)
        trace = self._work.trace
        span = None if trace is None else begin_tool(trace, name, attributes or {})
        return ToolCall(self._work, name, wait, span)

    def tool(
        self,
        name: str,
        *,
        errors: int = 0,
        duration_ms: int | None = None,
        at: datetime | None = None,
    ) -> None:
        """Record a call of a tool that took `duration_ms` milliseconds and ended `at`, or now."""
        name = checked_name(name, "a tool's name") or OTHER
        errors = checked_count(errors, "errors")
        duration_ms = None if duration_ms is None else checked_count(duration_ms, "duration_ms")
        at = checked_moment(at)
        self._work.report_tool(name, errors=errors, duration_ms=duration_ms, at=at)
        if self._work.trace is not None:
            self._work.trace.add_tool(name, ns(at), duration_ms, error=errors > 0)

    def add(self, *, at: datetime | None = None, **counts: int) -> None:
        """Add to any of the task's cumulative fields, such as `steps=1` or `compactions=1`."""
        self._work.said(at, counts=counts)

    def update(self, *, at: datetime | None = None, **fields: Any) -> None:  # noqa: ANN401
        """Set any of the task's other fields."""
        self._work.said(at, fields=fields)

    def wait(self, *, at: datetime | None = None) -> None:
        """Set the task's status to `waiting`."""
        self.update(at=at, status="waiting")

    def complete(self, *, at: datetime | None = None, **fields: Any) -> None:  # noqa: ANN401
        """End the task as completed, and set any of its other fields."""
        self._work.end("completed", at, fields)

    def fail(self, error_type: str, *, at: datetime | None = None, **fields: Any) -> None:  # noqa: ANN401
        """End the task as failed by `error_type`, and set any of its other fields."""
        self._work.end("failed", at, {"error_type": error_type, **fields})

    def cancel(self, *, at: datetime | None = None, **fields: Any) -> None:  # noqa: ANN401
        """End the task as cancelled, and set any of its other fields."""
        self._work.end("cancelled", at, fields)

    def flush(self) -> None:
        """Write everything reported so far, now; raises what Firestore raises."""
        self._work.document.flush()

    def _enter(self) -> None:
        if self._work.trace is not None:
            self._entered = self._work.trace.enter()

    def _leave(self, error: type[BaseException] | None) -> None:
        if error is not None and failed(error):
            self.fail(error.__name__)
        self._work.write_now()
        if self._work.trace is not None:
            if self._entered is not None:
                self._work.trace.leave(self._entered)
            self._work.trace.end(None, ns(None))  # unless its end was reported


def trace_of(run: TaskRun) -> TaskTrace | None:
    """Return the spans of a task, for the replay of recordings; None where it is not traced."""
    return run._work.trace  # noqa: SLF001 - of this module
