"""Pure: whether a session is well, stuck or lost, by the database's clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from tachograph_schema.documents.fleet import LivenessPolicy
from tachograph_schema.documents.session import (
    OPEN_STATES,
    WORKING_STATES,
    Session,
    SessionState,
)

Liveness = Literal["well", "stuck", "lost"]
LONGEST_TASK = timedelta(days=3650)
"""A task that says it takes longer is taken to take so long: a multiple of it must not overflow."""


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
    allowed = max(least, policy.stuck_factor * min(expected, LONGEST_TASK))
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
