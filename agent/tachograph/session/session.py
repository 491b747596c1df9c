"""A session: one context window of an agent, and its work with other sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from tachograph.coordination.branch_guard import BranchGuard
from tachograph.coordination.coordination import Coordination
from tachograph.coordination.messages import Inbox, Message
from tachograph.coordination.queue import task_filter
from tachograph.session.runtime import Runtime, SessionStart
from tachograph.session.window import Window
from tachograph.task.run import TaskRun


class Session(Window):
    """One context window, from start to rotation; made by `Fleet.session`.

    As a context manager, leaving the block ends the session: `crashed` by an exception, else
    `completed`, unless it was handed off or ended before.
    """

    def __init__(self, runtime: Runtime, start: SessionStart) -> None:
        super().__init__(runtime, start)
        self._coordination = Coordination(runtime.database, start.agent, start.id)

    def claim(self, task_id: str, *, at: datetime | None = None) -> TaskRun:
        """Take a queued task, so that no other session can; then work on it.

        A task that this session has claimed can be claimed again. Raises:

        - ClaimLost when another session has the task; it names that session's agent.
        - LookupError when there is no such task.
        """
        return self._runs.resume(self._coordination.claim(task_id, at), at)

    async def claim_async(self, task_id: str, *, at: datetime | None = None) -> TaskRun:
        """Claim a task without blocking the event loop; as `claim`."""
        return await asyncio.to_thread(self.claim, task_id, at=at)

    def claim_next(
        self,
        *,
        task_type: str | None = None,
        repo: str | None = None,
        labels: Mapping[str, str] | None = None,
        at: datetime | None = None,
    ) -> TaskRun | None:
        """Take a task of the queue with all of these fields, and work on it; None without one.

        The task is of the most urgent priority, chosen at random among the 8 to 128 oldest: more
        after lost races, fewer after won ones. So two contenders at the same moment collide with a
        chance of one in that many. The price is order: within a priority a task may be taken before
        an older one. A lost race is counted as a collision, and the next task tried.

        A call reads about as many documents as it chooses from, and one more for a lost race.
        `labels`, and `repo` together with `task_type`, are matched in the 100 oldest tasks only.
        """
        claimed = self._coordination.claim_next(task_filter(task_type, repo, labels), at)
        return None if claimed is None else self._runs.resume(claimed, at)

    async def claim_next_async(
        self,
        *,
        task_type: str | None = None,
        repo: str | None = None,
        labels: Mapping[str, str] | None = None,
        at: datetime | None = None,
    ) -> TaskRun | None:
        """Take a task without blocking the event loop; as `claim_next`."""
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

        The task is claimed for one session of the agent, by default its newest that does not
        rotate. A message of kind `dispatch` with the task's id, and with `ref`, goes to the agent's
        inbox. Both are written or neither. The worker begins with `session.task(message.task_id)`.

        A rotation that is signalled between looking and giving comes too late; the task is then
        handed over with the others. Raises:

        - DispatchRefused where the session is told to rotate, has ended, or none is open; that is
          counted as an incident with both names.
        - ClaimLost where the task is not queued any more.
        - LookupError where there is no such task.
        """
        return self._coordination.dispatch(task_id, agent, session_id, ref)

    async def dispatch_async(
        self,
        task_id: str,
        agent: str,
        *,
        session_id: str | None = None,
        ref: str | None = None,
    ) -> str:
        """Give a task to a worker without blocking the event loop; as `dispatch`."""
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

        `ref` is the place of the content, because content itself is never stored. A message that is
        sent again with the same `message_id` is one message. A failed write is repeated until it
        succeeds, or the process ends.
        """
        return self._coordination.send(
            to_agent, message_id, kind=kind, ref=ref, task_id=task_id, traceparent=traceparent
        )

    def inbox(self, on_message: Callable[[Message], None] | None = None) -> Inbox:
        """Listen to the messages for this agent that are not acknowledged, oldest first.

        `for message in session.inbox(): ...; message.acknowledge()`, or a callback, which is called
        in a thread of its own. It ends with the session, or when it is closed.
        """
        return self._coordination.inbox(on_message)

    def guard_repo(
        self,
        repo: str,
        branch: str,
        *,
        folder: str | Path | None = None,
        remote: str = "origin",
        lease_s: float = 60.0,
    ) -> BranchGuard:
        """Hold a branch exclusively: `with session.guard_repo("shop", "main") as guard: ...`.

        The lease is renewed in the background. If this process dies, other agents can take the
        branch `lease_s` seconds (1-86,400) after the last renewal, by the database's clock.

        With a `folder`, `guard.git("push", remote, branch)` runs git there while the branch is
        held, and git's refusals are counted. A foreign commit at the head of the branch on `remote`
        is counted as contamination; the head is read at the beginning, at the end, and after a
        refused push. Raises:

        - BranchHeld, on entering, when another agent holds the branch; it names that agent, and is
          counted as an incident with both names.
        - ValueError where `lease_s` is out of bounds.
        """
        return self._coordination.guard(repo, branch, folder, remote, lease_s)

    def end(self, reason: str = "completed", *, at: datetime | None = None) -> None:
        """End the session: completed, rotated, crashed or compacted."""
        super().end(reason, at=at)
        self._coordination.close()
