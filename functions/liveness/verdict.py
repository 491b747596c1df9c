"""Pure: whether a session is well, stuck or lost, by the database's clock.

An agent's clock may be wrong by minutes and a replay speaks of last week, so what an agent says of
time is only ever compared with what it says of time itself: how long it made no progress is how
long nothing was written, by the database, and how long it had made none when it wrote, by itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from tachograph_schema.documents.fleet import LivenessPolicy
from tachograph_schema.documents.session import Session

Verdict = Literal["well", "stuck", "lost"]

WORKING = ("active", "waiting")
OPEN = ("idle", *WORKING, "stuck", "error")


def verdict(
    session: Session,
    written_at: datetime,
    expected: timedelta | None,
    policy: LivenessPolicy,
    now: datetime,
) -> Verdict:
    """Judge a session that was last written at `written_at`; `expected` is its task's duration.

    Lost beats stuck. Stuck stays stuck until the session tells of progress, or stops working: the
    functions' own writes of it are no sign of life.
    """
    if session.state not in OPEN or session.ended_at is not None or session.voided:
        return "well"
    if now - written_at > may_be_silent(session, written_at, policy):
        return "lost"
    if session.state not in WORKING or session.last_progress_at is None:
        return "well"
    if session.effective_state == "stuck":
        moved = session.last_progress_at != session.effective_progress_at
        return "well" if moved else "stuck"
    still = standstill(session, written_at, now)
    return "stuck" if still > may_stand_still(session, written_at, expected, policy) else "well"


def may_be_silent(session: Session, written_at: datetime, policy: LivenessPolicy) -> timedelta:
    """Return how long a session may write nothing until it counts as lost."""
    if session.heartbeat_s is not None:
        return timedelta(seconds=session.heartbeat_s * policy.missed_heartbeats)
    return max(timedelta(hours=policy.lost_after_h), _still_waits(session, written_at))


def standstill(session: Session, written_at: datetime, now: datetime) -> timedelta:
    """Return how long a session has made no progress."""
    silent = now - written_at
    if session.last_progress_at is None or session.last_seen_at is None:
        return silent
    return silent + max(timedelta(0), session.last_seen_at - session.last_progress_at)


def may_stand_still(
    session: Session, written_at: datetime, expected: timedelta | None, policy: LivenessPolicy
) -> timedelta:
    """Return how long a session may make no progress until it counts as stuck.

    That is `stuck_factor` times the task's expected duration, and no less than a wait it declared.
    """
    if expected is None:
        expected = timedelta(seconds=policy.expected_duration_s)
    least = timedelta(seconds=policy.stuck_after_min_s)
    allowed = max(least, policy.stuck_factor * expected)
    if session.state != "waiting":
        return allowed
    if session.waiting_max_ms is not None:
        allowed = max(allowed, timedelta(milliseconds=session.waiting_max_ms))
    still_waits = _still_waits(session, written_at)
    if still_waits:
        allowed = max(allowed, standstill(session, written_at, written_at) + still_waits)
    return allowed


def _still_waits(session: Session, written_at: datetime) -> timedelta:
    """Return how much longer it meant to wait when it was written: `waiting_until` is its own."""
    if session.state != "waiting" or session.waiting_until is None:
        return timedelta(0)
    said_at = session.last_seen_at or session.reported_at or written_at
    return max(timedelta(0), session.waiting_until - said_at)
