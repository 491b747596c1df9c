"""Taking over from a session that was rotated away: by exactly one successor.

Clocks that are wrong by minutes make no difference: instants are the database's, and durations are
measured by one clock.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import FailedPrecondition, NotFound
from google.cloud import firestore

from tachograph.coordination.claims import CLAIMABLE, ClaimedTask
from tachograph.errors import SuccessionTaken
from tachograph.firestore.pace import CONTENDED
from tachograph_schema.documents.signal import OPEN_STATUSES
from tachograph_schema.documents.task import HELD_STATUSES
from tachograph_schema.paths import FLEETS, SESSIONS, SIGNALS, TASKS, DocumentPath

if TYPE_CHECKING:
    _Snapshot = firestore.DocumentSnapshot[Any]

_log = logging.getLogger("tachograph")


@dataclass(frozen=True, slots=True)
class Inherited:
    """The session to take over from, as the environment names it."""

    signal: str | None
    predecessor: str | None


@dataclass(frozen=True, slots=True)
class Succession:
    """The session, the task and the notes that a session took over."""

    predecessor_id: str
    signal_id: str | None
    agent: str | None
    task_id: str | None
    journal: str | None
    generation: int
    traceparent: str | None
    since: datetime | None
    """The instant of the predecessor's notes, or else of its last progress."""
    claimed_at: datetime
    claimed_s: float
    """The same instant by this process's monotonic clock."""

    @property
    def fields(self) -> dict[str, Any]:
        """The new session's fields that come from its predecessor."""
        return {
            "predecessor_session_id": self.predecessor_id,
            "generation": self.generation,
            "traceparent": self.traceparent,
            "journal_ref": self.journal,
        }

    def handoff_ms(self) -> int | None:
        """Return the milliseconds since the predecessor stopped; None where that is unknown."""
        if self.since is None:
            return None
        before = max(timedelta(0), self.claimed_at - self.since)
        return round(1000 * (before.total_seconds() + time.monotonic() - self.claimed_s))


def inherited(environment: MutableMapping[str, str], fleet: str) -> Inherited | None:
    """Take the predecessor of this process in a fleet out of an environment.

    So the first session inherits it, and no second session and no child process does.
    """
    if environment.get("TACHOGRAPH_FLEET") != fleet:
        return None
    signal = environment.pop("TACHOGRAPH_SIGNAL", None)
    predecessor = environment.pop("TACHOGRAPH_PREDECESSOR", None)
    if not signal and not predecessor:
        return None
    return Inherited(signal or None, predecessor or None)


def to_succeed(session_id: str | None, fleet: str) -> Inherited | None:
    """Return the predecessor of a session: as given, else as the environment names it."""
    return Inherited(None, session_id) if session_id else inherited(os.environ, fleet)


def succeed(
    client: firestore.Client, fleet: str, predecessor: Inherited, session_id: str
) -> Succession:
    """Claim a succession, so that no other session can.

    A predecessor without a signal cannot be claimed: the new session only links to it. Raises
    SuccessionTaken, or LookupError where neither the signal nor the session exists.
    """
    signals = client.collection(FLEETS, fleet, SIGNALS)
    snapshot: _Snapshot | None
    if predecessor.signal is not None:
        snapshot = signals.document(predecessor.signal).get()
    else:
        snapshot = _latest(signals, predecessor.predecessor or "")
    if snapshot is not None and not snapshot.exists:
        raise LookupError(
            f"{snapshot.reference.path} does not exist; expected a signal to take over by"
        )
    signal: Mapping[str, Any] = {} if snapshot is None else snapshot.to_dict() or {}
    predecessor_id = str(signal.get("session_id") or predecessor.predecessor)
    session = client.document(str(DocumentPath(fleet, SESSIONS, predecessor_id))).get()
    if not session.exists and not signal:
        raise LookupError(
            f"{session.reference.path} does not exist; expected a session to take over from"
        )
    claimed_at: datetime | None = None
    if snapshot is not None:  # last, because nothing may fail after the claim
        snapshot, claimed_at = _claim(client, snapshot, session_id)
        signal = snapshot.to_dict() or {}
    fields = session.to_dict() or {}
    journaled_at = signal.get("journaled_at")
    source = signal if journaled_at is not None else fields
    return Succession(
        predecessor_id=predecessor_id,
        signal_id=None if snapshot is None else snapshot.id,
        agent=fields.get("agent_id") or signal.get("agent_id"),
        task_id=source.get("task_id"),
        journal=signal.get("journal_ref") or fields.get("journal_ref"),
        generation=int(fields.get("generation") or signal.get("generation") or 0) + 1,
        traceparent=fields.get("traceparent") or signal.get("traceparent"),
        since=journaled_at or _last_progress(session),
        claimed_at=claimed_at or session.read_time,
        claimed_s=time.monotonic(),
    )


def take_over(
    client: firestore.Client, fleet: str, succession: Succession, agent: str, session_id: str
) -> ClaimedTask | None:
    """Take the predecessor's task, unless it has ended or another session has it.

    One write with a precondition names the new session and counts the rotation. So a rotation
    counts once, and exactly one session gets the task.
    """
    if succession.task_id is None:
        return None
    snapshot = client.document(str(DocumentPath(fleet, TASKS, succession.task_id))).get()
    while snapshot.exists:
        fields = snapshot.to_dict() or {}
        holder, status = fields.get("session_id"), fields.get("status")
        if holder == session_id:
            return ClaimedTask(snapshot.id, fields, snapshot.update_time)
        inherits = status in HELD_STATUSES and holder in (succession.predecessor_id, None)
        if not inherits and status not in CLAIMABLE:
            return None
        taken = _taken(fields, succession, agent, session_id, snapshot.read_time)
        try:
            unchanged = client.write_option(last_update_time=snapshot.update_time)
            written = snapshot.reference.update(taken, option=unchanged, retry=CONTENDED)
        except (FailedPrecondition, NotFound):
            snapshot = snapshot.reference.get()
        else:
            return ClaimedTask(snapshot.id, {**fields, **taken}, written.update_time)
    return None


def _taken(
    fields: Mapping[str, Any],
    succession: Succession,
    agent: str,
    session_id: str,
    now: datetime,
) -> dict[str, Any]:
    handed_over = succession.agent is not None and succession.agent != agent
    return {
        "status": "active",
        "session_id": session_id,
        "agent_id": agent,
        "attempt_kind": "rotation",
        "rotations": (fields.get("rotations") or 0) + 1,
        "reported_at": now,
        **({"handoffs": (fields.get("handoffs") or 0) + 1} if handed_over else {}),
        **({} if fields.get("claimed_at") else {"claimed_at": now}),
    }


def _claim(
    client: firestore.Client, snapshot: _Snapshot, session_id: str
) -> tuple[_Snapshot, datetime]:
    """Write this session's name on a signal without one; return the signal and the instant."""
    while True:
        fields = snapshot.to_dict() or {}
        holder = fields.get("successor_session_id")
        if holder == session_id:
            return snapshot, snapshot.read_time
        if holder is not None:
            raise _taken_by(snapshot, f"sessions/{holder} has taken over")
        if fields.get("status") not in OPEN_STATUSES:
            raise _taken_by(snapshot, f"it is {fields.get('status')}")
        mine = {"successor_session_id": session_id, "succeeded_at": firestore.SERVER_TIMESTAMP}
        try:
            unchanged = client.write_option(last_update_time=snapshot.update_time)
            written = snapshot.reference.update(mine, option=unchanged, retry=CONTENDED)
        except FailedPrecondition:
            snapshot = snapshot.reference.get()
        else:
            return snapshot, written.update_time


def _taken_by(snapshot: _Snapshot, holder: str) -> SuccessionTaken:
    taken = SuccessionTaken(f"signals/{snapshot.id}", holder)
    _log.warning("%s", taken)
    return taken


def _latest(signals: firestore.CollectionReference, predecessor: str) -> _Snapshot | None:
    """Return the newest rotation of a session; None where none is under way or done."""
    own = firestore.FieldFilter("session_id", "==", predecessor)
    rotations = [each for each in signals.where(filter=own).get() if _counts(each.to_dict() or {})]
    return max(rotations, key=lambda snapshot: snapshot.get("created_at"), default=None)


def _counts(signal: Mapping[str, Any]) -> bool:
    """Tell whether a rotation is under way or done; an expired one without successor is neither."""
    begun = signal.get("status") in OPEN_STATUSES or signal.get("successor_session_id") is not None
    return signal.get("kind") == "rotate" and begun


def _last_progress(session: _Snapshot) -> datetime | None:
    """Return when a session made its last progress, by the database's clock.

    The time without progress before the last write is the difference of two fields of the agent.
    """
    fields = session.to_dict() or {}
    seen, moved = fields.get("last_seen_at"), fields.get("last_progress_at")
    if seen is None or moved is None:
        return None
    without_progress: timedelta = max(timedelta(0), seen - moved)
    written_at: datetime = session.update_time
    return written_at - without_progress
