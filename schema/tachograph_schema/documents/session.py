"""`fleets/{fleet}/sessions/{session}`: one context window, and whether it is stuck or lost."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from tachograph_schema.documents.fleet import LivenessPolicy
from tachograph_schema.fields import Count, Flag, Instant, Name, Pct, Rate, Text, optional

SessionState = Literal["idle", "active", "waiting", "stuck", "error", "completed"]
EndReason = Literal["completed", "rotated", "crashed", "compacted"]
Liveness = Literal["well", "stuck", "lost"]

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
    task_id: Name | None = optional("The task it works on.")
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
    predecessor_session_id: Name | None = optional("The session this one took over from.")
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


def shown_state(session: Session) -> SessionState:
    """Return what a session does: `stuck` where functions found it so, else what it reports."""
    return "stuck" if is_stuck(session) else session.state or "idle"


def is_stuck(session: Session) -> bool:
    """Tell whether functions found a session stuck and it has made no progress since."""
    return (
        is_working(session)
        and session.effective_state == "stuck"
        and session.last_progress_at == session.effective_progress_at
    )


def is_working(session: Session) -> bool:
    """Tell whether an open session is at work and says when it last made progress."""
    at_work = session.state in WORKING_STATES and session.last_progress_at is not None
    return at_work and _is_open(session)


def liveness(
    session: Session,
    written_at: datetime,
    expected: timedelta | None,
    policy: LivenessPolicy,
    now: datetime,
) -> Liveness:
    """Judge a session by the database's clock.

    An agent's clock may be wrong by minutes and a replay reports last week's instants, so an
    agent's instants are only compared with each other. A session has stood still for as long as
    the database saw no write, plus the time it had stood still, by its own clock, at that write.

    Lost beats stuck. A stuck session stays stuck until it reports progress or stops working,
    because the functions' own writes of it are no sign of life.

    - `session`: as it was last written
    - `written_at`: when it was last written, by an agent or by the functions
    - `expected`: how long its task should take; None means the policy's `expected_duration_s`
    - `policy`: the fleet's limits
    - `now`: the database's time
    """
    if not _is_open(session):
        return "well"
    if now - written_at > _may_be_silent(session, written_at, policy):
        return "lost"
    if not is_working(session):
        return "well"
    if session.effective_state == "stuck":
        return "stuck" if is_stuck(session) else "well"
    still = _standstill(session, written_at, now)
    return "stuck" if still > _may_stand_still(session, written_at, expected, policy) else "well"


def _is_open(session: Session) -> bool:
    return session.state in OPEN_STATES and session.ended_at is None and not session.voided


def _may_be_silent(session: Session, written_at: datetime, policy: LivenessPolicy) -> timedelta:
    """Return how long a session may write nothing until it counts as lost."""
    if session.heartbeat_s is not None:
        return timedelta(seconds=session.heartbeat_s * policy.missed_heartbeats)
    return max(timedelta(hours=policy.lost_after_h), _rest_of_wait(session, written_at))


def _standstill(session: Session, written_at: datetime, now: datetime) -> timedelta:
    """Return how long a session has made no progress."""
    silent = now - written_at
    if session.last_progress_at is None or session.last_seen_at is None:
        return silent
    return silent + max(timedelta(0), session.last_seen_at - session.last_progress_at)


def _may_stand_still(
    session: Session, written_at: datetime, expected: timedelta | None, policy: LivenessPolicy
) -> timedelta:
    """Return how long a session may make no progress until it counts as stuck.

    That is `stuck_factor` times the task's expected duration, and no less than a declared wait.
    """
    if expected is None:
        expected = timedelta(seconds=policy.expected_duration_s)
    least = timedelta(seconds=policy.stuck_after_min_s)
    allowed = max(least, policy.stuck_factor * expected)
    if session.state != "waiting":
        return allowed
    if session.waiting_max_ms is not None:
        allowed = max(allowed, timedelta(milliseconds=session.waiting_max_ms))
    rest = _rest_of_wait(session, written_at)
    if rest:
        allowed = max(allowed, _standstill(session, written_at, written_at) + rest)
    return allowed


def _rest_of_wait(session: Session, written_at: datetime) -> timedelta:
    """Return how much longer the session meant to wait when it was written, by its own clock."""
    if session.state != "waiting" or session.waiting_until is None:
        return timedelta(0)
    reported_at = session.last_seen_at or session.reported_at or written_at
    return max(timedelta(0), session.waiting_until - reported_at)
