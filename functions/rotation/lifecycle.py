"""signals/: moved on as the sessions at both ends of them stand; none stays open for ever."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import FailedPrecondition
from google.cloud import firestore

from alerting.alerts import alert_on, resolve_alert
from alerting.rules import RULES
from rotation.hand_over import can_start
from rotation.resolution import alert_id, resolve, resolve_open, resolve_session
from rotation.state import read_state
from rotation.thresholds import session_thresholds
from rotation.transitions import RotationState, Transition, judge, owns, waited
from runtime.cache import Cache
from runtime.firestore import document, equals, fields_of, unchanged
from runtime.policy import MAX_FLEETS, policy
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
"""Open signals that a tick looks at, in turns, the oldest first; with three reads each at most."""
_MAX_CONFLICTS = 10
_turns: Cache[str, firestore.DocumentSnapshot[Any] | None] = Cache(MAX_FLEETS)
"""By fleet: the signal that the tick before looked at last, where more came after it."""


def settle_open(db: firestore.Client, fleet: str, units: Units | None = None) -> int:
    """Look at the rotations that are not over, in turns; return how many were looked at.

    Many signals of one agent do not keep others waiting until all of those are over.
    """
    units = units or unguarded()
    resolve_open(db, fleet, units)
    signals = db.collection(FLEETS, fleet, SIGNALS).where(filter=equals("kind", "rotate"))
    opened = signals.where(filter=_is_open()).order_by("created_at").limit(MAX_LOOKED_AT)
    last = _turns.get(fleet)
    snapshots = (opened if last is None else opened.start_after(last)).get()
    looked_at = 0
    for signal in snapshots:
        units.run("signal", signal.id, partial(settle, db, fleet, signal.reference))
        looked_at += 1
        if not units.has_time():
            break
    more = looked_at < len(snapshots) or looked_at == MAX_LOOKED_AT
    _turns.put(fleet, snapshots[looked_at - 1] if more else None)
    return looked_at


def settle_session(
    db: firestore.Client, fleet: str, session_id: str, at: Thresholds | None = None
) -> None:
    """Move on the rotations of one session that are not over, and resolve alerts about the others.

    `at` are the session's thresholds, if they are known.
    """
    signals = db.collection(FLEETS, fleet, SIGNALS).where(filter=equals("kind", "rotate"))
    own = signals.where(filter=equals("session_id", session_id))
    for signal in own.where(filter=_is_open()).limit(MAX_LOOKED_AT).get():
        settle(db, fleet, signal.reference, at)
    resolve_session(db, fleet, session_id)


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
        if fields_of(snapshot).get("status") not in OPEN_STATUSES:
            return None
        state = read_state(db, fleet, snapshot)
        if state is None:  # nobody can act on it
            ref.update(_fields(Transition("expired", {"expired_because": "ended"})))
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
        _release(db, batch, fleet, state)
    if transition.alert is not None:
        alert = _alert(state, transition.alert, rotation)
        alert_on(db, batch, fleet, alert_id(transition.alert, snapshot.id), alert)
    if transition.alert is not None and signal.open_alert is not None:
        # Before the new one takes its mark: nothing would find it afterwards.
        resolve_alert(db, fleet, alert_id(signal.open_alert, snapshot.id))
    try:
        batch.commit()
    except FailedPrecondition:
        return False
    if transition.status is not None and transition.alert is None:
        resolve(db, fleet, snapshot.reference)
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
    if transition.alert is not None:
        fields["open_alert"] = transition.alert
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
    db: firestore.Client, batch: firestore.WriteBatch, fleet: str, state: RotationState
) -> None:
    """Release the task that no successor goes on with, if it is that rotation's."""
    signal = state.signal
    if signal.task_id is None:
        return
    task = document(db, DocumentPath(fleet, TASKS, signal.task_id)).get()
    fields = fields_of(task)
    if fields.get("status") in HELD_STATUSES and owns(state, fields):
        release = released(fields, fields["session_id"], state.now, signal.journal_ref)
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


def _is_open() -> firestore.FieldFilter:
    return firestore.FieldFilter("status", "in", OPEN_STATUSES)
