"""Pure: one task -> its counters, by scope."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tachograph_schema.counters.cells import Cells, Row, add_rows, add_up
from tachograph_schema.counters.names import (
    COMPLETED,
    CONTEXT_OUTCOMES,
    CONTEXT_STEP_PCT,
    FLEET,
    TASK_SUMS,
)
from tachograph_schema.counters.scopes import label, pair, scope, word
from tachograph_schema.counters.sketch import bucket_counter
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.documents.task import ENDED_STATUSES, Task, origin
from tachograph_schema.fields import MAX_COUNT
from tachograph_schema.pricing.overhead import cost_parts
from tachograph_schema.pricing.task_cost import usage_rows
from tachograph_schema.pricing.tiers import tier_of

MAX_COUNTED_LABELS = 8


def task_cells(task: Task, written_at: datetime, fleet: Fleet) -> Cells:
    """Count one task for the fleet, its type, agent, role, labels, and by model and tier.

    Usage counts for the model that served the calls. The task as a whole, its end and its whole
    cost, counts for the task's own model, whichever models served its calls.
    """
    rows = _usage_rows(task, written_at, fleet)
    own_model = task.model or _most_used(rows)
    own_tier = _tier_scope(task, own_model, fleet)
    task_type, own = scope("type", task.task_type), scope("model", word(own_model))
    on_model = pair(task.task_type, word(own_model))
    used = add_rows(rows.values())
    whole = _counters(task, used)
    by_model: Row = {**whole, "task_cost_nanousd": used.get("cost_nanousd", 0)}
    # Not by agent: hundreds of buckets for each of thousands of agents would be too many.
    sketched = {**_sketches(task, used), **_context_outcomes(task)}
    return add_up(
        [
            {scope: {**used, **whole} for scope in (*_scopes(task, fleet), on_model)},
            *({scope("model", word(model)): row} for model, row in rows.items()),
            *({_tier_scope(task, model, fleet): row} for model, row in rows.items()),
            dict.fromkeys((own, own_tier), by_model),
            {FLEET: {COMPLETED[origin(task)]: int(task.status == "completed")}},
            _tools(task),
            dict.fromkeys((FLEET, task_type, own, own_tier, on_model), sketched),
        ]
    )


def _usage_rows(task: Task, written_at: datetime, fleet: Fleet) -> dict[str, Row]:
    """Return the usage by model, each counter at most MAX_COUNT, also where prices multiply it."""
    rows = usage_rows(task, task.reported_at or written_at, fleet.prices)
    return {model: {n: min(row[n], MAX_COUNT) for n in row} for model, row in rows.items()}


def _tools(task: Task) -> Cells:
    uses = {scope("tool", word(name)): use for name, use in (task.tools or {}).items()}
    return {
        tool: {
            "tool_calls": use.calls or 0,
            "tool_errors": use.errors or 0,
            "tool_ms": use.duration_ms or 0,
        }
        for tool, use in uses.items()
    }


def _most_used(rows: Mapping[str, Row]) -> str:
    """Name the model that did most: by cost, then tokens, then name, since maps have no order."""
    return max(
        rows, key=lambda model: (rows[model].get("cost_nanousd", 0), _tokens(rows[model]), model)
    )


def _scopes(task: Task, fleet: Fleet) -> list[str]:
    labels = task.labels or {}
    counted = [key for key in fleet.label_keys if key in labels][:MAX_COUNTED_LABELS]
    return [
        FLEET,
        scope("type", task.task_type),
        scope("agent", task.agent_id),
        scope("role", task.agent_role),
        *(label(key, labels[key]) for key in counted),
    ]


def _tier_scope(task: Task, model: str, fleet: Fleet) -> str:
    """Name the tier; the tier that a task states for its own model beats the table."""
    if task.model_tier and model == task.model:
        return scope("tier", task.model_tier)
    return scope("tier", tier_of(model, fleet.tiers))


def _counters(task: Task, used: Row) -> Row:
    """Count the task as a whole, without regard to the models that worked on it."""
    row: Row = {name: getattr(task, name) or 0 for name in TASK_SUMS}
    row["duration_ms"] = _duration_ms(task) or 0
    row["tasks_created"] = 1
    row["tasks_claimed"] = int(task.claimed_at is not None)
    if task.status in ENDED_STATUSES:
        row[f"tasks_{task.status}"] = 1
    if task.status in ("completed", "failed"):
        row[f"{task.attempt_kind or 'first'}_{task.status}"] = 1
    if task.status == "completed" and not used.get("cost_nanousd"):
        row["tasks_completed_unpriced"] = 1
    if task.feedback:
        row["feedback_positive" if task.feedback > 0 else "feedback_negative"] = 1
    evaluations = (task.evaluations or {}).values()
    row["evaluations_checked"] = sum(evaluation.checked or 0 for evaluation in evaluations)
    row["evaluations_failed"] = sum(evaluation.failed or 0 for evaluation in evaluations)
    row["coordination_tasks"] = int(origin(task) == "coordination")
    parts = cost_parts(task, used.get("cost_nanousd", 0))
    return row | {f"{part}_cost_nanousd": cost for part, cost in parts.items()}


def _context_outcomes(task: Task) -> Row:
    """Count how the task ended, where its context was lowest: where the cliff is, shows in these.

    Not where it was at the end: a retry that succeeds in a fresh window was made necessary by the
    window before.
    """
    left = task.context_remaining_min_pct
    left = task.context_remaining_pct if left is None else left
    if left is None or task.status not in ("completed", "failed"):
        return {}
    low = min(90, int(left) // CONTEXT_STEP_PCT * CONTEXT_STEP_PCT)
    reworked, retried = bool(task.rework_count), bool(task.retries)
    clean = task.status == "completed" and not (reworked or retried)
    ended = {task.status: True, "reworked": reworked, "retried": retried, "clean": clean}
    return {f"context_{low}_{outcome}": 1 for outcome in CONTEXT_OUTCOMES if ended.get(outcome)}


def _sketches(task: Task, used: Row) -> Row:
    row: Row = {}
    if task.created_at and task.claimed_at:
        # One that was put back into the queue has waited since then, if it was claimed since.
        again = task.queued_at
        since = again if again is not None and again <= task.claimed_at else task.created_at
        waited = task.claimed_at - since
        _observe(row, "dispatch_ms", max(0, round(waited.total_seconds() * 1000)))
    if task.status == "completed":
        _observe(row, "duration_ms", _duration_ms(task))
        _observe(row, "steps", task.steps)
        if used.get("cost_nanousd") or not used.get("unpriced_tokens"):
            _observe(row, "cost_nanousd", used.get("cost_nanousd", 0))
        _observe(row, "tokens_total", _tokens(used) or None)
        if task.context_remaining_pct is not None:
            _observe(row, "context_remaining_pct", round(task.context_remaining_pct))
    return row


def _duration_ms(task: Task) -> int | None:
    """Return how long the task took: as it says, else from its start to its end."""
    if task.duration_ms is not None or task.started_at is None or task.completed_at is None:
        return task.duration_ms
    return max(0, round((task.completed_at - task.started_at).total_seconds() * 1000))


def _observe(row: Row, name: str, value: int | None) -> None:
    if value is not None:
        row[bucket_counter(name, value)] = 1


def _tokens(used: Row) -> int:
    buckets = ("tokens_in", "cache_read_tokens", "cache_write_tokens", "tokens_out")
    return sum(used.get(name, 0) for name in buckets)
