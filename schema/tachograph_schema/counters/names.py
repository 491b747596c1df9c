"""The counters kept for every scope, with their units.

A scope is `fleet` or `KIND:VALUE`; a counter that sums a task's field has the field's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tachograph_schema.usage import BUCKETS

FLEET: Final = "fleet"
UNKNOWN: Final = "_unknown"
OTHER: Final = "_other"

USAGE: Final = (
    *BUCKETS,
    "cost_nanousd",
    "cost_reported_nanousd",
    "cost_priced_nanousd",
    "cost_listed_nanousd",
    "cost_assumed_nanousd",
    "cost_estimated_nanousd",
    "unpriced_calls",
    "unpriced_tokens",
    "llm_calls",
)
"""Usage of a model: counted for the model that served it, and for its tier."""

COMPLETED: Final[Mapping[str, str]] = {
    "root": "root_tasks_completed",
    "subtask": "subtasks_completed",
    "coordination": "coordination_completed",
}
"""By a task's origin: the fleet's completed tasks. Together they are all that are completed."""

FIRST_ATTEMPTS: Final = ("root_first", "subtasks_first")
"""The parts of a cost that are no overhead: first attempts, at root tasks and at subtasks."""
COST_PARTS: Final = (*FIRST_ATTEMPTS, "retry", "rotation", "handoff", "coordination")
"""All parts of a cost. Each has a counter, PART_cost_nanousd, and together they are the cost."""

CERTAINTIES: Final = ("reported", "listed", "assumed", "estimated")
"""How certain a cost is, from most to least. Each has a counter, cost_KIND_nanousd."""

TASK_SUMS: Final = (
    "retries",
    "rotations",
    "handoffs",
    "retry_cost_nanousd",
    "rotation_cost_nanousd",
    "handoff_cost_nanousd",
    "llm_errors",
    "tool_calls",
    "tool_errors",
    "steps",
    "parse_errors",
    "fallbacks",
    "compactions",
    "duration_ms",
    "preprocess_ms",
    "ttft_ms",
    "generation_ms",
    "postprocess_ms",
    "rework_count",
    "retrieval_queries",
    "retrieval_hits",
)
"""Fields of a task that are summed as they are."""

SKETCHES: Final = {
    "duration_ms": "milliseconds from start to end of a task",
    "dispatch_ms": "milliseconds from a task's creation to its claim",
    "cost_nanousd": "nano-dollars of an ended task",
    "tokens_total": "tokens of an ended task, prompt and output",
    "steps": "turns of the agent's loop of an ended task",
    "handoff_ms": "milliseconds from a session's journal to its successor's first progress",
    "message_latency_ms": "milliseconds from sent to acknowledged",
    "context_remaining_pct": "percent of the window left when a task ended",
}
"""Sketched measures: `NAME~BUCKET` counts values, see tachograph_schema.counters.sketch."""

DESCRIPTIONS: Final[Mapping[str, str]] = {
    "tasks_created": "tasks seen",
    "tasks_claimed": "tasks an agent took",
    "tasks_completed": "tasks that ended well",
    "tasks_failed": "tasks that ended in an error",
    "tasks_cancelled": "tasks that were called off",
    "tasks_completed_unpriced": "completed tasks of unknown cost",
    "root_tasks_completed": "completed tasks that were asked for: root tasks, of the fleet alone",
    "subtasks_completed": "completed tasks that another task spawned, of the fleet alone",
    "coordination_completed": "completed tasks of type coordination, of the fleet alone",
    "task_cost_nanousd": "cost of this model's or tier's own tasks, whichever models served",
    "cost_nanousd": "nano-dollars",
    "cost_reported_nanousd": "the part of the cost that agents or providers reported",
    "cost_priced_nanousd": "the part of the cost computed from prices",
    "cost_listed_nanousd": "the part of it by the list of the provider that was named",
    "cost_assumed_nanousd": "the part by the list of the provider that the model's name suggests",
    "cost_estimated_nanousd": "the part by the sum of several calls, as that many average ones",
    "unpriced_calls": "calls no price is known for",
    "unpriced_tokens": "tokens of those calls",
    "root_first_cost_nanousd": "the part of the cost that first attempts at root tasks took",
    "subtasks_first_cost_nanousd": "the part that first attempts at subtasks took",
    "coordination_cost_nanousd": "the part that first attempts at coordination took",
    "coordination_tasks": "tasks of type coordination",
    "evaluations_checked": "outputs that evaluators looked at",
    "evaluations_failed": "outputs that did not pass",
    "tool_ms": "milliseconds spent in tools, by tool",
    "feedback_positive": "tasks with feedback above zero",
    "feedback_negative": "tasks with feedback below zero",
    "first_completed": "tasks completed on the first attempt",
    "first_failed": "tasks failed on the first attempt",
    "retry_completed": "tasks completed on a retry",
    "retry_failed": "tasks failed on a retry",
    "rotation_completed": "tasks completed after a rotation",
    "rotation_failed": "tasks failed after a rotation",
    "sessions_started": "context windows opened",
    "sessions_completed": "windows closed with their work done",
    "sessions_rotated": "windows closed because they were full",
    "sessions_crashed": "windows lost",
    "sessions_compacted": "windows summarised in place",
    "bootstrap_tokens": "tokens fresh sessions took to read themselves in",
    "handoffs_within_target": "successors that made progress in the time the fleet wants",
    "handoffs_late": "successors that took longer",
    "messages_sent": "messages sent",
    "messages_acknowledged": "messages acknowledged",
    "incidents_claim_collision": "claims lost to another agent",
    "incidents_branch_held": "changes refused because another agent holds the branch",
    "incidents_branch_contamination": "branches somebody else changed while they were held",
    "incidents_dispatch_refused": "dispatches refused: the worker rotates, has ended, is not there",
    "incidents_git_failure": "changes git refused",
    "rejected_fields": "fields that did not parse, in documents as they stand",
}
"""The counters that are no task field's sum."""

CONTEXT_OUTCOMES: Final = ("completed", "failed", "reworked", "retried", "clean")
"""How a task ended, counted where its context was lowest: `context_30_failed` is of 30-40 %.

Clean is what was completed with neither rework nor retry: without it nobody could tell how many
tasks had either, since one may have had both.
"""
CONTEXT_STEP_PCT: Final = 10

TOTALS: Final = (
    "tasks_created",
    "tasks_claimed",
    "tasks_completed",
    "tasks_failed",
    "tasks_cancelled",
    *COMPLETED.values(),
    "cost_nanousd",
    "unpriced_calls",
    "unpriced_tokens",
    *BUCKETS,
    "llm_calls",
    "llm_errors",
    "tool_calls",
    "tool_errors",
    "retries",
    "rotations",
    "handoffs",
    "handoffs_within_target",
    "handoffs_late",
    *(name for name in DESCRIPTIONS if name.startswith(("sessions_", "messages_", "incidents_"))),
    "rejected_fields",
)
"""The fleet's counters that every snapshot carries."""
