"""Taking over from a session that was rotated away: by exactly one successor.

A clock that is wrong by minutes makes no difference: instants are the database's, or how long
something took by one clock.
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

from tachograph.coordination.claims import CLAIMABLE, Taken
from tachograph.firestore.retry import CONTENDED
from tachograph_schema.documents.signal import OPEN_STATUSES
from tachograph_schema.documents.task import HELD_STATUSES
from tachograph_schema.paths import FLEETS, SESSIONS, SIGNALS, TASKS, DocumentPath

if TYPE_CHECKING:
    _Snapshot = firestore.DocumentSnapshot[Any]

_log = logging.getLogger("tachograph")


class SuccessionTaken(SystemExit):
    """Another session has taken over, or there is nothing to take over any more.

    A process that was started to succeed has nothing to do then: unless this is caught, it ends
    with status 0.
    """

    def __init__(self, what: str, holder: str) -> None:
        super().__init__(0)
        self.words = f"{what}: {holder}; nothing is left to take over"

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True, slots=True)
class Inherited:
    """What the environment says of the session to take over from."""

    signal: str | None
    predecessor: str | None


@dataclass(frozen=True, slots=True)
class Succession:
    """What a session took over."""

    predecessor_id: str
    signal_id: str | None
    agent: str | None
    task_id: str | None
    journal: str | None
    generation: int
    traceparent: str | None
    since: datetime | None
    """When the predecessor had left its notes, or made its last progress."""
    claimed_at: datetime
    claimed_s: float
    """The same instant by this process's monotonic clock."""

    @property
    def told(self) -> dict[str, Any]:
        """The new session's fields that come from its predecessor."""
        return {
            "predecessor_session_id": self.predecessor_id,
            "generation": self.generation,
            "traceparent": self.traceparent,
            "journal_ref": self.journal,
        }

    def handoff_ms(self) -> int | None:
        """Return how long it took until now; None where nobody knows since when."""
        if self.since is None:
            return None
        before = max(timedelta(0), self.claimed_at - self.since)
        return round(1000 * (before.total_seconds() + time.monotonic() - self.claimed_s))


def inherited(environment: MutableMapping[str, str], fleet: str) -> Inherited | None:
    """Take out of an environment whom this process succeeds in a fleet: its first session does.

    Neither a second session nor a process it starts inherits that.
    """
    if environment.get("TACHOGRAPH_FLEET") != fleet:
        return None
    signal = environment.pop("TACHOGRAPH_SIGNAL", None)
    predecessor = environment.pop("TACHOGRAPH_PREDECESSOR", None)
    if not signal and not predecessor:
        return None
    return Inherited(signal or None, predecessor or None)


def to_succeed(session_id: str | None, fleet: str) -> Inherited | None:
    """Return whom a session succeeds: as it is told, else as the environment says."""
    return Inherited(None, session_id) if session_id else inherited(os.environ, fleet)


def succeed(client: firestore.Client, fleet: str, whom: Inherited, session_id: str) -> Succession:
    """Claim a succession, so that no other session can.

    Where the predecessor has no signal there is nothing to claim, and it is linked alone. Raises
    SuccessionTaken, or LookupError where there is neither signal nor session.
    """
    signals = client.collection(FLEETS, fleet, SIGNALS)
    found: _Snapshot | None
    if whom.signal is not None:
        found = signals.document(whom.signal).get()
    else:
        found = _latest(signals, whom.predecessor or "")
    if found is not None and not found.exists:
        raise LookupError(f"signals/{whom.signal} does not exist; expected one to take over by")
    signal: Mapping[str, Any] = {} if found is None else found.to_dict() or {}
    predecessor_id = str(signal.get("session_id") or whom.predecessor)
    session = client.document(str(DocumentPath(fleet, SESSIONS, predecessor_id))).get()
    if not session.exists and not signal:
        raise LookupError(f"sessions/{predecessor_id} does not exist; expected one to take over")
    claimed_at: datetime | None = None
    if found is not None:  # last, since nothing may fail once it is claimed
        found, claimed_at = _claim(client, found, session_id)
        signal = found.to_dict() or {}
    fields = session.to_dict() or {}
    journaled_at = signal.get("journaled_at")
    said = signal if journaled_at is not None else fields
    return Succession(
        predecessor_id=predecessor_id,
        signal_id=None if found is None else found.id,
        agent=fields.get("agent_id") or signal.get("agent_id"),
        task_id=said.get("task_id"),
        journal=signal.get("journal_ref") or fields.get("journal_ref"),
        generation=int(fields.get("generation") or signal.get("generation") or 0) + 1,
        traceparent=fields.get("traceparent") or signal.get("traceparent"),
        since=journaled_at or _last_progress(session),
        claimed_at=claimed_at or session.read_time,
        claimed_s=time.monotonic(),
    )


def take_over(
    client: firestore.Client, fleet: str, succession: Succession, agent: str, session_id: str
) -> Taken | None:
    """Take the predecessor's task, unless it has ended or somebody else has it.

    One write with a precondition: it names the new session and counts the rotation, so a rotation
    is counted once, and of those who want the task one gets it.
    """
    if succession.task_id is None:
        return None
    found = client.document(str(DocumentPath(fleet, TASKS, succession.task_id))).get()
    while found.exists:
        fields = found.to_dict() or {}
        holder, status = fields.get("session_id"), fields.get("status")
        if holder == session_id:
            return Taken(found.id, fields, found.update_time)
        inherits = status in HELD_STATUSES and holder in (succession.predecessor_id, None)
        if not inherits and status not in CLAIMABLE:
            return None
        taken = _taken(fields, succession, agent, session_id, found.read_time)
        try:
            unchanged = client.write_option(last_update_time=found.update_time)
            written = found.reference.update(taken, option=unchanged, retry=CONTENDED)
        except (FailedPrecondition, NotFound):
            found = found.reference.get()
        else:
            return Taken(found.id, {**fields, **taken}, written.update_time)
    return None


def _taken(
    fields: Mapping[str, Any],
    succession: Succession,
    agent: str,
    session_id: str,
    now: datetime,
) -> dict[str, Any]:
    passed_on = succession.agent is not None and succession.agent != agent
    return {
        "status": "active",
        "session_id": session_id,
        "agent_id": agent,
        "attempt_kind": "rotation",
        "rotations": (fields.get("rotations") or 0) + 1,
        "reported_at": now,
        **({"handoffs": (fields.get("handoffs") or 0) + 1} if passed_on else {}),
        **({} if fields.get("claimed_at") else {"claimed_at": now}),
    }


def _claim(
    client: firestore.Client, found: _Snapshot, session_id: str
) -> tuple[_Snapshot, datetime]:
    """Write this session's name on a signal that has none; return it, and when that was."""
    while True:
        fields = found.to_dict() or {}
        holder = fields.get("successor_session_id")
        if holder == session_id:
            return found, found.read_time
        if holder is not None:
            raise _taken_by(found, f"sessions/{holder} has taken over")
        if fields.get("status") not in OPEN_STATUSES:
            raise _taken_by(found, f"it is {fields.get('status')}")
        mine = {"successor_session_id": session_id, "succeeded_at": firestore.SERVER_TIMESTAMP}
        try:
            unchanged = client.write_option(last_update_time=found.update_time)
            written = found.reference.update(mine, option=unchanged, retry=CONTENDED)
        except FailedPrecondition:
            found = found.reference.get()
        else:
            return found, written.update_time


def _taken_by(found: _Snapshot, holder: str) -> SuccessionTaken:
    taken = SuccessionTaken(f"signals/{found.id}", holder)
    _log.warning("%s", taken)
    return taken


def _latest(signals: firestore.CollectionReference, predecessor: str) -> _Snapshot | None:
    """Return the newest rotation of a session; None where there is none to take part in."""
    own = firestore.FieldFilter("session_id", "==", predecessor)
    told = [found for found in signals.where(filter=own).get() if _counts(found.to_dict() or {})]
    return max(told, key=lambda found: found.get("created_at"), default=None)


def _counts(signal: Mapping[str, Any]) -> bool:
    """Tell whether a rotation is under way, or was: one that came to nothing binds nobody."""
    begun = signal.get("status") in OPEN_STATUSES or signal.get("successor_session_id") is not None
    return signal.get("kind") == "rotate" and begun


def _last_progress(session: _Snapshot) -> datetime | None:
    """Return when a session made its last progress, by the database's clock.

    How long it had made none when it was written is the difference of what the agent itself says.
    """
    fields = session.to_dict() or {}
    seen, moved = fields.get("last_seen_at"), fields.get("last_progress_at")
    if seen is None or moved is None:
        return None
    still: timedelta = max(timedelta(0), seen - moved)
    written_at: datetime = session.update_time
    return written_at - still
