"""alerts/ about rotations: resolved when their trouble is over, whoever ended it.

A signal says which alert about it is open, in the commit that opens the alert. So a tick finds what
no event tells: that another session took up the task, or that an event never came.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

from google.api_core.exceptions import FailedPrecondition
from google.cloud import firestore

from alerting.alerts import resolve_alert
from alerting.rules import RULES
from rotation.hand_over import REFUSED, can_start
from rotation.state import read_state
from rotation.thresholds import session_thresholds
from rotation.transitions import RotationState, is_resolved
from runtime.cache import Cache
from runtime.firestore import document, equals, fields_of, unchanged
from runtime.policy import MAX_FLEETS, policy
from runtime.units import Units
from tachograph_schema.documents.session import Session
from tachograph_schema.documents.task import Task
from tachograph_schema.parsing import parse
from tachograph_schema.paths import FLEETS, SIGNALS, TASKS, DocumentPath

MAX_LOOKED_AT = 200
"""Open alerts that a tick looks at, in turns, with four reads each at most."""
_turns: Cache[str, firestore.DocumentSnapshot[Any] | None] = Cache(MAX_FLEETS)
"""By fleet: the signal that the tick before looked at last, where more came after it."""
_refusals: Cache[str, bool] = Cache(MAX_FLEETS, max_age_s=3600)
"""The fleets without a successor to start whose refusals this process resolved within the hour."""


def alert_id(rule: str, signal: str) -> str:
    """Return the id of a rule's alert about a signal."""
    return f"{rule}_{signal}"


def resolve_open(db: firestore.Client, fleet: str, units: Units) -> int:
    """Resolve the alerts about rotations whose trouble is over; return how many were looked at.

    Once an hour of each process, the refusal of a start is resolved where the fleet names no
    successor any more.
    """
    if not can_start(policy(fleet).rotation) and _refusals.get(fleet) is None:
        resolve_alert(db, fleet, REFUSED.name)
        _refusals.put(fleet, value=True)
    marked = db.collection(FLEETS, fleet, SIGNALS).order_by("open_alert").limit(MAX_LOOKED_AT)
    last = _turns.get(fleet)
    snapshots = (marked if last is None else marked.start_after(last)).get()
    _turns.put(fleet, snapshots[-1] if len(snapshots) == MAX_LOOKED_AT else None)
    for signal in snapshots:
        units.run("alert", signal.id, partial(resolve, db, fleet, signal.reference))
    return len(snapshots)


def resolve_session(db: firestore.Client, fleet: str, session_id: str) -> None:
    """Resolve the alerts about one session's rotations whose trouble is over."""
    signals = db.collection(FLEETS, fleet, SIGNALS)
    own = signals.where(filter=equals("session_id", session_id))
    marked = own.where(filter=firestore.FieldFilter("open_alert", "in", list(RULES)))
    for signal in marked.limit(MAX_LOOKED_AT).get():
        resolve(db, fleet, signal.reference)


def resolve(db: firestore.Client, fleet: str, ref: firestore.DocumentReference) -> bool:
    """Resolve the alert about a signal if its trouble is over; False where it is not.

    The alert comes first and the signal's mark second, so that an end between the two leaves the
    mark, and the next tick does it again.
    """
    snapshot = ref.get()
    rule = fields_of(snapshot).get("open_alert")
    if rule is None:
        return False
    state = read_state(db, fleet, snapshot)
    if state is not None:
        at = session_thresholds(fleet, state.session or Session())
        if not is_resolved(state, _task(db, fleet, state), at):
            return False
    resolve_alert(db, fleet, alert_id(rule, ref.id))
    with suppress(FailedPrecondition):  # it has another alert by now, or the next tick sees it
        ref.update({"open_alert": firestore.DELETE_FIELD}, option=unchanged(snapshot))
    return True


def _task(db: firestore.Client, fleet: str, state: RotationState) -> Task | None:
    name = state.signal.task_id
    if name is None:
        return None
    snapshot = document(db, DocumentPath(fleet, TASKS, name)).get()
    return parse(Task, fields_of(snapshot))[0] if snapshot.exists else None
