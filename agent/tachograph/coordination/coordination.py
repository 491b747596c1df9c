"""The part of a session's work that concerns other sessions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from tachograph.coordination.branch_guard import BranchGuard
from tachograph.coordination.branch_lease import MAX_LEASE_S, Lease
from tachograph.coordination.claims import ClaimedTask, Claims
from tachograph.coordination.dispatch import Dispatcher
from tachograph.coordination.git import WorkingCopy
from tachograph.coordination.incidents import Incidents
from tachograph.coordination.messages import Inbox, Message, Outbox
from tachograph.coordination.queue import Queue
from tachograph.coordination.selection import TaskFilter
from tachograph.firestore.database import FleetDatabase
from tachograph.reports.checked import checked_moment, required_seconds, required_text
from tachograph_schema.paths import SESSIONS, TASKS


class Coordination:
    """Claims, messages, dispatches and branch guards of one session.

    `Session` has a method for each, whose docstring is the contract.
    """

    def __init__(self, database: FleetDatabase, agent: str, session_id: str) -> None:
        self._database, self._agent, self._session_id = database, agent, session_id
        self._incidents = Incidents(database, agent=agent, session_id=session_id)
        self._claims = Claims(database, agent, session_id, self._incidents)
        self._queue = Queue(self._claims)
        self._outbox = Outbox(database, agent)
        self._inboxes: list[Inbox] = []

    def claim(self, task_id: str, at: datetime | None) -> ClaimedTask:
        """Claim a queued task; raises ClaimLost or LookupError."""
        self._database.writer.make_room(_BACKLOG_WAIT_S)
        return self._claims.claim(self._database.id(TASKS, task_id), checked_moment(at))

    def claim_next(self, wanted: TaskFilter, at: datetime | None) -> ClaimedTask | None:
        """Claim a task of the queue that fits; None when there is none."""
        self._database.writer.make_room(_BACKLOG_WAIT_S)
        return self._queue.take(wanted, checked_moment(at))

    def dispatch(self, task_id: str, agent: str, session_id: str | None, ref: str | None) -> str:
        """Give a task to a worker; return the worker's session."""
        task_id = self._database.id(TASKS, task_id)
        agent = required_text(agent, "the agent's name")
        if session_id is not None:
            session_id = self._database.id(SESSIONS, session_id)
        if ref is not None:
            ref = required_text(ref, "ref")
        return Dispatcher(self._claims).dispatch(task_id, agent, session_id, ref)

    def send(self, to_agent: str, message_id: str | None, **fields: str | None) -> str:
        """Send a message in the background; return its id."""
        return self._outbox.send(to_agent, message_id, **fields)

    def inbox(self, on_message: Callable[[Message], None] | None) -> Inbox:
        """Listen to the agent's messages until the session ends."""
        inbox = Inbox(self._outbox, on_message)
        self._inboxes.append(inbox)
        return inbox

    def guard(
        self, repo: str, branch: str, folder: str | Path | None, remote: str, lease_s: float
    ) -> BranchGuard:
        """Return a guard of a branch; raises ValueError where `lease_s` is out of bounds."""
        repo, branch = required_text(repo, "repo"), required_text(branch, "branch")
        lease_s = required_seconds(lease_s, "lease_s", MAX_LEASE_S)
        lease = Lease(
            self._database.client,
            self._database.fleet,
            repo,
            branch,
            agent=self._agent,
            session_id=self._session_id,
            lease_s=lease_s,
        )
        copy = None if folder is None else WorkingCopy(Path(folder), remote)
        return BranchGuard(lease, self._incidents, self._session_id, copy)

    def close(self) -> None:
        """Stop listening to other sessions."""
        for inbox in self._inboxes:
            inbox.close()


_BACKLOG_WAIT_S = 1.0
