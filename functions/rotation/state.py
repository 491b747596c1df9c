"""Reading both ends of a rotation: the signal, the session it is for, and its successor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.cloud import firestore

from rotation.crossing import read_session
from rotation.transitions import RotationState, at_work, read_signal
from runtime.firestore import document, equals, fields_of
from runtime.policy import policy
from tachograph_schema.documents.session import Session
from tachograph_schema.documents.signal import Signal
from tachograph_schema.paths import FLEETS, SESSIONS, DocumentPath

if TYPE_CHECKING:
    _Snapshot = firestore.DocumentSnapshot[Any]

_MAX_SUCCESSORS = 5


def read_state(db: firestore.Client, fleet: str, snapshot: _Snapshot) -> RotationState | None:
    """Read both ends of a rotation, under way or over; None where it can not be read."""
    signal = read_signal(fields_of(snapshot)) if snapshot.exists else None
    if signal is None:
        return None
    session = read_session_of(db, fleet, signal.session_id)
    successor_id, successor = _successor(db, fleet, signal)
    return RotationState(signal, session, successor_id, successor, snapshot.read_time)


def read_session_of(db: firestore.Client, fleet: str, session_id: str) -> Session | None:
    """Return a session as it stands; None where there is none."""
    return _session(fleet, document(db, DocumentPath(fleet, SESSIONS, session_id)).get())


def _successor(
    db: firestore.Client, fleet: str, signal: Signal
) -> tuple[str | None, Session | None]:
    """Return the session that claimed the succession; else one of the same agent that took over.

    The rules guard the claim: only the signal's agent, or who directs it, makes one. The name of a
    predecessor is a session's own word, so it counts between two sessions of one agent alone.
    """
    if signal.successor_session_id is not None:
        claimed = signal.successor_session_id
        return claimed, read_session_of(db, fleet, claimed)
    if signal.agent_id is None:
        return None, None
    sessions = db.collection(FLEETS, fleet, SESSIONS)
    named = sessions.where(filter=equals("predecessor_session_id", signal.session_id))
    own = named.where(filter=equals("agent_id", signal.agent_id))
    for snapshot in own.limit(_MAX_SUCCESSORS).get():
        successor = _session(fleet, snapshot)
        if successor is not None and at_work(successor) and snapshot.id != signal.session_id:
            return snapshot.id, successor
    return None, None


def _session(fleet: str, snapshot: _Snapshot) -> Session | None:
    if not snapshot.exists:
        return None
    return read_session(fields_of(snapshot), policy(fleet).context_windows)
