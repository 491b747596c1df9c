"""Pure: the next step of a signal, by its own state and that of its session and successor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from tachograph_schema.documents.fleet import RotationPolicy
from tachograph_schema.documents.session import Session
from tachograph_schema.documents.signal import (
    OPEN_STATUSES,
    STEP_AT,
    UNHEEDED_STATUSES,
    Signal,
    SignalStatus,
    Why,
)
from tachograph_schema.documents.task import UNENDED_STATUSES, Task
from tachograph_schema.documents.task_release import ERROR_TYPE
from tachograph_schema.rotation.thresholds import Thresholds, is_well

HISTORY = timedelta(hours=1)
"""A session that speaks of a time so long ago was imported: nobody is told, nothing is started."""


_NOTICED = timedelta(days=1)
"""How long an alert stays for which there is nothing to be done."""


@dataclass(frozen=True, slots=True)
class Transition:
    """A step of a signal, and what follows from it."""

    status: SignalStatus | None = None
    """The step it takes."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    alert: str | None = None
    """The rule that fires."""
    escalated: bool = False
    """Whether it is handed over without its session."""
    start: bool = False
    """Whether a successor is to be started, once more."""
    freed: bool = False
    """Whether the succession is free again, because the session that claimed it is gone."""


@dataclass(frozen=True, slots=True)
class RotationState:
    """A signal, with the sessions at both ends of it."""

    signal: Signal
    session: Session | None
    successor_id: str | None
    successor: Session | None
    now: datetime
    """By the database's clock."""


def read_signal(fields: Mapping[str, Any]) -> Signal | None:
    """Return a signal without what does not parse; None where it lacks what every signal has."""
    try:
        return Signal.model_validate(fields)
    except ValidationError as refusal:
        bad = {error["loc"][0] for error in refusal.errors(include_url=False)}
        needed = {name for name, field in Signal.model_fields.items() if field.is_required()}
        if bad & needed:
            return None
        return Signal.model_validate({k: v for k, v in fields.items() if k not in bad})


def judge(
    state: RotationState, policy: RotationPolicy, at: Thresholds, *, startable: bool
) -> Transition | None:
    """Return what is to be done; None where there is nothing, or not yet."""
    signal, session, successor = state.signal, state.session, state.successor
    if signal.status not in OPEN_STATUSES:
        return None
    if successor is not None and at_work(successor):
        fields = {
            "successor_session_id": state.successor_id,
            "handoff_ms": successor.handoff_ms,
        }
        return Transition("completed", {k: v for k, v in fields.items() if v is not None})
    if session is not None and session.voided:
        return _expired("ended")
    if (
        signal.status in UNHEEDED_STATUSES
        and not signal.starts
        and signal.successor_session_id is None
    ):
        transition = None if session is None else _relieved(signal, session, at)
        if transition is not None:
            return transition
        if signal.escalated_at is None:
            return _unheeded(state, policy, startable=startable)
    return _awaiting(state, policy, startable=startable)


def at_work(successor: Session) -> bool:
    """Tell whether a successor has made progress: it has used some of its context."""
    return successor.handoff_ms is not None or bool(successor.context_used_tokens)


def waited(signal: Signal, now: datetime) -> timedelta:
    """Return how long ago a signal's last step was."""
    steps = [getattr(signal, STEP_AT[status]) for status in OPEN_STATUSES]
    others = (signal.escalated_at, signal.succeeded_at)
    return now - max(filter(None, (*steps, *others)), default=now)


def is_resolved(state: RotationState, task: Task | None, at: Thresholds) -> bool:
    """Tell whether the trouble is over that a rotation's open alert told of.

    It is over when a successor is at work, or the session needs none any more. A session that
    handed over and ended leaves its `task`: its trouble is over when somebody goes on with that.
    """
    signal, session, successor = state.signal, state.session, state.successor
    if signal.status == "completed" or (successor is not None and at_work(successor)):
        return True
    if session is None or session.voided or (session.generation or 0) > (signal.generation or 0):
        return True
    unheeded = signal.open_alert == "rotation_unheeded"
    if unheeded and signal.status in ("journaled", "handed_off"):
        return True
    if session.ended_at is None:
        return is_well(session, at)
    return unheeded or session.end_reason != "rotated" or _goes_on(state, task)


def _goes_on(state: RotationState, task: Task | None) -> bool:
    """Tell whether a task that was handed over waits for nobody any more.

    Where nobody can go on, because it failed with its session or there is none, that is after a
    day.
    """
    if task is None or (task.status == "failed" and task.error_type == ERROR_TYPE):
        return waited(state.signal, state.now) > _NOTICED
    if task.status not in UNENDED_STATUSES:
        return True
    return task.status != "queued" and task.session_id not in (None, state.signal.session_id)


def owns(state: RotationState, task: Mapping[str, Any]) -> bool:
    """Tell whether a task is held by a session of the rotation, and is of that session's agent.

    The addressed agent says which task it was at, and may claim a session that does not exist yet,
    so that neither name alone is a right to another agent's task.
    """
    signal, successor = state.signal, state.successor
    agents = [None, signal.agent_id]
    if successor is not None and successor.predecessor_session_id == signal.session_id:
        agents.append(successor.agent_id)
    holders = (signal.session_id, signal.successor_session_id)
    return task.get("session_id") in holders and task.get("agent_id") in agents


def _relieved(signal: Signal, session: Session, at: Thresholds) -> Transition | None:
    """Return the step of a signal whose session needs no successor, or handed over by itself."""
    if (session.generation or 0) > (signal.generation or 0):
        return _expired("compacted")
    if session.end_reason == "rotated":
        # It handed over without a word to its signal, as an agent may that never heard of it.
        notes = {"journal_ref": session.journal_ref, "task_id": session.task_id}
        return Transition("journaled", {k: v for k, v in notes.items() if v is not None})
    if session.ended_at is not None:
        return _expired("ended")
    return _expired("recovered") if is_well(session, at) else None


def _unheeded(
    state: RotationState, policy: RotationPolicy, *, startable: bool
) -> Transition | None:
    if waited(state.signal, state.now) <= timedelta(seconds=policy.expire_after_s):
        return None
    session = state.session
    if session is None:
        return _expired("ended")
    if session.reported_at is not None and state.now - session.reported_at > HISTORY:
        return _expired("unheeded")
    if policy.escalate == "hand_over" and startable:
        return Transition(escalated=True, alert="rotation_unheeded")
    return _expired("unheeded", alert="rotation_unheeded")


def _awaiting(
    state: RotationState, policy: RotationPolicy, *, startable: bool
) -> Transition | None:
    """Judge a signal that waits for its successor: to come up, or to make progress."""
    signal, successor = state.signal, state.successor
    late = waited(signal, state.now) > timedelta(seconds=policy.expire_after_s)
    more = startable and (signal.starts or 0) < policy.max_starts
    if signal.successor_session_id is not None:
        gone = successor is not None and successor.ended_at is not None
        if not gone and not late:
            return None
        return Transition(freed=True) if more and gone else _without_successor()
    if signal.lease_until is not None and signal.lease_until > state.now:
        return None
    if late or (startable and not more):
        return _without_successor()
    return Transition(start=True) if more else None


def _without_successor() -> Transition:
    return _expired("no_successor", alert="rotation_without_successor")


def _expired(why: Why, alert: str | None = None) -> Transition:
    return Transition("expired", {"expired_because": why}, alert=alert)
