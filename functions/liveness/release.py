"""tasks/ of a lost session: released together with the session's end."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import Aborted, FailedPrecondition, NotFound
from google.cloud import firestore

from runtime.cache import Cache
from runtime.firestore import equals, fields_of, pages, unchanged
from tachograph_schema.documents.session import Session
from tachograph_schema.documents.task import HELD_STATUSES
from tachograph_schema.documents.task_release import released
from tachograph_schema.paths import FLEETS, TASKS

if TYPE_CHECKING:
    _Snapshot = firestore.DocumentSnapshot[Any]

_log = logging.getLogger(__name__)
MAX_TASKS = 400
"""Released in one commit, which holds 500 writes; a session that holds more is closed by and by."""
MAX_READ = 2_000
"""Tasks that name a session, whoever's they are, and are read in one tick."""
_MAX_CONFLICTS = 10
_read_to: Cache[str, _Snapshot] = Cache(1_000)
"""By session: the last task that was read, where more of them name it."""


@dataclass(frozen=True, slots=True)
class _Held:
    """The tasks to release in one commit, and whether the session holds no others."""

    tasks: list[_Snapshot]
    whole: bool
    read_to: _Snapshot | None = None


def close_lost(
    db: firestore.Client, fleet: str, lost: _Snapshot, session: Session, now: datetime
) -> bool:
    """Release the tasks that a lost session holds and close it, in one commit; True once it is.

    A task is released as it was read: one that was taken over, or has ended, is left alone. What
    was spent on it stays. A task of another agent is not released: its agent may have named a
    session without a document, and anybody may create one by that name. A session that more tasks
    name than one tick reads stays open until the last of them is read.

    A session that was written since it was judged is left to the next tick. Where a task was, all
    is read again: whoever adds to a task all the time, as anybody may, keeps no session open.
    """
    for _ in range(_MAX_CONFLICTS):
        held = _held(db, fleet, lost.id, session.agent_id, _read_to.get(lost.reference.path))
        with suppress(Aborted, FailedPrecondition, NotFound):
            _commit(db, lost, session, held, now)
            return held.whole
        if lost.reference.get().update_time != lost.update_time:
            return False
    return False


def _commit(
    db: firestore.Client, lost: _Snapshot, session: Session, held: _Held, now: datetime
) -> None:
    batch, path = db.batch(), lost.reference.path
    for task in held.tasks:
        fields = released(fields_of(task), lost.id, now)
        batch.update(task.reference, fields, option=unchanged(task))
    if held.whole:
        batch.update(lost.reference, end_of(lost, session), option=unchanged(lost))
    if len(batch):
        batch.commit()
    if held.read_to is not None:
        _read_to.put(path, held.read_to)
    _log.warning("%s is lost; released: %s", path, [task.id for task in held.tasks])


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


def _held(
    db: firestore.Client, fleet: str, session: str, agent: str | None, after: _Snapshot | None
) -> _Held:
    """Read the tasks that a session holds: its agent's, and those that name no agent."""
    holds = firestore.And(
        [
            equals("session_id", session),
            firestore.FieldFilter("status", "in", HELD_STATUSES),
        ]
    )
    named = db.collection(FLEETS, fleet, TASKS).where(filter=holds)
    named = named.select(["claimed_at", "reports", "agent_id"])
    found = list(named.limit(MAX_TASKS).stream())
    if agent is None or len(found) < MAX_TASKS:
        tasks = [task for task in found if agent is None or _agent(task) in (None, agent)]
        return _Held(tasks, whole=len(found) < MAX_TASKS)
    return _among_many(named, agent, after)


def _among_many(named: firestore.Query, agent: str, after: _Snapshot | None) -> _Held:
    """Read the tasks of an agent, and those without one, among many that name its session.

    The agent's are asked for, so that no crowd of others hides them. No query finds a field that is
    not there: those without an agent are looked for in all of them, from where the last tick left.
    """
    own = list(named.where(filter=equals("agent_id", agent)).limit(MAX_TASKS).stream())
    room = MAX_TASKS - len(own)
    if room == 0:
        return _Held(own, whole=False)
    ordered = named.order_by("__name__")
    rest = ordered if after is None else ordered.start_after(after)
    read = list(islice(pages(rest), MAX_READ))
    nobodys = [task for task in read if _agent(task) is None]
    more, fits = len(read) == MAX_READ, len(nobodys) <= room
    return _Held(
        [*own, *nobodys[:room]],
        whole=fits and not more,
        read_to=read[-1] if fits and more else None,
    )


def _agent(task: _Snapshot) -> object:
    return fields_of(task).get("agent_id")
