"""Pure: what one write of a session means for its signals, and for those of its predecessor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rotation.transitions import at_work
from tachograph_schema.documents.session import Session
from tachograph_schema.parsing import parse
from tachograph_schema.rotation.thresholds import Thresholds, context_left_pct, level, with_window


@dataclass(frozen=True, slots=True)
class Crossing:
    """The signals that a write of a session raises and may settle."""

    signal: Mapping[str, Any] | None
    """The fields of the signal to be raised, if the session is to rotate."""
    settles: tuple[str, ...]
    """The sessions whose signals the write may have settled."""


def read_session(fields: Mapping[str, Any], windows: Mapping[str, int]) -> Session:
    """Return a session; its window, where it states none, is that of the fleet's list."""
    return with_window(parse(Session, fields)[0], windows)


def decide(session_id: str, before: Session | None, after: Session, at: Thresholds) -> Crossing:
    """Decide what follows of a write of a session, by the session's thresholds."""
    signal = rotation_signal(session_id, after, at)
    return Crossing(signal, tuple(_settled(session_id, before, after, at)))


def rotation_signal(session_id: str, session: Session, at: Thresholds) -> dict[str, Any] | None:
    """Return the fields of the signal that tells a session to rotate; None where it is not to.

    The level after the write decides, not the step that led there: events come late, twice and out
    of order, and one that is lost must not lose the signal.
    """
    if session.ended_at or session.voided or level(session, at) != "rotate":
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


def _settled(
    session_id: str, before: Session | None, after: Session, at: Thresholds
) -> Iterator[str]:
    """Name the sessions whose signals a write may have settled.

    The session's own, when it ended, was compacted, or has room again; its predecessor's, when it
    made its first progress. The tick finds what an event that never came would have settled.
    """
    if before is not None and (
        bool(after.ended_at) > bool(before.ended_at)
        or (after.generation or 0) > (before.generation or 0)
        or (level(before, at) == "rotate" and level(after, at) != "rotate")
    ):
        yield session_id
    began = before is not None and at_work(before)
    if after.predecessor_session_id and at_work(after) and not began:
        yield after.predecessor_session_id
