"""The documents that functions write, for whoever reads them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from tachograph_schema.documents.signal_life import SignalStatus, Why
from tachograph_schema.fields import Count, Instant, Name, Pct, Text, optional
from tachograph_schema.periods import Grain

Cells = dict[str, dict[str, int]]
"""Counters by scope: `{"model:claude-opus-4-6": {"tokens_in": 50000}}`."""


class Record(BaseModel):
    """A document only functions write."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class LedgerEntry(Record):
    """`ledger/{key}`: one applied event; the key is a hash of path and update time."""

    path: str = Field(description="The document that was written.")
    update_time: str = Field(description="The version that was counted, RFC 3339 in nanoseconds.")
    hour: str = Field(description="The hour its change was counted in.")
    delta: str = Field(description="The change, as JSON: scope -> counter -> integer.")
    after: str = Field(description="What the document counts for since, as JSON.")
    created: str | None = optional("When the document came to be: made anew, it is another one.")
    tree: str | None = optional("The root of the tree the document is a part of since.")
    trees: str | None = optional("The change by tree, as JSON: root task -> counter -> integer.")
    correction: Literal["sweep", "rebuild", "reprice"] | None = optional(
        "Who made the entry, where no event did."
    )
    expires_at: datetime = Field(description="When retention removes the entry.")


class Sweep(Record):
    """`sweeps/now`: how far the search for lost events has come."""

    hour: str = Field(description="The hour of the latest round; there is one an hour.")
    cursor: str = Field(description="The last document looked at; empty between two passes.")
    began_at: datetime = Field(description="When the pass began.")
    ledger_days: int = Field(description="How long entries were kept, then.")
    known_since: str = Field(description="Before that, entries may be missing from the ledger.")
    closed: int = Field(description="Gaps that were closed, ever.")


class Shard(Record):
    """`shards/{shard}_{hour}`: a part of an hour's counters, only ever incremented."""

    hour: str = Field(description="The hour.")
    dirty: bool = Field(description="Whether it changed since the hour was last published.")
    c: Cells = Field(description="Scope -> counter -> integer.")


class Rollup(Record):
    """`rollups/{grain}_{period}`: the counters of an hour, day, ISO week (UTC) or of all time."""

    grain: Grain = Field(description="hour, day, week or total.")
    period: str = Field(description="2026-02-16T18, 2026-02-16, 2026-W08 or all.")
    as_of: datetime = Field(description="What was counted until then is in it.")
    c: Cells = Field(description="Scope -> counter -> integer.")
    ratios: dict[str, dict[str, float]] = Field(
        description="Scope -> cost_usd, cost_per_completed_usd, ...: to be read, not to be added."
    )
    percentiles: dict[str, dict[str, dict[str, float]]] = Field(
        description="Scope -> measure -> n, p50, p95, p99, from the sketches."
    )
    outcomes: dict[str, dict[str, float]] = Field(
        description="First attempts, retries, rotations -> n, success_rate, low, high (95 %)."
    )
    cost_nanousd_by_hour: list[int] = Field(
        [], description="Of a day: what each of its 24 hours cost (UTC); for a trend in one read."
    )


class Snapshot(Record):
    """`snapshots/{time}`: how the fleet stood; the id is the beginning of its 10 seconds."""

    at: datetime = Field(description="When it was taken.")
    hour: str | None = optional("The hour it is the first snapshot of; all others have none.")
    sessions: dict[str, int] = Field(
        description="Open sessions by the state they are in, whatever they report."
    )
    sessions_open: int = Field(0, description="Their sum.")
    parallel_agents: int = Field(0, description="Sessions at work at once: active or waiting.")
    utilisation: float | None = optional(
        "Part of the open sessions that is active; absent of none."
    )
    over_provisioned: bool = Field(
        default=False, description="Nothing is queued and less than 30 % of the sessions active."
    )
    tasks: dict[str, int] = Field(description="Open tasks by status.")
    queue_depth: int = Field(description="Tasks nobody has claimed.")
    queue_oldest_age_ms: int | None = Field(description="How long the oldest has waited.")
    tasks_in_flight: int = Field(description="Tasks claimed, active or waiting.")
    active_by_model: dict[str, int] = Field(
        {}, description="Active tasks by model; `_other` are those of models seldom used, or none."
    )
    messages_pending: int = Field(description="Messages nobody has acknowledged.")
    signals_open: int = Field(0, description="Rotations that are under way.")
    context_histogram: list[int] = Field(
        description="Open sessions by context left: 0-10 %, 10-20 %, ... 90-100 %."
    )
    burn_nanousd_per_h: int = Field(description="Spend of the last 60 minutes.")
    recent: dict[str, dict[str, int]] = Field(
        description="What flowed in this hour and the one before, by hour."
    )
    totals: dict[str, int] = Field(description="The fleet's counters since the beginning.")
    expires_at: datetime | None = optional("When retention removes it.")


class Live(Snapshot):
    """`live/now`: the newest snapshot, with rings of the last hour, one point a minute."""

    rings: dict[str, list[int]] = Field(
        description="Series of up to 60 points, oldest first: at_ms, stocks, and cumulative flows."
    )


class Signal(Record):
    """`signals/{signal}`: what a session is told to do."""

    kind: Literal["rotate", "pause", "throttle", "downgrade", "compact"] = Field(
        description="What it is told."
    )
    status: SignalStatus = Field(description="How far it got.")
    session_id: Name = Field(description="The session it is for.")
    agent_id: Name | None = optional("Its agent.")
    task_id: Name | None = optional("The task the session was at; after the journal, if any.")
    task_type: Name | None = optional("The kind of that task.")
    model: Name | None = optional("The session's model.")
    generation: Count | None = optional("The session's generation.")
    context_remaining_pct: Pct | None = optional("What was left.")
    threshold_pct: Pct | None = optional("What it was measured against.")
    traceparent: Name | None = optional("The trace the session belongs to.")
    crossed_at: Instant | None = optional("When the session says it had come to that.")
    created_at: Instant = Field(description="When it was raised.")
    acknowledged_at: Instant | None = optional("When the session took note of it.")
    journaled_at: Instant | None = optional("When the session had left its notes.")
    journal_ref: Name | None = optional("Where they are.")
    escalated_at: Instant | None = optional("When it was to be handed over without the session.")
    handed_off_at: Instant | None = optional("When a successor was started.")
    completed_at: Instant | None = optional("When the successor was at work.")
    expired_at: Instant | None = optional("When it came to nothing.")
    expired_because: Why | None = optional("Why it did; the first two went wrong.")
    successor_session_id: Name | None = optional("The session that took over; claimed once.")
    succeeded_at: Instant | None = optional("When it claimed that.")
    handoff_ms: Count | None = optional("From the journal to the successor's first progress.")
    start_asked_at: Instant | None = optional("When a successor was last asked for again.")
    starts: Count | None = optional("How often a successor was started.")
    lease_until: Instant | None = optional("Until when nobody else starts one.")
    execution: Name | None = optional("The job's execution, or the local process.")
    trouble: Text | None = optional("What went wrong last.")


class Alert(Record):
    """`alerts/{alert}`: a rule that fired."""

    rule: Name = Field(description="The rule.")
    severity: Literal["warning", "critical"] = Field(description="How bad it is.")
    subject: Name | None = optional(
        "What it is about: an agent, a model, a tool; the fleet if absent."
    )
    value: float = Field(description="What was measured.")
    threshold: float = Field(description="What is allowed.")
    detail: Text | None = optional("What else there is to say, for a person.")
    opened_at: Instant = Field(description="When it fired.")
    resolved_at: Instant | None = optional("When the value was back within bounds.")
    acknowledged_at: Instant | None = optional("When an operator took note of it.")
    acknowledged_by: Name | None = optional("Who did.")


class Tree(Record):
    """`trees/{root_task}`: what a task cost with everything it spawned."""

    c: dict[str, int] = Field(description="Counter -> sum over the tasks that name this root.")
    subtrees: dict[str, dict[str, int]] = Field(
        description="Task -> counters of what it spawned, where that named no root."
    )
    root: dict[str, int] = Field(description="The root task's own counters.")
    total: dict[str, int] = Field(description="Counter -> sum over the whole tree.")
    ratios: dict[str, float] = Field(description="cost_usd, true_to_naive, ... of the whole tree.")
    dirty: bool = Field(description="Whether it changed since it was last published.")
    open: bool = Field(description="Whether the root task may still change.")
    as_of: datetime = Field(description="What was counted until then is in `total`.")


class Learned(Record):
    """What the outcomes say of where the cliff is, see tachograph_schema.rotation.cliff."""

    status: Literal["learned", "none", "too_few"] = Field(
        description="A threshold is supported; none is seen; or there are too few runs to tell."
    )
    at_pct: int = Field(description="The threshold; where none is learned, the one looked at.")
    low_pct: int = Field(description="The data cannot tell it from any threshold from here,")
    high_pct: int = Field(description="to here.")
    runs_below: int = Field(description="Ended tasks that were worked on below it.")
    runs_above: int = Field(description="Ended tasks that never were.")
    bad_below: int = Field(description="Those below that failed, were reworked or retried.")
    bad_above: int = Field(description="Those above that failed, were reworked or retried.")
    worse_low: float = Field(description="How much larger the share of bad ends is below: at least")
    worse_high: float = Field(description="and at most; -1 to 1 where nothing is known.")
    needs_below: int = Field(description="How many more runs below it would be enough.")
    needs_above: int = Field(description="How many more above it.")
    runs: list[int] = Field(description="Ended tasks by their lowest context: 0-10 %, ...")
    bad: list[int] = Field(description="Those of them that ended badly.")


class Baseline(Record):
    """`baselines/{type}__{model}`: what is normal for a kind of task, and where the cliff is."""

    task_type: Name = Field(description="The kind of task.")
    model: Name = Field(description="The model.")
    runs: int = Field(description="Completed tasks it rests on.")
    days: int = Field(description="Days with work they come from, 28 at most.")
    quantiles: dict[str, dict[str, float]] = Field(
        description="tokens_total, steps, duration_ms, cost_nanousd -> n, p50, p95, p99."
    )
    as_of: Instant = Field(description="What was published until then is in it.")
    rotate_below_pct: Pct | None = optional("The threshold the outcomes support, when they do.")
    cliff: Learned | None = optional("How well they support it, or what is missing.")


class Rejected(Record):
    """`rejected/{key}`: what could not be counted, and why."""

    path: str = Field(description="The document.")
    update_time: str = Field(description="The version of it.")
    problems: list[str] = Field(description="FIELD is FOUND; expected ALLOWED.")
    rejected_at: Instant = Field(description="When.")
    expires_at: datetime | None = optional("When retention removes the entry.")


class SpanLink(Record):
    """A span of other work that a span points at."""

    span: int = Field(description="Index, in the batch, of the span that has the link.")
    trace_id: str = Field(description="The other's trace, 32 hex digits.")
    span_id: str = Field(description="The other span, 16 hex digits.")
    kind: Literal["predecessor"] = Field(description="What the other is to it.")


class TraceBatch(Record):
    """`traces/{trace}/batches/{batch}`: up to 1,000 spans of a trace in columns.

    A batch is what one process had to say of a task at once; several make up a trace, in any order.
    All columns are of one length and in pre-order: a parent is before its children. Where a parent
    is in no batch, it was not kept, or is told later.
    """

    began_us: int = Field(description="When the batch's first span began, since 1970.")
    task_id: list[str] = Field(description="The task each span belongs to.")
    agent_id: list[str] = Field(description="The agent that made it; empty where none did.")
    span_id: list[str] = Field(description="Ids, 16 hex digits.")
    parent: list[int] = Field(description="Index of the parent in this batch; -1 for none.")
    parents: dict[str, str] = Field(
        {}, description="Index -> id of its parent, where that is in another batch."
    )
    name: list[str] = Field(description="Names.")
    kind: list[str] = Field(
        description="agent, chain, llm, tool, retriever, embedding, guardrail or evaluator."
    )
    model: list[str] = Field(description="The model of a call; empty for what is none.")
    start_us: list[int] = Field(description="When each began, since `began_us`.")
    duration_us: list[int] = Field(description="How long it took.")
    tokens_in: list[int] = Field(description="All input tokens of a call, cached ones included.")
    tokens_out: list[int] = Field(description="Output tokens of a call.")
    cost_nanousd: list[int] = Field(description="Cost of a call; 0 where that is not known.")
    errors: dict[str, str] = Field({}, description="Index -> what kind of error it ended with.")
    links: list[SpanLink] = Field([], description="What spans point at, a successor's first.")
    content: dict[str, str] = Field(
        {}, description="Index -> preview, redacted, where the fleet wants contents on spans."
    )
    kept: Literal["error", "slow", "costly", "long", "retry", "share"] = Field(
        description="Why it was kept."
    )
    expires_at: datetime | None = optional("When retention removes the batch.")
