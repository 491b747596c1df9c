"""One context window of an agent: its tasks, its fill, its waits, its rotation and its end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from google.cloud.firestore import SERVER_TIMESTAMP

from tachograph.process.block import Block
from tachograph.process.fork import begins_anew
from tachograph.reports.checked import checked_fields, checked_moment, checked_name
from tachograph.rotation.signal import Rotation
from tachograph.rotation.succession import take_over
from tachograph.session.activity import SessionActivity
from tachograph.session.runtime import Runtime, SessionStart
from tachograph.session.task_runs import TaskRuns
from tachograph.task.run import TaskRun
from tachograph.task.waits import Wait
from tachograph.task.work import TaskWork
from tachograph.tracing.attributes import ns

if TYPE_CHECKING:
    from tachograph_schema.pricing.call import Call
    from tachograph_schema.rotation.thresholds import Level


class Window(Block):
    """A session's own window; `Session` adds its work with other sessions."""

    def __init__(self, runtime: Runtime, start: SessionStart) -> None:
        self.id, self.agent, self.succession = start.id, start.agent, start.succession
        self._runtime, self._start = runtime, start
        self._activity = SessionActivity(runtime.database, runtime.levels, start)
        self._runs = TaskRuns(runtime, self._activity, start)
        generation = int(start.fields.get("generation") or 0)
        self._rotation = Rotation(runtime.database, start.id, generation)
        begun = {"state": "idle", "started_at": start.at or SERVER_TIMESTAMP, "generation": 0}
        self._activity.say(start.at, now=True, **begun | dict(start.fields))
        begins_anew(self)

    def forked(self) -> None:
        """Leave the session's state and its end to the parent; its tasks may be worked on."""
        self._activity.ended = True
        for work in self._runs.all():
            work.trace = None

    @property
    def should_rotate(self) -> bool:
        """Whether the fleet wants a fresh session to take over; pushed, never polled."""
        return self.signal is not None

    @property
    def signal(self) -> Mapping[str, Any] | None:
        """The rotation signal to this session, if there is one; the first look begins to listen."""
        self._rotation.listen()
        return self._rotation.signal

    @property
    def context_level(self) -> Level | None:
        """The level of the context by the fleet's thresholds: well, warn or rotate; pushed.

        None until the agent has stated the fill of its context.
        """
        context = self._activity.context
        return self._runtime.levels.of(
            model=self._start.fields.get("model"),
            task_type=self._activity.task_type,
            context_used_tokens=context.used_tokens,
            context_window_tokens=context.window_tokens,
        )

    @property
    def relieved(self) -> bool:
        """Whether a successor has taken over, so that any further work here is done twice."""
        self._rotation.listen()
        return self._rotation.relieved

    @property
    def lost(self) -> frozenset[str]:
        """The tasks that went to another session while this one was not heard of.

        Stop working on them: their usage here is counted, and the other session has their status.
        """
        return frozenset(work.id for work in self._runs.all() if work.lost)

    def wait_for_signal(self, timeout_s: float) -> bool:
        """Wait for a rotation signal; False when there was none within `timeout_s` seconds."""
        return self._rotation.wait(timeout_s)

    def take_over(self) -> TaskRun | None:
        """Go on with the task of the session that this one succeeds.

        None where there is no such task any more: it has ended, or another session has it.
        """
        if self.succession is None:
            return None
        database = self._runtime.database
        claimed = take_over(database.client, database.fleet, self.succession, self.agent, self.id)
        if claimed is None:
            return None
        run = self._runs.resume(claimed, datetime.now(UTC))
        # The call that reads the notes is a part of the cost of the rotation.
        self._runs.work(claimed.task_id).overhead_next("rotation")
        return run

    async def take_over_async(self) -> TaskRun | None:
        """Go on with the predecessor's task without blocking the event loop; as `take_over`."""
        return await asyncio.to_thread(self.take_over)

    def task(self, task_id: str, *, at: datetime | None = None, **fields: Any) -> TaskRun:  # noqa: ANN401
        """Begin a task, or go on with an existing one, without a claim.

        `fields` are any of the task's, such as `task_type="build"`. `at` is when it began, by
        default now.
        """
        at, fields = checked_moment(at), checked_fields("tasks", fields)
        began_at = at or datetime.now(UTC)
        begun = {"status": "active", "started_at": began_at, "created_at": began_at, **fields}
        return self._runs.begin(task_id, at, begun)

    def update(self, *, at: datetime | None = None, **fields: Any) -> None:  # noqa: ANN401
        """Set any of the session's fields."""
        self._activity.say(at, **fields)

    def waiting(self, what: str, *, up_to_s: float | None = None) -> Wait:
        """Declare a wait: `with session.waiting("pytest", up_to_s=900): ...`.

        A session without progress is taken for stuck, except within the seconds of a declared wait.
        Raises ValueError unless `up_to_s` is above 0.
        """
        return self._activity.waiting(what, up_to_s)

    def context(
        self,
        used_tokens: int,
        *,
        window_tokens: int | None = None,
        at: datetime | None = None,
        task_id: str | None = None,
    ) -> None:
        """State the fill of the context: the tokens of the last call, and how many fit.

        A task is told too, by default the one begun last, because the effect of a full context
        shows in how tasks end.
        """
        work = self._runs.current if task_id is None else self._runs.work(task_id)
        self._fill(work, used_tokens, window_tokens, at)

    def compacted(
        self,
        used_tokens: int | None,
        *,
        window_tokens: int | None = None,
        at: datetime | None = None,
    ) -> None:
        """State that the context was summarised in place, and its tokens now: a new generation.

        None for tokens that are not known until the next call. A signal to the generation before
        needs no answer any more.
        """
        # A process that resumes a session reads its generation with its first write.
        landed = 0 if self._start.replayed else int(self._activity.landed.get("generation") or 0)
        self._rotation.generation = max(self._rotation.generation, landed) + 1
        self._rotation.consider()
        generation = self._rotation.generation
        if used_tokens is None:
            self._activity.forget_fill(at, generation=generation)
        else:
            self._fill(self._runs.current, used_tokens, window_tokens, at, generation=generation)

    def spawned_by(self, task_id: str, **lineage: Any) -> None:  # noqa: ANN401
        """Say late what spawned a task, for the replay of recordings; an owner alone may.

        `lineage` is `parent_task_id`, `root_task_id` and `depth`. One that is there stays.
        """
        self._runs.spawned_by(task_id, checked_fields("tasks", lineage))

    def bill(self, calls: Sequence[Call], *, number: int, at: datetime | None = None) -> None:
        """State what the session's own bill says beyond the calls that were recorded, by model.

        It is a task of its own, of type `session_bill`, because the bill does not say when the rest
        was spent, nor for which task. A later bill replaces an earlier one: `number` rises with
        every bill, such as its tokens. Each call has `calls=0` and the difference of a model.
        """
        self._runs.bill(calls, number, checked_moment(at))

    def hand_off(self, *, journal: str | None = None, at: datetime | None = None) -> None:
        """End the session for a successor; `journal` is the place of the notes for it.

        This answers the rotation signal, and the fleet may then start the successor.
        """
        fields = {} if journal is None else checked_fields("sessions", {"journal_ref": journal})
        at, journal = checked_moment(at), fields.get("journal_ref")
        self.update(at=at, **fields)
        current = self._runs.current
        if current is not None and current.is_over:
            current = None
        if current is not None:
            current.write_now()
        self.end("rotated", at=at)
        self._rotation.journal(journal, None if current is None else current.id)

    def end(self, reason: str = "completed", *, at: datetime | None = None) -> None:
        """End the session: completed, rotated, crashed or compacted."""
        if self._activity.ended:
            return
        at, reason = checked_moment(at), checked_name(reason, "reason") or "completed"
        self._activity.ended = True
        for work in self._runs.all():
            if work.trace is not None and reason == "rotated":
                work.trace.end("rotated", ns(at))
            if reason == "crashed":
                work.give_up(at)
        self._activity.end(reason, at)
        self._rotation.close()

    def _fill(
        self,
        work: TaskWork | None,
        used_tokens: int,
        window_tokens: int | None,
        at: datetime | None,
        **fields: Any,  # noqa: ANN401 - a session's
    ) -> None:
        left_pct = self._activity.fill(used_tokens, window_tokens, at, **fields)
        if work is not None and left_pct is not None:
            work.context_left(left_pct)

    def _leave(self, error: type[BaseException] | None) -> None:
        self.end("completed" if error is None else "crashed")
