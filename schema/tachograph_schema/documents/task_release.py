"""Pure: the release of a task whose session is gone, and its return to a session."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

QUEUE: Final = "queue"
"""The reporter's name of a process that puts a task into the queue."""
ERROR_TYPE: Final = "session_lost"


def released(
    task: Mapping[str, Any], session: str, at: datetime, notes: str | None = None
) -> dict[str, Any]:
    """Return the fields that release a held task whose `session` is gone at `at`.

    A task is queued again if another agent can do it: it came from a queue, or its session left
    `notes`. A task that its session made for itself fails without notes: its instructions were in
    the session alone, so no agent could do it, and the queue would only seem to grow. Either way
    the task keeps its cost, and `regained` returns it to a session that is there after all.
    """
    if notes is not None or came_from_queue(task):
        return {"status": "queued", "queued_at": at, "lost_session_id": session}
    failed = {"status": "failed", "error_type": ERROR_TYPE, "completed_at": at}
    return {**failed, "lost_session_id": session}


def came_from_queue(task: Mapping[str, Any]) -> bool:
    """Tell whether a task was queued; one that no SDK wrote may have been."""
    reports = task.get("reports") or {}
    return task.get("claimed_at") is not None or QUEUE in reports or not reports


def regained(task: Mapping[str, Any], session: str) -> dict[str, Any]:
    """Return the fields that give a released task back to its session, which is there after all."""
    if task.get("lost_session_id") != session or task.get("status") not in ("queued", "failed"):
        return {}
    kept = {"status": "active", "lost_session_id": None, "queued_at": None}
    if task.get("error_type") == ERROR_TYPE:
        kept |= {"error_type": None, "completed_at": None}
    return kept


def retried(task: Mapping[str, Any], session: str) -> dict[str, Any]:
    """Return the fields of a retry: a session takes up a task that another one lost.

    Returns nothing for any other task. It is the next attempt, and the session's spend on it is
    the retry's cost. The count of `retries` grows by one, too.
    """
    if task.get("lost_session_id") in (None, session):
        return {}
    return {
        "attempt": (task.get("attempt") or 1) + 1,
        "attempt_kind": "retry",
        "retry_session_id": session,
        "lost_session_id": None,
    }


def lost_to_another(task: Mapping[str, Any], session: str) -> bool:
    """Tell whether another session has a task that this one lost."""
    holder = task.get("session_id")
    if holder in (None, session):
        return False
    return task.get("lost_session_id") == session or task.get("retry_session_id") == holder
