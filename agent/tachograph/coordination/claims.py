"""Claiming a task, so that exactly one session has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import FailedPrecondition, NotFound, PermissionDenied
from google.cloud import firestore

from tachograph.coordination.incidents import Incidents
from tachograph.errors import ClaimLost
from tachograph.firestore.database import FleetDatabase
from tachograph.firestore.pace import CONTENDED
from tachograph_schema.documents.task import HELD_STATUSES
from tachograph_schema.paths import TASKS

if TYPE_CHECKING:
    _Snapshot = firestore.DocumentSnapshot[Any]

CLAIMABLE = ("queued", None)


@dataclass(frozen=True, slots=True)
class ClaimedTask:
    """A task that was claimed: its fields, and the version of the document that holds them."""

    task_id: str
    fields: dict[str, Any]
    version: Any


@dataclass(frozen=True, slots=True)
class Claims:
    """Claims tasks of a fleet for one session."""

    database: FleetDatabase
    agent: str
    session_id: str
    incidents: Incidents

    def claim(self, task_id: str, at: datetime | None = None) -> ClaimedTask:
        """Claim a task by its name; raises ClaimLost or LookupError."""
        return self.take(self.database.reference(TASKS, task_id).get(), at)

    def take(self, snapshot: _Snapshot, at: datetime | None = None) -> ClaimedTask:
        """Claim a task as it was read; raises ClaimLost or LookupError.

        The write holds only for the version that was read, so of two sessions one wins. The other
        reads again and writes an incident with both names, however it learns that it lost. A claim
        that landed although its answer was lost is recognised at the next read. Without `at` the
        database's clock dates the claim.
        """
        while True:
            task_id = snapshot.id
            if not snapshot.exists:
                raise LookupError(
                    f"{snapshot.reference.path} does not exist; expected a task of this fleet, "
                    "as Fleet.create_task creates it"
                )
            fields = snapshot.to_dict() or {}
            status = fields.get("status")
            if own := self.held(snapshot):
                return own
            if status not in CLAIMABLE:
                self.collided(task_id, fields, at)
                raise ClaimLost(task_id, str(status), fields.get("agent_id"))
            claimed = claim_fields(self.agent, self.session_id, at or snapshot.read_time)
            try:
                unchanged = self.database.client.write_option(last_update_time=snapshot.update_time)
                written = snapshot.reference.update(claimed, option=unchanged, retry=CONTENDED)
            except (FailedPrecondition, NotFound, PermissionDenied) as refusal:
                # Another write came first; perhaps not a claim. The rules look at the stored
                # document before the version is compared.
                before, snapshot = snapshot, snapshot.reference.get()
                denied = isinstance(refusal, PermissionDenied)
                if denied and snapshot.update_time == before.update_time:
                    raise
            else:
                return ClaimedTask(task_id, {**fields, **claimed}, written.update_time)

    def held(self, snapshot: _Snapshot) -> ClaimedTask | None:
        """Return a task as it was read, if the session has it."""
        fields = snapshot.to_dict() or {}
        if fields.get("status") not in HELD_STATUSES or fields.get("session_id") != self.session_id:
            return None
        return ClaimedTask(snapshot.id, fields, snapshot.update_time)

    def collided(self, task_id: str, fields: dict[str, Any], at: datetime | None) -> None:
        """Write a lost claim as an incident: one for each session that loses to the same claim.

        There is no collision where no other session has the task, say because it was cancelled.
        """
        holder, agent = fields.get("session_id"), fields.get("agent_id")
        if holder == self.session_id or (holder is None and agent is None):
            return
        lost_to = f"{holder or agent}|{fields.get('claimed_at')}"
        self.incidents.write(
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
    """Return the fields that a claim writes on the task."""
    return {
        "status": "claimed",
        "claimed_at": at,
        "agent_id": agent,
        "session_id": session_id,
        "reported_at": at,
    }
