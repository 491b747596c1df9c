"""Pure: what one write of a session means for its signals, and for those of its predecessor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from events.change import Version
from rotation.transitions import at_work
from tachograph_schema.documents.session import Session
from tachograph_schema.parsing import parse
from tachograph_schema.rotation.thresholds import Thresholds, context_left_pct, level


def read_session(version: Version | None) -> Session | None:
    """Return a session as a write left it; None where there is none."""
    return None if version is None else parse(Session, version.fields)[0]


def rotation_signal(
    session_id: str, session: Session | None, at: Thresholds
) -> dict[str, Any] | None:
    """Decide whether a session is to rotate: the signal's fields, or None.

    What counts is the level after the write, not the step: events come late, twice and out of
    order, and one that is lost must not lose the signal.
    """
    if session is None or session.ended_at or session.voided or level(session, at) != "rotate":
        return None
    fields = {
        "kind": "rotate",
        "status": "pending",
        "session_id": session_id,
        "agent_id": session.agent_id,
        "task_id": session.task_id,
        "task_type": session.task_type,
        "model": session.model,
        "generation": session.generation or 0,
        "context_remaining_pct": context_left_pct(session),
        "threshold_pct": at.rotate_pct,
        "traceparent": session.traceparent,
        "crossed_at": session.reported_at,
    }
    return {name: value for name, value in fields.items() if value is not None}


def concerned(
    session_id: str, before: Session | None, after: Session | None, at: Thresholds
) -> Iterator[str]:
    """Name the sessions whose signals a write may have settled.

    The session's own, when it ended, was compacted, or has room again; its predecessor's, when it
    made its first progress. What an event that never comes would have said, the tick finds.
    """
    if after is None:
        return
    if before is not None and (
        bool(after.ended_at) > bool(before.ended_at)
        or (after.generation or 0) > (before.generation or 0)
        or (level(before, at) == "rotate" and level(after, at) != "rotate")
    ):
        yield session_id
    begun = before is not None and at_work(before)
    if after.predecessor_session_id and at_work(after) and not begun:
        yield after.predecessor_session_id
