"""What a session does about others: takes tasks, sends messages, guards branches, dispatches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from google.cloud import firestore

from tachograph.coordination.branch_guard import Guard
from tachograph.coordination.claims import Claims, Taken
from tachograph.coordination.dispatch import Dispatcher
from tachograph.coordination.git import WorkingCopy
from tachograph.coordination.incidents import Incidents
from tachograph.coordination.lease import MAX_LEASE_S, Lease
from tachograph.coordination.messages import Inbox, Message, Post
from tachograph.coordination.queue import Queue
from tachograph.coordination.selection import Wanted

if TYPE_CHECKING:
    from tachograph.firestore.writer import OnWrite, Writer
    from tachograph.task.run import TaskRun


class Coordination:
    """The part of a session that has to do with other sessions."""

    id: str
    agent: str

    def _coordinate(
        self,
        client: firestore.Client,
        fleet: str,
        writer: Writer,
        on_write: OnWrite,
        resume: Callable[[Taken, datetime | None], TaskRun],
    ) -> None:
        """Begin; `resume` goes on with a task that was claimed."""
        self.__client, self.__fleet = client, fleet
        self.__writer, self.__resume = writer, resume
        self.__incidents = Incidents(
            client, fleet, writer, on_write, agent=self.agent, session_id=self.id
        )
        self.__claims = Claims(client, fleet, self.agent, self.id, self.__incidents)
        self.__queue = Queue(self.__claims)
        self.__post = Post(client, fleet, self.agent, writer, on_write)
        self.__inboxes: list[Inbox] = []

    def _part(self) -> None:
        """End what listens to others."""
        for inbox in self.__inboxes:
            inbox.close()

    def claim(self, task_id: str, *, at: datetime | None = None) -> TaskRun:
        """Take a queued task, so that no other session can; then work on it.

        Raises ClaimLost, with the name of whoever holds it, when it was taken; LookupError when
        there is no such task. What this session has claimed it may claim again.
        """
        self.__writer.make_room(_BACKLOG_WAIT_S)
        return self.__resume(self.__claims.claim(task_id, at), at)

    async def claim_async(self, task_id: str, *, at: datetime | None = None) -> TaskRun:
        """Claim a task without holding up the event loop; as `claim`."""
        return await asyncio.to_thread(self.claim, task_id, at=at)

    def claim_next(
        self,
        *,
        task_type: str | None = None,
        repo: str | None = None,
        labels: Mapping[str, str] | None = None,
        at: datetime | None = None,
    ) -> TaskRun | None:
        """Take a task of the queue that fits, and work on it; None when there is none.

        One of the most urgent priority found, chosen by lot among the oldest, 8 to 128 of them: as
        many as lost races call for. So contenders that come at the same moment meet with a chance
        of one in that many for each other contender, where all would collide over the very oldest.
        The price is order: within a priority a task may be taken before one that waited longer. A
        race lost on the way is counted as a collision, and the next task tried.

        Reads about as many documents as it chooses among, and one more for a lost race. Labels, and
        a repository where there is a type as well, are looked for in the 100 oldest.
        """
        self.__writer.make_room(_BACKLOG_WAIT_S)
        taken = self.__queue.take(Wanted(task_type, repo, labels), at)
        return None if taken is None else self.__resume(taken, at)

    async def claim_next_async(
        self,
        *,
        task_type: str | None = None,
        repo: str | None = None,
        labels: Mapping[str, str] | None = None,
        at: datetime | None = None,
    ) -> TaskRun | None:
        """Take a task without holding up the event loop; as `claim_next`."""
        return await asyncio.to_thread(
            self.claim_next, task_type=task_type, repo=repo, labels=labels, at=at
        )

    def dispatch(
        self,
        task_id: str,
        agent: str,
        *,
        session_id: str | None = None,
        ref: str | None = None,
    ) -> str:
        """Give a queued task to a worker, for an orchestrator; return the worker's session.

        The task is claimed for one session of the agent, by default the newest that stays, and a
        message of kind `dispatch` with the task's id is put into its inbox, both or neither; the
        worker begins with `session.task(message.task_id)`. Raises DispatchRefused, which is counted
        as an incident with both names, where the session is told to rotate, has ended, or none is
        open; ClaimLost where the task is not queued any more; LookupError where there is none.

        A rotation that is signalled in the moment between looking and giving comes too late: the
        task is then handed over with the rest.
        """
        return Dispatcher(self.__claims).dispatch(task_id, agent, session_id, ref)

    async def dispatch_async(
        self,
        task_id: str,
        agent: str,
        *,
        session_id: str | None = None,
        ref: str | None = None,
    ) -> str:
        """Give a task to a worker without holding up the event loop; as `dispatch`."""
        return await asyncio.to_thread(
            self.dispatch, task_id, agent, session_id=session_id, ref=ref
        )

    def send(
        self,
        to_agent: str,
        *,
        kind: str | None = None,
        ref: str | None = None,
        task_id: str | None = None,
        traceparent: str | None = None,
        message_id: str | None = None,
    ) -> str:
        """Send a message to another agent, in the background, and return its id.

        `ref` says where the content is: content itself is never stored. A `message_id` of one's own
        makes a message that is sent again the same message. One that cannot be sent yet is tried
        again until it is, or the process ends.
        """
        return self.__post.send(
            to_agent, message_id, kind=kind, ref=ref, task_id=task_id, traceparent=traceparent
        )

    def inbox(self, on_message: Callable[[Message], None] | None = None) -> Inbox:
        """Listen to the messages for this agent that nobody has acknowledged, oldest first.

        `for message in session.inbox(): ...; message.acknowledge()`, or a callback, which is called
        in a thread of its own. It ends with the session, or when it is closed.
        """
        inbox = Inbox(self.__post, on_message)
        self.__inboxes.append(inbox)
        return inbox

    def guard_repo(
        self,
        repo: str,
        branch: str,
        *,
        folder: str | Path | None = None,
        remote: str = "origin",
        lease_s: float = 60.0,
    ) -> Guard:
        """Have a branch to oneself: `with session.guard_repo("shop", "main") as guard: ...`.

        Raises BranchHeld, with the name of whoever holds it, which is counted as an incident with
        both names. The lease is renewed in the background; should this process end without a word,
        others may take the branch after `lease_s`, by the database's clock.

        With a `folder`, `guard.git("push", remote, branch)` runs git there, as long as the branch
        is held, and counts what git refuses; and a commit that somebody else put at the head of
        the remote's branch meanwhile is counted as contamination: git is asked for that head at the
        beginning, at the end, and where a push is refused.
        """
        if not 1 <= lease_s <= MAX_LEASE_S:
            raise ValueError(f"lease_s is {lease_s}; expected seconds, 1-{MAX_LEASE_S}")
        lease = Lease(
            self.__client,
            self.__fleet,
            repo,
            branch,
            agent=self.agent,
            session_id=self.id,
            lease_s=lease_s,
        )
        copy = None if folder is None else WorkingCopy(Path(folder), remote)
        return Guard(lease, self.__incidents, self.id, copy)


_BACKLOG_WAIT_S = 1.0
