"""Pure: the life of a signal, step by step, and who may write which step.

    pending -> acknowledged -> journaled -> handed_off -> completed
       any of these -> expired

Forward only: a step may be left out, none is taken back, and the last two are for good. The
addressed agent acknowledges and journals; all else is written by functions. A successor writes its
own name, once, and no status.
"""

from __future__ import annotations

from typing import Final, Literal

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
OPEN: Final[tuple[SignalStatus, ...]] = ORDER[:-1]
"""The statuses of a signal that is not over."""
UNHEEDED: Final[tuple[SignalStatus, ...]] = ORDER[:2]
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
AGENT_FIELDS: Final = ("status", "acknowledged_at", "journaled_at", "journal_ref", "task_id")
"""What the addressed agent may write, with one of its steps."""
SUCCESSOR_FIELDS: Final = ("successor_session_id", "succeeded_at")
"""What a successor may write, where nobody has."""


_PLACE: Final[dict[str, int]] = {status: place for place, status in enumerate(ORDER)}


def may_move(now: str | None, then: str) -> bool:
    """Tell whether a signal may go from one status to another."""
    if now not in OPEN:
        return False
    return then == "expired" or _PLACE.get(then, -1) > _PLACE[now]
