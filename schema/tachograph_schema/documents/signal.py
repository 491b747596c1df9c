"""`signals/` and `alerts/`: instructions to sessions, and notices to people.

A signal takes one step after the other:

    pending -> acknowledged -> journaled -> handed_off -> completed
       any of these -> expired

Forward only: a step may be left out, none is taken back, and the last two are for good. The
addressed agent acknowledges and journals; functions write every other step. A successor writes its
own name, once, and no status.
"""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from tachograph_schema.fields import Count, Id, Instant, Name, Pct, Record, Text, optional

SignalStatus = Literal["pending", "acknowledged", "journaled", "handed_off", "completed", "expired"]
Why = Literal["unheeded", "no_successor", "compacted", "recovered", "ended"]
"""Why a signal expired: the first two went wrong; else there was nothing left to hand over."""

ORDER: Final[tuple[SignalStatus, ...]] = (
    "pending",
    "acknowledged",
    "journaled",
    "handed_off",
    "completed",
)
OPEN_STATUSES: Final[tuple[SignalStatus, ...]] = ORDER[:-1]
"""The statuses of a signal that is not over."""
UNHEEDED_STATUSES: Final[tuple[SignalStatus, ...]] = ORDER[:2]
"""The statuses in which the session has not left its notes."""
WRONG: Final[tuple[Why, ...]] = ("unheeded", "no_successor")

STEP_AT: Final[dict[SignalStatus, str]] = {
    "pending": "created_at",
    "acknowledged": "acknowledged_at",
    "journaled": "journaled_at",
    "handed_off": "handed_off_at",
    "completed": "completed_at",
    "expired": "expired_at",
}
"""The field that says when a status was reached, by the database's clock."""
AGENT_STEPS: Final[tuple[SignalStatus, ...]] = ("acknowledged", "journaled")


class Signal(Record):
    """`signals/{signal}`: what a session is told to do."""

    kind: Literal["rotate", "pause", "throttle", "downgrade", "compact"] = Field(
        description="What it is told."
    )
    status: SignalStatus = Field(description="How far it got.")
    session_id: Id = Field(description="The session it is for.")
    agent_id: Name | None = optional("Its agent.")
    task_id: Id | None = optional("The task the session was at; after the journal, if any.")
    task_type: Name | None = optional("The kind of that task.")
    model: Name | None = optional("The session's model.")
    generation: Count | None = optional("The session's generation.")
    context_remaining_pct: Pct | None = optional("What was left.")
    threshold_pct: Pct | None = optional("What it was measured against.")
    traceparent: Name | None = optional("The trace the session belongs to.")
    crossed_at: Instant | None = optional("When the session says it had come to that.")
    created_at: Instant = Field(description="When it was raised.")
    acknowledged_at: Instant | None = optional("When the session took note of it.")
    journaled_at: Instant | None = optional("When the session had left its notes.")
    journal_ref: Name | None = optional("Where they are.")
    escalated_at: Instant | None = optional("When it was to be handed over without the session.")
    handed_off_at: Instant | None = optional("When a successor was started.")
    completed_at: Instant | None = optional("When the successor was at work.")
    expired_at: Instant | None = optional("When it came to nothing.")
    expired_because: Why | None = optional("Why it did; the first two went wrong.")
    successor_session_id: Id | None = optional("The session that took over; claimed once.")
    succeeded_at: Instant | None = optional("When it claimed that.")
    handoff_ms: Count | None = optional("From the journal to the successor's first progress.")
    start_asked_at: Instant | None = optional("When a successor was last asked for again.")
    starts: Count | None = optional("How often a successor was started.")
    lease_until: Instant | None = optional("Until when nobody else starts one.")
    execution: Name | None = optional("The job's execution, or the local process.")
    trouble: Text | None = optional("What went wrong last.")
    open_alert: Name | None = optional("The rule whose alert about it is open.")


class Alert(Record):
    """`alerts/{alert}`: a rule that fired."""

    rule: Name = Field(description="The rule.")
    severity: Literal["warning", "critical"] = Field(description="How bad it is.")
    subject: Name | None = optional(
        "What it is about: an agent, a model, a tool; the fleet if absent."
    )
    value: float = Field(description="What was measured.")
    threshold: float = Field(description="What is allowed.")
    detail: Text | None = optional("What else there is to say, for a person.")
    opened_at: Instant = Field(description="When it fired.")
    resolved_at: Instant | None = optional("When the value was back within bounds.")
    acknowledged_at: Instant | None = optional("When an operator took note of it.")
    acknowledged_by: Name | None = optional("Who did.")


_PLACE: Final[dict[str, int]] = {status: place for place, status in enumerate(ORDER)}


def may_move(now: str | None, then: str) -> bool:
    """Tell whether a signal may go from one status to another."""
    if now not in OPEN_STATUSES:
        return False
    return then == "expired" or _PLACE.get(then, -1) > _PLACE[now]
