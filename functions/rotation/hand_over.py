"""signals/: a successor is started under a lease, for a session that left its notes.

At most one successor works, because the first that comes up claims the succession and any other
ends at once. At least one is started, because a lease that runs out is taken anew, by the tick or
by an event, as often as the fleet allows.
"""

from __future__ import annotations

import logging
import os
from datetime import datetime, timedelta
from typing import Any

from google.api_core.exceptions import FailedPrecondition, RetryError, ServiceUnavailable
from google.cloud import firestore

from alerting.alerts import open_alert, resolve_alert
from alerting.rules import RULES
from events.change import Change
from rotation.launch import CannotStartError, start_job, start_process, successor_environment
from rotation.transitions import read_signal
from runtime.firestore import document, fields_of, unchanged
from tachograph_schema.documents.fleet import RotationPolicy
from tachograph_schema.documents.signal import OPEN_STATUSES, UNHEEDED_STATUSES, Signal, may_move
from tachograph_schema.paths import SIGNALS, DocumentPath

_log = logging.getLogger(__name__)
REFUSED = RULES["hand_over_refused"]
_AGAIN = timedelta(seconds=5)
"""How soon a start is tried again that surely did not happen."""
_MAX_CONFLICTS = 10


def can_start(policy: RotationPolicy) -> bool:
    """Tell whether the fleet names a job or a command that is a successor.

    A command is heeded against the emulator alone: in the cloud, a document that names a program
    would let its writer run any program.
    """
    return bool(policy.job or (policy.local_command and _is_local()))


def is_due(signal: Signal, policy: RotationPolicy, now: datetime) -> bool:
    """Tell whether a successor is to be started: its notes are left, and nobody is at it."""
    return (
        signal.kind == "rotate"
        and signal.status in OPEN_STATUSES
        and (signal.status not in UNHEEDED_STATUSES or signal.escalated_at is not None)
        and signal.successor_session_id is None
        and (signal.lease_until is None or signal.lease_until <= now)
        and (signal.starts or 0) < policy.max_starts
        and can_start(policy)
    )


def hand_over_on(db: firestore.Client, change: Change, policy: RotationPolicy) -> str | None:
    """Start a successor if what was written of a signal asks for one."""
    signal = None if change.after is None else read_signal(change.after.fields)
    if (
        signal is None
        or change.after is None
        or not is_due(signal, policy, change.after.written_at)
    ):
        return None
    return start_successor(db, change.path.fleet, change.path.document, policy)


def start_successor(
    db: firestore.Client, fleet: str, name: str, policy: RotationPolicy
) -> str | None:
    """Start a successor unless that is done, or not due; return what was started.

    Raises RetryError or ServiceUnavailable where Cloud Run does not answer: the event is delivered
    again, and a successor is started once the lease has run out.
    """
    ref = document(db, DocumentPath(fleet, SIGNALS, name))
    snapshot = ref.get()
    signal = read_signal(fields_of(snapshot))
    if signal is None or not is_due(signal, policy, snapshot.read_time):
        return None
    until = snapshot.read_time + timedelta(seconds=policy.start_within_s)
    starts = (signal.starts or 0) + 1
    try:
        ref.update({"lease_until": until, "starts": starts}, option=unchanged(snapshot))
    except FailedPrecondition:
        return None  # the write in between took the lease, or makes an event of its own
    environment = successor_environment(fleet, name, signal)
    try:
        if policy.job:
            started = start_job(policy.job, environment)
        else:
            started = start_process(policy.local_command or [], environment, ref, starts)
    except CannotStartError as refusal:
        ref.update({"trouble": str(refusal)})
        alert = REFUSED.alert(starts, policy.max_starts, refusal=refusal)
        open_alert(db, fleet, REFUSED.name, alert)
        _log.error("fleets/%s: %s", fleet, refusal)
        return None
    except (RetryError, ServiceUnavailable) as weather:
        again = {"lease_until": snapshot.read_time + _AGAIN, "starts": starts - 1}
        ref.update({**again, "trouble": f"the job could not be started: {weather}"})
        raise
    _handed_off(ref, started)
    resolve_alert(db, fleet, REFUSED.name)
    return started


def _handed_off(ref: firestore.DocumentReference, started: str) -> None:
    """Say that a successor was started, unless it has come further than that by itself."""
    for _ in range(_MAX_CONFLICTS):
        snapshot = ref.get()
        fields: dict[str, Any] = {"execution": started}
        if may_move(fields_of(snapshot).get("status"), "handed_off"):
            fields |= {"status": "handed_off", "handed_off_at": firestore.SERVER_TIMESTAMP}
        try:
            ref.update(fields, option=unchanged(snapshot))
        except FailedPrecondition:
            continue
        return


def _is_local() -> bool:
    return bool(os.environ.get("FIRESTORE_EMULATOR_HOST"))
