"""Taking a task, so that exactly one session has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import FailedPrecondition, NotFound, PermissionDenied
from google.cloud import firestore

from tachograph.coordination.incidents import Incidents
from tachograph.firestore.retry import CONTENDED
from tachograph_schema.documents.task import HELD_STATUSES
from tachograph_schema.paths import TASKS, DocumentPath

if TYPE_CHECKING:
    _Snapshot = firestore.DocumentSnapshot[Any]

CLAIMABLE = ("queued", None)


class ClaimLost(Exception):  # noqa: N818 - an everyday outcome, not an error
    """Another session took the task first."""

    def __init__(self, task_id: str, status: str, agent: str | None) -> None:
        super().__init__(f"tasks/{task_id}: status is {status}, of {agent}; expected queued")
        self.task_id, self.agent = task_id, agent


@dataclass(frozen=True, slots=True)
class Taken:
    """A task that was claimed: its fields, and the version of the document that holds them."""

    task_id: str
    fields: dict[str, Any]
    version: Any


@dataclass(frozen=True, slots=True)
class Claims:
    """Claims tasks of a fleet for one session."""

    client: firestore.Client
    fleet: str
    agent: str
    session_id: str
    incidents: Incidents

    def claim(self, task_id: str, at: datetime | None = None) -> Taken:
        """Claim a task by its name; raises ClaimLost or LookupError."""
        ref = self.client.document(str(DocumentPath(self.fleet, TASKS, task_id)))
        return self.take(ref.get(), at)

    def take(self, found: _Snapshot, at: datetime | None = None) -> Taken:
        """Claim a task as it was read; raises ClaimLost or LookupError.

        The write holds only for the version that was read, so of two sessions one wins; the other
        reads again and leaves an incident with both names, whichever way it learns that it lost.
        A claim that landed though its answer was lost is found to be one's own. Without `at` the
        claim is dated by the database's clock.
        """
        while True:
            task_id = found.id
            if not found.exists:
                raise LookupError(
                    f"tasks/{task_id} does not exist; create it with Fleet.create_task"
                )
            fields = found.to_dict() or {}
            status = fields.get("status")
            if own := self.held(found):
                return own
            if status not in CLAIMABLE:
                self.collided(task_id, fields, at)
                raise ClaimLost(task_id, str(status), fields.get("agent_id"))
            claimed = claim_fields(self.agent, self.session_id, at or found.read_time)
            try:
                unchanged = self.client.write_option(last_update_time=found.update_time)
                written = found.reference.update(claimed, option=unchanged, retry=CONTENDED)
            except (FailedPrecondition, NotFound, PermissionDenied) as refusal:
                # Somebody wrote in between; perhaps not a claim. The rules look at what is there
                # now, before the version is looked at.
                read = found
                found = read.reference.get()
                if isinstance(refusal, PermissionDenied) and found.update_time == read.update_time:
                    raise
            else:
                return Taken(task_id, {**fields, **claimed}, written.update_time)

    def held(self, found: _Snapshot) -> Taken | None:
        """Return a task as it was read, if the session has it."""
        fields = found.to_dict() or {}
        if fields.get("status") not in HELD_STATUSES or fields.get("session_id") != self.session_id:
            return None
        return Taken(found.id, fields, found.update_time)

    def collided(self, task_id: str, fields: dict[str, Any], at: datetime | None) -> None:
        """Tell of a lost claim: one incident for each session that loses to the same claim.

        Where nobody else has it, say because it was called off, nobody collided.
        """
        holder, agent = fields.get("session_id"), fields.get("agent_id")
        if holder == self.session_id or (holder is None and agent is None):
            return
        lost_to = f"{holder or agent}|{fields.get('claimed_at')}"
        self.incidents.tell(
            "claim_collision",
            task_id,
            lost_to,
            self.session_id,
            at=at,
            task_id=task_id,
            other_agent_id=agent,
            other_session_id=holder,
        )


def claim_fields(agent: str, session_id: str, at: datetime) -> dict[str, Any]:
    """Return what a claim writes on the task."""
    return {
        "status": "claimed",
        "claimed_at": at,
        "agent_id": agent,
        "session_id": session_id,
        "reported_at": at,
    }
