"""signals/: moved on as the sessions at both ends of them stand; none stays open for ever."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import FailedPrecondition
from google.cloud import firestore

from alerting.alerts import alert_on, resolve_alert
from rotation.hand_over import can_start
from rotation.thresholds import session_thresholds
from rotation.transitions import RotationState, Transition, at_work, judge, read_signal, waited
from runtime.policy import policy
from tachograph_schema.documents.fleet import RotationPolicy
from tachograph_schema.documents.session import Session
from tachograph_schema.documents.signal import OPEN_STATUSES, STEP_AT, Signal
from tachograph_schema.documents.task import HELD_STATUSES
from tachograph_schema.documents.task_release import released
from tachograph_schema.parsing import parse
from tachograph_schema.paths import SESSIONS, SIGNALS, TASKS, DocumentPath

if TYPE_CHECKING:
    Found = firestore.DocumentSnapshot[Any]

MAX_LOOKED_AT = 200
"""Open signals that a tick looks at, the oldest first, with three reads each at most."""
_MAX_CONFLICTS = 10
_MAX_SUCCESSORS = 5


def settle_open(db: firestore.Client, fleet: str) -> int:
    """Look at the rotations that are not over, the oldest first; return how many those were."""
    signals = db.collection("fleets", fleet, SIGNALS).where(filter=_is("kind", "rotate"))
    opened = signals.where(filter=firestore.FieldFilter("status", "in", OPEN_STATUSES))
    found = opened.order_by("created_at").limit(MAX_LOOKED_AT).get()
    for signal in found:
        settle(db, fleet, signal.reference)
    return len(found)


def settle_session(db: firestore.Client, fleet: str, session_id: str) -> None:
    """Move on the rotations of one session that are not over."""
    signals = db.collection("fleets", fleet, SIGNALS)
    for found in signals.where(filter=_is("session_id", session_id)).get():
        if found.get("kind") == "rotate" and found.get("status") in OPEN_STATUSES:
            settle(db, fleet, found.reference)


def settle(db: firestore.Client, fleet: str, ref: firestore.DocumentReference) -> Transition | None:
    """Move a rotation on as far as its sessions allow; return what was done.

    The write holds for the version that was judged, so that no step is taken back which somebody
    else takes in between.
    """
    rotation = policy(fleet).rotation
    for _ in range(_MAX_CONFLICTS):
        found = ref.get()
        standing = _standing(db, fleet, found)
        if standing is None:
            return None
        at = session_thresholds(fleet, standing.session or Session())
        verdict = judge(standing, rotation, at, startable=can_start(rotation))
        if verdict is None:
            return None
        if _write(db, fleet, found, standing, verdict, rotation):
            return verdict
    raise RuntimeError(f"{ref.path} changed {_MAX_CONFLICTS} times while it was judged")


def _standing(db: firestore.Client, fleet: str, found: Found) -> RotationState | None:
    """Read both ends of a rotation; None where there is no signal, or one that is none."""
    signal = read_signal(found.to_dict() or {}) if found.exists else None
    if signal is None or signal.status not in OPEN_STATUSES:
        return None
    session = read_session_of(db, fleet, signal.session_id)
    successor_id, successor = _successor(db, fleet, signal)
    return RotationState(signal, session, successor_id, successor, found.read_time)


def _write(
    db: firestore.Client,
    fleet: str,
    found: Found,
    standing: RotationState,
    verdict: Transition,
    rotation: RotationPolicy,
) -> bool:
    """Write a verdict and what follows from it in one commit; False where something had moved."""
    batch = db.batch()
    unchanged = db.write_option(last_update_time=found.update_time)
    batch.update(found.reference, _fields(verdict), option=unchanged)
    if verdict.status == "completed":
        _close(db, batch, fleet, standing.signal)
    if verdict.fields.get("expired_because") == "no_successor":
        _release(db, batch, fleet, standing.signal, standing.now)
    if verdict.alert is not None:
        _alert(db, batch, fleet, found.id, standing, verdict.alert, rotation)
    try:
        batch.commit()
    except FailedPrecondition:
        return False
    if verdict.status == "completed" and standing.signal.escalated_at is not None:
        resolve_alert(db, fleet, f"rotation_unheeded_{found.id}")
    return True


def read_session_of(db: firestore.Client, fleet: str, session_id: str) -> Session | None:
    """Return a session as it stands; None where there is none."""
    return _read(_document(db, fleet, SESSIONS, session_id).get())


def _successor(
    db: firestore.Client, fleet: str, signal: Signal
) -> tuple[str | None, Session | None]:
    """Return who claimed the succession; else a session that says it took over."""
    if signal.successor_session_id is not None:
        claimed = signal.successor_session_id
        return claimed, read_session_of(db, fleet, claimed)
    named = db.collection("fleets", fleet, SESSIONS).where(
        filter=_is("predecessor_session_id", signal.session_id)
    )
    for found in named.limit(_MAX_SUCCESSORS).get():
        successor = _read(found)
        if successor is not None and at_work(successor):
            return found.id, successor
    return None, None


def _fields(verdict: Transition) -> dict[str, Any]:
    fields = dict(verdict.fields)
    if verdict.status is not None:
        fields |= {
            "status": verdict.status,
            STEP_AT[verdict.status]: firestore.SERVER_TIMESTAMP,
        }
    if verdict.start:  # hand_over hears of it: nobody else may run the job
        fields["start_asked_at"] = firestore.SERVER_TIMESTAMP
    if verdict.escalated:
        fields["escalated_at"] = firestore.SERVER_TIMESTAMP
    if verdict.freed:
        fields |= {
            "successor_session_id": firestore.DELETE_FIELD,
            "succeeded_at": firestore.DELETE_FIELD,
        }
    return fields


def _close(db: firestore.Client, batch: firestore.WriteBatch, fleet: str, signal: Signal) -> None:
    """Close the session that was relieved, where it did not do so itself."""
    session = _document(db, fleet, SESSIONS, signal.session_id).get()
    if session.exists and (session.to_dict() or {}).get("ended_at") is None:
        closed = {
            "state": "completed",
            "ended_at": firestore.SERVER_TIMESTAMP,
            "end_reason": "rotated",
        }
        unchanged = db.write_option(last_update_time=session.update_time)
        batch.update(session.reference, closed, option=unchanged)


def _release(
    db: firestore.Client, batch: firestore.WriteBatch, fleet: str, signal: Signal, now: datetime
) -> None:
    """Release the task that no successor goes on with."""
    if signal.task_id is None:
        return
    task = _document(db, fleet, TASKS, signal.task_id).get()
    fields = task.to_dict() or {}
    holders = (signal.session_id, signal.successor_session_id)
    if fields.get("status") in HELD_STATUSES and fields.get("session_id") in holders:
        unchanged = db.write_option(last_update_time=task.update_time)
        release = released(fields, fields["session_id"], now, signal.journal_ref)
        batch.update(task.reference, release, option=unchanged)


def _alert(
    db: firestore.Client,
    batch: firestore.WriteBatch,
    fleet: str,
    name: str,
    standing: RotationState,
    rule: str,
    rotation: RotationPolicy,
) -> None:
    signal = standing.signal
    words = {
        "rotation_unheeded": "did not hand over",
        "rotation_without_successor": f"has no successor after {signal.starts or 0} starts",
    }
    trouble = f"; {signal.trouble}" if signal.trouble else ""
    fields = {
        "rule": rule,
        "severity": "warning" if rule == "rotation_unheeded" else "critical",
        "subject": signal.agent_id,
        "value": round(waited(signal, standing.now).total_seconds(), 1),
        "threshold": float(rotation.expire_after_s),
        "detail": f"sessions/{signal.session_id} {words[rule]}{trouble}",
    }
    alert_on(db, batch, fleet, f"{rule}_{name}", fields)


def _read(found: Found) -> Session | None:
    return parse(Session, found.to_dict() or {})[0] if found.exists else None


def _document(
    db: firestore.Client, fleet: str, collection: str, name: str
) -> firestore.DocumentReference:
    return db.document(str(DocumentPath(fleet, collection, name)))


def _is(name: str, value: str) -> firestore.FieldFilter:
    return firestore.FieldFilter(name, "==", value)
