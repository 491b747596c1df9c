"""Giving a queued task to a worker, unless it is not to be given any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from google.api_core.exceptions import (
    AlreadyExists,
    FailedPrecondition,
    NotFound,
    PermissionDenied,
)
from google.cloud import firestore

from tachograph.coordination.claims import CLAIMABLE, ClaimLost, Claims, claim_fields
from tachograph.coordination.messages import message_fields
from tachograph.firestore.retry import CONTENDED
from tachograph_schema.documents.session import OPEN_STATES
from tachograph_schema.documents.signal import OPEN_STATUSES
from tachograph_schema.paths import FLEETS, MESSAGES, SESSIONS, SIGNALS, TASKS, DocumentPath

DISPATCH = "dispatch"
"""The kind of the message by which a worker learns of its task."""
MAX_SESSIONS = 20

Reason = Literal["rotating", "ended", "absent"]
_WORDS: Mapping[Reason, str] = {
    "rotating": "it is told to rotate",
    "ended": "it has ended",
    "absent": "it has no open session",
}


class DispatchRefused(Exception):  # noqa: N818 - an everyday outcome, not an error
    """The worker is not to be given a task now."""

    def __init__(self, task_id: str, agent: str, session_id: str | None, reason: Reason) -> None:
        worker = f"{agent}, session {session_id}" if session_id else agent
        super().__init__(
            f"tasks/{task_id} to {worker}: {_WORDS[reason]}; expected an open session that stays"
        )
        self.task_id, self.agent, self.session_id = task_id, agent, session_id
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Worker:
    """A session that may be given a task."""

    session_id: str
    agent: str
    ended: bool
    rotating: bool
    started_at: datetime

    @property
    def refusal(self) -> Reason | None:
        """Why it is to be given none, if so."""
        if self.ended:
            return "ended"
        return "rotating" if self.rotating else None


def best(workers: Iterable[Worker]) -> Worker | None:
    """Choose among an agent's sessions: one that stays before one that goes, the newest first."""
    order = {None: 0, "rotating": 1, "ended": 2}
    known = sorted(workers, key=lambda worker: worker.started_at, reverse=True)
    return min(known, key=lambda worker: order[worker.refusal], default=None)


class Dispatcher:
    """Gives tasks of a fleet's queue to workers, for one session."""

    def __init__(self, claims: Claims) -> None:
        self._claims, self._client, self._fleet = claims, claims.client, claims.fleet

    def dispatch(
        self, task_id: str, agent: str, session_id: str | None = None, ref: str | None = None
    ) -> str:
        """Give a task to a worker's session and return that session's id."""
        workers = self._workers(agent, session_id)
        worker = best(workers)
        reason: Reason | None = "absent" if worker is None else worker.refusal
        if worker is None or reason is not None:
            at = worker.session_id if worker else session_id
            raise self._refused(DispatchRefused(task_id, agent, at, reason or "absent"))
        self._assign(task_id, worker, ref)
        return worker.session_id

    def _assign(self, task_id: str, worker: Worker, ref: str | None) -> None:
        """Claim the task for the worker and send it word, both or neither."""
        task = self._document(TASKS, task_id)
        found = task.get()
        while True:
            if not found.exists:
                raise LookupError(
                    f"tasks/{task_id} does not exist; create it with Fleet.create_task"
                )
            fields = found.to_dict() or {}
            if fields.get("session_id") == worker.session_id and fields.get("status") == "claimed":
                return
            if fields.get("status") not in CLAIMABLE:
                self._claims.collided(task_id, fields, None)
                raise ClaimLost(task_id, str(fields["status"]), fields.get("agent_id"))
            claimed = claim_fields(worker.agent, worker.session_id, found.read_time)
            word = message_fields(
                self._claims.agent,
                worker.agent,
                kind=DISPATCH,
                task_id=task_id,
                ref=ref,
                traceparent=fields.get("traceparent"),
            )
            batch = self._client.batch()
            unchanged = self._client.write_option(last_update_time=found.update_time)
            batch.update(task, claimed, option=unchanged)
            # Of this version of the task there is one dispatch at most, hence one word of it.
            name = f"{DISPATCH}_{task_id}_{found.update_time.timestamp():.6f}"
            batch.create(self._document(MESSAGES, name), word)
            try:
                batch.commit(retry=CONTENDED)
            except (AlreadyExists, FailedPrecondition, NotFound, PermissionDenied) as refusal:
                # Somebody wrote in between; perhaps this write, whose answer was lost.
                read, found = found, task.get()
                if isinstance(refusal, PermissionDenied) and found.update_time == read.update_time:
                    raise
            else:
                return

    def _workers(self, agent: str, session_id: str | None) -> list[Worker]:
        if session_id is not None:
            found = [self._document(SESSIONS, session_id).get()]
        else:
            sessions = self._client.collection(FLEETS, self._fleet, SESSIONS)
            open_ones = sessions.where(filter=_is("agent_id", "==", agent)).where(
                filter=_is("state", "in", OPEN_STATES)
            )
            found = open_ones.limit(MAX_SESSIONS).get()
        return [self._worker(agent, one.id, one.to_dict() or {}) for one in found if one.exists]

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
        signals = self._client.collection(FLEETS, self._fleet, SIGNALS)
        found = signals.where(filter=_is("session_id", "==", session_id)).get()
        return any(
            (signal.to_dict() or {}).get("kind") == "rotate"
            and (signal.to_dict() or {}).get("status") in OPEN_STATUSES
            for signal in found
        )

    def _refused(self, refused: DispatchRefused) -> DispatchRefused:
        """Tell of a refusal: one incident for each worker that did not take a task."""
        self._claims.incidents.tell(
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

    def _document(self, collection: str, name: str) -> firestore.DocumentReference:
        return self._client.document(str(DocumentPath(self._fleet, collection, name)))


def _is(field: str, relation: str, value: object) -> firestore.FieldFilter:
    return firestore.FieldFilter(field, relation, value)
