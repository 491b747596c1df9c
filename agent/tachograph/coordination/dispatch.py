"""Giving a queued task to a worker that can take one."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.api_core.exceptions import (
    FailedPrecondition,
    NotFound,
    PermissionDenied,
)
from google.cloud import firestore

from tachograph.coordination.claims import CLAIMABLE, Claims, claim_fields
from tachograph.coordination.messages import message_fields
from tachograph.errors import ClaimLost, DispatchRefusal, DispatchRefused
from tachograph.firestore.pace import CONTENDED
from tachograph_schema.documents.session import OPEN_STATES
from tachograph_schema.documents.signal import OPEN_STATUSES
from tachograph_schema.paths import MESSAGES, SESSIONS, SIGNALS, TASKS

DISPATCH = "dispatch"
"""The kind of the message that gives a worker its task."""
MAX_SESSIONS = 20


@dataclass(frozen=True, slots=True)
class Worker:
    """A session that may be given a task."""

    session_id: str
    agent: str
    ended: bool
    rotating: bool
    started_at: datetime

    @property
    def refusal(self) -> DispatchRefusal | None:
        """The reason to give it no task; None where it can take one."""
        if self.ended:
            return "ended"
        return "rotating" if self.rotating else None


def best(workers: Iterable[Worker]) -> Worker | None:
    """Choose a session of an agent: one that stays before one that rotates, the newest first."""
    order = {None: 0, "rotating": 1, "ended": 2}
    newest_first = sorted(workers, key=lambda worker: worker.started_at, reverse=True)
    return min(newest_first, key=lambda worker: order[worker.refusal], default=None)


class Dispatcher:
    """Gives tasks of a fleet's queue to workers, for one session."""

    def __init__(self, claims: Claims) -> None:
        self._claims, self._database = claims, claims.database

    def dispatch(
        self, task_id: str, agent: str, session_id: str | None = None, ref: str | None = None
    ) -> str:
        """Give a task to a worker's session and return that session's id."""
        workers = self._workers(agent, session_id)
        worker = best(workers)
        reason: DispatchRefusal | None = "absent" if worker is None else worker.refusal
        if worker is None or reason is not None:
            at = worker.session_id if worker else session_id
            raise self._refused(DispatchRefused(task_id, agent, at, reason or "absent"))
        self._assign(task_id, worker, ref)
        return worker.session_id

    def _assign(self, task_id: str, worker: Worker, ref: str | None) -> None:
        """Claim the task for the worker and send it a message, both or neither."""
        task = self._database.reference(TASKS, task_id)
        snapshot = task.get()
        while True:
            if not snapshot.exists:
                raise LookupError(
                    f"{task.path} does not exist; expected a task of this fleet, "
                    "as Fleet.create_task creates it"
                )
            fields = snapshot.to_dict() or {}
            if fields.get("session_id") == worker.session_id and fields.get("status") == "claimed":
                return
            if fields.get("status") not in CLAIMABLE:
                self._claims.collided(task_id, fields, None)
                raise ClaimLost(task_id, str(fields["status"]), fields.get("agent_id"))
            claimed = claim_fields(worker.agent, worker.session_id, snapshot.read_time)
            message = message_fields(
                self._claims.agent,
                worker.agent,
                kind=DISPATCH,
                task_id=task_id,
                ref=ref,
                traceparent=fields.get("traceparent"),
            )
            batch = self._database.client.batch()
            unchanged = self._database.client.write_option(last_update_time=snapshot.update_time)
            batch.update(task, claimed, option=unchanged)
            # A version of the task has at most one dispatch, hence one message. Nobody can foresee
            # its id, and so hold up the dispatch by a message of that id.
            batch.create(self._database.reference(MESSAGES, uuid.uuid4().hex), message)
            try:
                batch.commit(retry=CONTENDED)
            except (FailedPrecondition, NotFound, PermissionDenied) as refusal:
                # Another write came first; perhaps this one, whose answer was lost.
                before, snapshot = snapshot, task.get()
                denied = isinstance(refusal, PermissionDenied)
                if denied and snapshot.update_time == before.update_time:
                    raise
            else:
                return

    def _workers(self, agent: str, session_id: str | None) -> list[Worker]:
        if session_id is not None:
            snapshots = [self._database.reference(SESSIONS, session_id).get()]
        else:
            sessions = self._database.collection(SESSIONS)
            open_ones = sessions.where(filter=_is("agent_id", "==", agent)).where(
                filter=_is("state", "in", OPEN_STATES)
            )
            snapshots = open_ones.limit(MAX_SESSIONS).get()
        return [
            self._worker(agent, session.id, session.to_dict() or {})
            for session in snapshots
            if session.exists
        ]

    def _worker(self, agent: str, session_id: str, fields: Mapping[str, Any]) -> Worker:
        ended = fields.get("ended_at") is not None or fields.get("state") == "completed"
        return Worker(
            session_id,
            fields.get("agent_id") or agent,
            ended,
            not ended and self._rotates(session_id),
            fields.get("started_at") or datetime.fromtimestamp(0, UTC),
        )

    def _rotates(self, session_id: str) -> bool:
        own = self._database.collection(SIGNALS).where(filter=_is("session_id", "==", session_id))
        return any(
            (signal.to_dict() or {}).get("kind") == "rotate"
            and (signal.to_dict() or {}).get("status") in OPEN_STATUSES
            for signal in own.get()
        )

    def _refused(self, refused: DispatchRefused) -> DispatchRefused:
        """Write a refusal as an incident: one for each worker that did not take a task."""
        self._claims.incidents.write(
            "dispatch_refused",
            refused.task_id,
            refused.session_id or refused.agent,
            refused.reason,
            self._claims.session_id,
            task_id=refused.task_id,
            other_agent_id=refused.agent,
            other_session_id=refused.session_id,
            reason=refused.reason,
        )
        return refused


def _is(field: str, relation: str, value: object) -> firestore.FieldFilter:
    return firestore.FieldFilter(field, relation, value)
