"""signals/: moved on as the sessions at both ends of them stand; none stays open for ever."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import FailedPrecondition
from google.cloud import firestore

from alerting.alerts import alert_on, resolve_alert
from alerting.rules import RULES
from rotation.hand_over import can_start
from rotation.state import read_state
from rotation.thresholds import session_thresholds
from rotation.transitions import RotationState, Transition, judge, waited
from runtime.firestore import document, equals, fields_of, unchanged
from runtime.policy import policy
from runtime.units import Units, unguarded
from tachograph_schema.documents.fleet import RotationPolicy
from tachograph_schema.documents.session import Session
from tachograph_schema.documents.signal import OPEN_STATUSES, STEP_AT, Signal
from tachograph_schema.documents.task import HELD_STATUSES
from tachograph_schema.documents.task_release import released
from tachograph_schema.paths import FLEETS, SESSIONS, SIGNALS, TASKS, DocumentPath
from tachograph_schema.rotation.thresholds import Thresholds

if TYPE_CHECKING:
    _Snapshot = firestore.DocumentSnapshot[Any]

MAX_LOOKED_AT = 200
"""Open signals that a tick looks at, the oldest first, with three reads each at most."""
MAX_OF_SESSION = 20
"""Open signals of one session that its write settles; ticks settle the others."""
_MAX_CONFLICTS = 10


def settle_open(db: firestore.Client, fleet: str, units: Units | None = None) -> int:
    """Look at the rotations that are not over, the oldest first; return how many those were."""
    units = units or unguarded()
    signals = db.collection(FLEETS, fleet, SIGNALS).where(filter=equals("kind", "rotate"))
    opened = signals.where(filter=firestore.FieldFilter("status", "in", OPEN_STATUSES))
    snapshots = opened.order_by("created_at").limit(MAX_LOOKED_AT).get()
    for signal in snapshots:
        if units.has_time():
            units.run("signal", signal.id, partial(settle, db, fleet, signal.reference))
    return len(snapshots)


def settle_session(
    db: firestore.Client, fleet: str, session_id: str, at: Thresholds | None = None
) -> None:
    """Move on the rotations of one session that are not over; `at` are its thresholds, if known."""
    signals = db.collection(FLEETS, fleet, SIGNALS).where(filter=equals("session_id", session_id))
    rotations = signals.where(filter=equals("kind", "rotate"))
    opened = rotations.where(filter=firestore.FieldFilter("status", "in", OPEN_STATUSES))
    for signal in opened.limit(MAX_OF_SESSION).get():
        settle(db, fleet, signal.reference, at)


def settle(
    db: firestore.Client,
    fleet: str,
    ref: firestore.DocumentReference,
    at: Thresholds | None = None,
) -> Transition | None:
    """Move a rotation on as far as its sessions allow; return the step that it took.

    `at` are the session's thresholds, if they are known. The write holds for the version that was
    judged, so that no step is undone which somebody else takes in between.
    """
    rotation = policy(fleet).rotation
    for _ in range(_MAX_CONFLICTS):
        snapshot = ref.get()
        state = read_state(db, fleet, snapshot)
        if state is None:
            return None
        limits = at or session_thresholds(fleet, state.session or Session())
        transition = judge(state, rotation, limits, startable=can_start(rotation))
        if transition is None or _write(db, fleet, snapshot, state, transition, rotation):
            return transition
    raise RuntimeError(f"{ref.path} changed {_MAX_CONFLICTS} times while it was judged")


def _write(
    db: firestore.Client,
    fleet: str,
    snapshot: _Snapshot,
    state: RotationState,
    transition: Transition,
    rotation: RotationPolicy,
) -> bool:
    """Write a step and what follows from it in one commit; False where something had moved."""
    batch, signal = db.batch(), state.signal
    batch.update(snapshot.reference, _fields(transition), option=unchanged(snapshot))
    if transition.status == "completed":
        _close(db, batch, fleet, signal)
    if transition.fields.get("expired_because") == "no_successor":
        _release(db, batch, fleet, signal, state.now)
    if transition.alert is not None:
        alert = _alert(state, transition.alert, rotation)
        alert_on(db, batch, fleet, f"{transition.alert}_{snapshot.id}", alert)
    try:
        batch.commit()
    except FailedPrecondition:
        return False
    if transition.status == "completed" and signal.escalated_at is not None:
        resolve_alert(db, fleet, f"rotation_unheeded_{snapshot.id}")
    return True


def _fields(transition: Transition) -> dict[str, Any]:
    fields = dict(transition.fields)
    if transition.status is not None:
        fields["status"] = transition.status
        fields[STEP_AT[transition.status]] = firestore.SERVER_TIMESTAMP
    if transition.start:  # an event of hand_over, because its account alone may run the job
        fields["start_asked_at"] = firestore.SERVER_TIMESTAMP
    if transition.escalated:
        fields["escalated_at"] = firestore.SERVER_TIMESTAMP
    if transition.freed:
        freed = ("successor_session_id", "succeeded_at")
        fields |= dict.fromkeys(freed, firestore.DELETE_FIELD)
    return fields


def _close(db: firestore.Client, batch: firestore.WriteBatch, fleet: str, signal: Signal) -> None:
    """Close the session that was relieved, where it did not do so itself."""
    session = document(db, DocumentPath(fleet, SESSIONS, signal.session_id)).get()
    if session.exists and fields_of(session).get("ended_at") is None:
        ended = {"ended_at": firestore.SERVER_TIMESTAMP, "end_reason": "rotated"}
        closed = {"state": "completed", **ended}
        batch.update(session.reference, closed, option=unchanged(session))


def _release(
    db: firestore.Client, batch: firestore.WriteBatch, fleet: str, signal: Signal, now: datetime
) -> None:
    """Release the task that no successor goes on with."""
    if signal.task_id is None:
        return
    task = document(db, DocumentPath(fleet, TASKS, signal.task_id)).get()
    fields = fields_of(task)
    holders = (signal.session_id, signal.successor_session_id)
    if fields.get("status") in HELD_STATUSES and fields.get("session_id") in holders:
        release = released(fields, fields["session_id"], now, signal.journal_ref)
        batch.update(task.reference, release, option=unchanged(task))


def _alert(state: RotationState, rule: str, rotation: RotationPolicy) -> dict[str, Any]:
    signal = state.signal
    return RULES[rule].alert(
        value=round(waited(signal, state.now).total_seconds(), 1),
        threshold=rotation.expire_after_s,
        subject=signal.agent_id,
        session=signal.session_id,
        starts=signal.starts or 0,
        trouble=f"; {signal.trouble}" if signal.trouble else "",
    )
