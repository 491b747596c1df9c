"""`fleets/{fleet}/sessions/{session}`: one context window, from start to rotation."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from tachograph_schema.fields import Count, Flag, Id, Instant, Name, Pct, Rate, Text, optional

SessionState = Literal["idle", "active", "waiting", "stuck", "error", "completed"]
EndReason = Literal["completed", "rotated", "crashed", "compacted"]

WORKING_STATES: Final[tuple[SessionState, ...]] = ("active", "waiting")
"""The states in which a session works on a task: only these can be stuck."""
OPEN_STATES: Final[tuple[SessionState, ...]] = (*WORKING_STATES, "stuck", "error", "idle")
"""The states of a session that is not over, in the order in which they are shown."""
HEARTBEATS_S: Final = (10, 60, 300, 1800)
"""The intervals that a session may promise: few, so that one query finds all that missed them."""


def _heartbeat(value: object) -> int:
    if isinstance(value, bool) or value not in HEARTBEATS_S:
        raise ValueError("10, 60, 300 or 1800 seconds")
    return int(value)


MAX_HISTORY_POINTS = 60
"""Of `context_history`: what a chart has room for, at under 1 kB."""

Heartbeat = Annotated[int, BeforeValidator(_heartbeat)]


class Session(BaseModel):
    """One context window. Sessions hold health, tasks hold money: nothing is counted twice."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    agent_id: Name | None = optional("The agent this window belongs to.")
    agent_role: Name | None = optional("What the agent is for.")
    agent_version: Name | None = optional("The agent's own version.")
    model: Name | None = optional("The model that fills the window.")
    provider: Name | None = optional("Who serves the model.")
    state: SessionState | None = optional("What the agent says it is doing.")
    waiting_for: Text | None = optional("What a waiting session waits for.")
    waiting_until: Instant | None = optional("Until when waiting is no cause for alarm.")
    waiting_max_ms: Count | None = optional(
        "The same, counted from the last progress: as an agent knows it that has no exact clock."
    )
    effective_state: Literal["stuck"] | None = optional(
        "What it does in fact, where that is not what it says; written by functions alone."
    )
    effective_since: Instant | None = optional("When that was found.")
    effective_progress_at: Instant | None = optional(
        "The progress it was judged by; with any other, it is over."
    )
    task_id: Id | None = optional("The task it works on.")
    task_type: Name | None = optional("The kind of that task: thresholds may depend on it.")
    started_at: Instant | None = optional("When the window was opened.")
    heartbeat_s: Heartbeat | None = optional(
        "It promises to write so often, in seconds: 10, 60, 300 or 1800; absent: no promise."
    )
    last_seen_at: Instant | None = optional("When the agent last wrote, by the database's clock.")
    last_progress_at: Instant | None = optional("When work last moved on, by the database's clock.")
    ended_at: Instant | None = optional("When the window was closed.")
    end_reason: EndReason | None = optional("Why it was closed.")
    context_window_tokens: Count | None = optional("How many tokens fit.")
    context_used_tokens: Count | None = optional("How many the last call held.")
    context_remaining_pct: Pct | None = optional("What is free, in percent.")
    context_source: Literal["agent", "fleet", "table"] | None = optional("Who said how many fit.")
    context_history: Text | None = optional(
        "How it filled: up to 60 times `SECONDS:PCT`, seconds since 1970 and percent left."
    )
    generation: Count | None = optional(
        "0 for a first window; one more with every rotation and every compaction in place."
    )
    predecessor_session_id: Id | None = optional("The session this one took over from.")
    handoff_ms: Count | None = optional(
        "From the predecessor's journal, or its last progress, to this one's first."
    )
    bootstrap_tokens: Count | None = optional("What it took to read itself in.")
    journal_ref: Name | None = optional("Where the predecessor left its notes.")
    tokens_per_s: Rate | None = optional("Output tokens a second, lately.")
    cost_nanousd: Count | None = optional("What this session spent, in nano-dollars; not summed.")
    runtime: Name | None = optional("claude-code, codex, langgraph, ...")
    host: Name | None = optional("Where it runs.")
    traceparent: Name | None = optional("The W3C trace context it was started with.")
    reported_at: Instant | None = optional("When what the latest write says happened.")
    voided: Flag | None = optional("True takes back what the session was counted for.")
