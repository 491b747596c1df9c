"""`fleets/{fleet}/tasks/{task}`: one unit of work, and what it took."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from tachograph_schema.fields import (
    Count,
    Feedback,
    Flag,
    Id,
    Instant,
    Map,
    Name,
    Pct,
    Sequences,
    Text,
    Usd,
    optional,
)

TaskStatus = Literal["queued", "claimed", "active", "waiting", "completed", "failed", "cancelled"]
CostSource = Literal["reported", "priced", "unpriced"]
AttemptKind = Literal["first", "retry", "rotation"]
Origin = Literal["root", "subtask", "coordination"]

HELD_STATUSES: Final[tuple[TaskStatus, ...]] = ("claimed", "active", "waiting")
"""The statuses of a task that a session has."""
UNENDED_STATUSES: Final[tuple[TaskStatus, ...]] = ("queued", *HELD_STATUSES)
"""The statuses of a task that is still to be done."""
ENDED_STATUSES: Final[tuple[TaskStatus, ...]] = ("completed", "failed", "cancelled")
"""The statuses of a task that is over."""
COORDINATION: Final = "coordination"
"""The type of work outside any task, such as an orchestrator's dispatching, or chat."""


class ModelUsage(BaseModel):
    """The usage of one model of several on a task."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    provider: Name | None = optional("Who served it, such as `anthropic`.")
    tokens_in: Count | None = optional("Uncached input tokens.")
    cache_read_tokens: Count | None = optional("Input tokens read from the provider's cache.")
    cache_write_tokens: Count | None = optional("Input tokens written to the cache, all of them.")
    cache_write_1h_tokens: Count | None = optional("The part of them kept for an hour.")
    tokens_out: Count | None = optional("Output tokens, reasoning included.")
    reasoning_tokens: Count | None = optional("The part of the output that was reasoning.")
    llm_calls: Count | None = optional("Calls answered by this model.")
    cost_nanousd: Count | None = optional("What they cost, in nano-dollars.")
    unpriced_calls: Count | None = optional("The calls among them that no price is known for.")
    unpriced_tokens: Count | None = optional("The tokens of those calls.")


class ToolUse(BaseModel):
    """The use of one tool on a task."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    calls: Count | None = optional("Times it was called.")
    errors: Count | None = optional("Times it failed.")
    duration_ms: Count | None = optional("Time spent in it, in milliseconds.")


class Evaluation(BaseModel):
    """The outputs that one evaluator sampled."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    checked: Count | None = optional("Outputs it looked at.")
    failed: Count | None = optional("Outputs that did not pass.")


class Task(BaseModel):
    """One unit of work. Usage is cumulative over every attempt; absent means unknown, not zero."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    # identity
    title: Text | None = optional("What the task is, for a person.")
    task_type: Name | None = optional("The kind of work; baselines and costs are kept by it.")
    priority: Name | None = optional("How urgent it is, in the fleet's own words.")
    labels: Map[Name] | None = optional("Whom to charge: team, feature, user_tier, ...")
    sprint_id: Name | None = optional("The sprint it belongs to.")
    repo: Name | None = optional("The repository it changes.")
    branch: Name | None = optional("The branch it changes.")
    environment: Name | None = optional("Where it runs: production, staging, ...")
    # lifecycle
    status: TaskStatus | None = optional("Where it stands.")
    created_at: Instant | None = optional("When it was asked for.")
    claimed_at: Instant | None = optional("When an agent took it.")
    queued_at: Instant | None = optional("When it was put back into the queue, if it was.")
    started_at: Instant | None = optional("When work began.")
    completed_at: Instant | None = optional("When it ended, however it ended.")
    expected_duration_ms: Count | None = optional("How long it should take; stuck is judged by it.")
    reported_at: Instant | None = optional("When the usage of the latest write happened.")
    voided: Flag | None = optional("True takes back everything the task was counted for.")
    # lineage
    parent_task_id: Id | None = optional("The task that spawned it.")
    root_task_id: Id | None = optional("The task at the top of its tree.")
    depth: Count | None = optional("How many tasks stand above it.")
    created_by: Name | None = optional("The agent that asked for it.")
    traceparent: Name | None = optional("The W3C trace context it was dispatched with.")
    # assignment
    agent_id: Name | None = optional("The agent that works on it.")
    agent_role: Name | None = optional("What the agent is for: orchestrator, builder, ...")
    agent_version: Name | None = optional("The agent's own version.")
    session_id: Id | None = optional("The session that works on it now, or did until it was lost.")
    lost_session_id: Id | None = optional(
        "The lost session it was taken from; queued since, until another takes it up."
    )
    retry_session_id: Id | None = optional("The session whose spend is counted as a retry's.")
    model: Name | None = optional("The model that does most of it, as served.")
    provider: Name | None = optional("Who serves the model, such as `anthropic`.")
    model_tier: Name | None = optional("The model's class; looked up from the model when absent.")
    route: Name | None = optional("How the model is reached: direct, a proxy, local.")
    # usage, cumulative over every attempt
    tokens_in: Count | None = optional("Uncached input tokens.")
    cache_read_tokens: Count | None = optional("Input tokens read from the provider's cache.")
    cache_write_tokens: Count | None = optional("Input tokens written to the cache, all of them.")
    cache_write_1h_tokens: Count | None = optional("The part of them kept for an hour.")
    tokens_out: Count | None = optional("Output tokens, reasoning included.")
    reasoning_tokens: Count | None = optional("The part of the output that was reasoning.")
    cost_usd: Usd | None = optional("Cost in dollars; `cost_nanousd` wins where both are given.")
    cost_nanousd: Count | None = optional("Cost in nano-dollars (10^-9 USD).")
    cost_source: CostSource | None = optional("Whether the cost was reported, computed or unknown.")
    cost_reported_nanousd: Count | None = optional(
        "The part of a cost with the source `priced` that was reported; of `reported` all of it is."
    )
    unpriced_calls: Count | None = optional("Calls in the usage above that no price is known for.")
    unpriced_tokens: Count | None = optional("The tokens of those calls.")
    usage_by_model: Map[ModelUsage] | None = optional(
        "The same usage by model as served, when more than one worked on it."
    )
    # overhead, each a part of the total
    retries: Count | None = optional("Attempts after a failure.")
    rotations: Count | None = optional("Sessions that took over because the context ran out.")
    handoffs: Count | None = optional("Times it went from one agent to another.")
    retry_cost_nanousd: Count | None = optional("The part of the cost spent on retries.")
    rotation_cost_nanousd: Count | None = optional("The part spent on journals and bootstraps.")
    handoff_cost_nanousd: Count | None = optional("The part spent on handing over.")
    attempt: Count | None = optional("Which attempt this is, from 1.")
    attempt_kind: AttemptKind | None = optional("Why this attempt began.")
    # behaviour
    llm_calls: Count | None = optional("Calls to models.")
    llm_errors: Count | None = optional("Calls that failed.")
    tool_calls: Count | None = optional("Calls of tools.")
    tool_errors: Count | None = optional("Calls of tools that failed.")
    tools: Map[ToolUse] | None = optional("The same by tool.")
    steps: Count | None = optional("Turns of the agent's loop.")
    parse_errors: Count | None = optional("Outputs that did not have the form asked for.")
    fallbacks: Count | None = optional("Times a lesser path was taken.")
    compactions: Count | None = optional("Times the context was summarised in place.")
    finish_reason: Name | None = optional("Why the last call stopped.")
    # latency: sums, with the counts beside them
    duration_ms: Count | None = optional("From start to end, in milliseconds, rotations included.")
    preprocess_ms: Count | None = optional("Sum over calls: before the request.")
    ttft_ms: Count | None = optional("Sum over calls: request to first token.")
    generation_ms: Count | None = optional("Sum over calls: first to last token.")
    postprocess_ms: Count | None = optional("Sum over calls: after the answer.")
    # outcome
    error_type: Name | None = optional("What made it fail.")
    rework_count: Count | None = optional("Times the result had to be done again.")
    feedback: Feedback | None = optional("What the user thought: +1 or -1.")
    retrieval_queries: Count | None = optional("Look-ups in a store of knowledge.")
    retrieval_hits: Count | None = optional("Look-ups that found something of use.")
    evaluations: Map[Evaluation] | None = optional("Sampled checks, by evaluator.")
    # context
    context_remaining_pct: Pct | None = optional("Context free at the end, in percent.")
    context_remaining_min_pct: Pct | None = optional("The least that was free, in percent.")
    # bookkeeping
    reports: Sequences | None = optional(
        "By reporter, AGENT:SESSION: how many of its reports landed."
    )
    reporter: Name | None = optional("Whose report the latest write is.")
    telemetry_source: Literal["self", "provider", "transcript", "otel"] | None = optional(
        "Where the numbers come from."
    )


def task_above(task: Task) -> str | None:
    """Return the task whose tree a task's cost belongs to: its root, or else its parent."""
    return task.root_task_id or task.parent_task_id


def origin(task: Task) -> Origin:
    """Tell a root task, which somebody asked for, from a subtask and from coordination.

    A task is a root task if no task spawned it; one that names itself as its root has depth 0.
    """
    if task.task_type == COORDINATION:
        return "coordination"
    spawned = task.parent_task_id or (task.root_task_id and task.depth != 0)
    return "subtask" if spawned else "root"
