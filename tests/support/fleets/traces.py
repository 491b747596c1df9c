"""A trace in batches of spans: an orchestrator, and workers in parallel that call models."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tachograph.tracing.batches import batches
from tachograph_schema.tracing.spans import (
    AGENT_NAME,
    CHAT,
    COST_NANOUSD,
    EXECUTE_TOOL,
    INPUT_TOKENS,
    INVOKE_AGENT,
    OPERATION,
    OUTPUT_TOKENS,
    REQUEST_MODEL,
    TASK_ID,
    Span,
)

if TYPE_CHECKING:
    from support.fleets.documents import FleetDocuments

TRACE = "0af7651916cd43dd8448eb211c80319c"
MODEL = "claude-sonnet-4-5"
_MS = 1_000_000  # nanoseconds
_CHILDREN = 4
_FAILS_EVERY = 50


def trace(
    fleet: FleetDocuments,
    spans: int,
    *,
    workers: int = 8,
    trace_id: str = TRACE,
    task: str = "T-1",
    fails_every: int = _FAILS_EVERY,
) -> list[Span]:
    """Write a trace of about `spans` spans, in batches, and return its spans."""
    made = branches(spans, workers, trace_id, task, fails_every)
    expires_at = datetime.now(UTC) + timedelta(days=14)
    for n, batch in enumerate(batches(made, "error", expires_at)):
        at = fleet.db.document("fleets", fleet.name, "traces", trace_id, "batches", f"b{n:02d}")
        at.set(batch)
    return made


def branches(spans: int, workers: int, trace_id: str, task: str, fails_every: int) -> list[Span]:
    """Return the spans: each worker takes steps, each of a model call and some tool calls."""
    rnd = random.Random(11)  # noqa: S311 - the same trace every time
    started_ns = round((datetime.now(UTC) - timedelta(minutes=20)).timestamp() * 1000) * _MS
    ids = iter(range(1, spans * 2))

    def span(
        name: str, operation: str, parent: str | None, start: int, **more: str | int | bool
    ) -> Span:
        attributes: dict[str, str | int | bool] = {TASK_ID: task, OPERATION: operation}
        return Span(
            name, trace_id, f"{next(ids):016x}", parent, start, attributes=attributes | more
        )

    root = span("orchestrator", INVOKE_AGENT, None, started_ns, **{AGENT_NAME: "orchestrator"})
    all_spans = [root]
    each = max(1, (spans - 1) // workers)
    for n in range(workers):
        at = started_ns + rnd.randrange(1, 400) * _MS
        name = f"worker-{n}"
        worker = span(name, INVOKE_AGENT, root.span_id, at, **{AGENT_NAME: name})
        all_spans.append(worker)
        for step_number in range(max(1, (each - 1) // (_CHILDREN + 1))):
            step = span(f"step {step_number}", "", worker.span_id, at)
            all_spans.append(step)
            usage: dict[str, str | int | bool] = {
                INPUT_TOKENS: rnd.randrange(800, 2600),
                OUTPUT_TOKENS: rnd.randrange(40, 400),
                COST_NANOUSD: rnd.randrange(2_000_000, 16_000_000),
                REQUEST_MODEL: MODEL,
            }
            call = span(f"chat {MODEL}", CHAT, step.span_id, at, **usage)
            at += rnd.randrange(900, 6000) * _MS
            call.end_ns = at
            all_spans.append(call)
            for _ in range(_CHILDREN - 1):
                tool = span(f"execute_tool {rnd.choice(['Bash', 'Read', 'Edit'])}", EXECUTE_TOOL,
                            step.span_id, at)  # fmt: skip
                at += rnd.randrange(20, 900) * _MS
                tool.end_ns = at
                if fails_every and len(all_spans) % fails_every == 0:
                    tool.error = "CommandFailed"
                all_spans.append(tool)
            step.end_ns = at
        worker.end_ns = at
        root.end_ns = max(root.end_ns, at)
    return all_spans
