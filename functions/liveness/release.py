"""tasks/ of a lost session: released together with the session's end."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import Aborted, FailedPrecondition, NotFound
from google.cloud import firestore

from runtime.firestore import equals, fields_of
from tachograph_schema.documents.session import Session
from tachograph_schema.documents.task import HELD_STATUSES
from tachograph_schema.documents.task_release import released
from tachograph_schema.paths import FLEETS, TASKS

if TYPE_CHECKING:
    _Snapshot = firestore.DocumentSnapshot[Any]

_log = logging.getLogger(__name__)
MAX_TASKS = 400
"""Released in one commit, which holds 500 writes; a session that holds more is closed by and by."""


def close_lost(
    db: firestore.Client, fleet: str, lost: _Snapshot, session: Session, now: datetime
) -> bool:
    """Close a lost session and release the tasks it holds, in one commit; False where it moved.

    A task is released as it was read: one that was taken over, or has ended, is left alone. What
    was spent on it stays. A task of another agent is not released: its agent may have named a
    session without a document, and anybody may create one by that name.
    """
    held = _held(db, fleet, lost.id, session.agent_id)
    batch = db.batch()
    for task in held:
        fields = released(fields_of(task), lost.id, now)
        batch.update(task.reference, fields, option=_as_read(db, task))
    if len(held) < MAX_TASKS:
        batch.update(lost.reference, end_of(lost, session), option=_as_read(db, lost))
    with suppress(Aborted, FailedPrecondition, NotFound):
        batch.commit()
        _log.warning("%s is lost; released: %s", lost.reference.path, [t.id for t in held])
        return True
    return False


def end_of(lost: _Snapshot, session: Session) -> dict[str, Any]:
    """Return the fields that end a session at the time it was last seen.

    A session that missed its heartbeats, or was at work, has crashed. A session that was idle and
    promised no heartbeat has completed.
    """
    crashed = session.heartbeat_s is not None or session.state != "idle"
    written_at = lost.update_time
    return {
        "state": "completed",
        "ended_at": min(session.last_seen_at or written_at, written_at),
        "end_reason": "crashed" if crashed else "completed",
        "effective_state": firestore.DELETE_FIELD,
        "effective_since": firestore.DELETE_FIELD,
        "effective_progress_at": firestore.DELETE_FIELD,
    }


def _held(db: firestore.Client, fleet: str, session: str, agent: str | None) -> list[_Snapshot]:
    tasks = db.collection(FLEETS, fleet, TASKS)
    holds = firestore.And(
        [
            equals("session_id", session),
            firestore.FieldFilter("status", "in", HELD_STATUSES),
        ]
    )
    fields = ["claimed_at", "reports", "agent_id"]
    held = tasks.where(filter=holds).select(fields).limit(MAX_TASKS).stream()
    return [t for t in held if agent is None or fields_of(t).get("agent_id") in (None, agent)]


def _as_read(db: firestore.Client, read: _Snapshot) -> Any:  # noqa: ANN401 - the client's own
    return db.write_option(last_update_time=read.update_time)
