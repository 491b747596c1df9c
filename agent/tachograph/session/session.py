"""A session: one context window of an agent, and the tasks it works on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from google.cloud.firestore import SERVER_TIMESTAMP

from tachograph.coordination.claims import Taken
from tachograph.coordination.coordination import Coordination
from tachograph.firestore.writer import Document
from tachograph.rotation.signal import Rotation
from tachograph.rotation.succession import Succession, take_over
from tachograph.session.context_window import ContextWindow
from tachograph.session.document import SessionDocument
from tachograph.session.runtime import Runtime
from tachograph.session.task_runs import TaskRuns
from tachograph.session.token_rate import TokenRate
from tachograph.task.run import IDENTITY, TaskRun
from tachograph.task.waits import Wait, Waits
from tachograph.tracing.task_spans import ns
from tachograph_schema.paths import SESSIONS, DocumentPath
from tachograph_schema.usage import Usage

if TYPE_CHECKING:
    from tachograph.tracing.tracer import Tracer
    from tachograph_schema.rotation.thresholds import Level

_BACKLOG_WAIT_S = 1.0
_PROGRESS_S = 5.0
"""How late progress alone is told: what is stuck, is so for minutes."""


class Session(Coordination):
    """One context window, from start to rotation; made by `Fleet.session`.

    As a context manager, leaving the block ends the session: `crashed` by an exception, else
    `completed`, unless it was handed off or ended before.
    """

    def __init__(
        self,
        shared: Runtime,
        session_id: str,
        reporter: str,
        *,
        agent: str,
        window_tokens: int | None,
        at: datetime | None,
        fields: Mapping[str, Any],
        heartbeat_s: int | None = None,
        succession: Succession | None = None,
        replayed: bool = False,
    ) -> None:
        self.id, self.agent, self.succession = session_id, agent, succession
        self._shared, self._writer = shared, shared.writer
        self._fields = {"agent_id": agent, **fields}
        self._replayed, self._is_traced, self._ended = replayed, False, False
        self._health = SessionDocument(heartbeat_s)
        self._waits = Waits(self._waited, lambda: self._health.state or "active")
        client, fleet, on_write = shared.client, shared.fleet, shared.on_write
        path = DocumentPath(fleet, SESSIONS, session_id)
        self._document = Document(client, str(path), self._health, on_write)
        if heartbeat_s is not None:
            self._writer.keep_alive(self._document, self._health.beat, heartbeat_s)
        self._coordinate(client, fleet, self._writer, on_write, self._resume)
        self._runs = TaskRuns(
            shared,
            session_id,
            reporter,
            self._fields,
            spooled=not replayed,
            on_call=self._called,
            on_spent=self._spent,
            on_progress=self._moved_on,
            on_end=self._put_down,
            waiting=self.waiting,
        )
        self._task_type: str | None = None
        self._generation = int(fields.get("generation") or 0)
        self._rotation = Rotation(
            client, fleet, session_id, lambda: self._generation, self._writer, on_write
        )
        self._arrived = succession is None
        self._context, self._speed = ContextWindow(self._fields, window_tokens), TokenRate()
        began_at = at or SERVER_TIMESTAMP
        begun = {"state": "idle", "started_at": began_at, "generation": 0, **self._fields}
        self._say(at, now=True, **begun)

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
        """How the context stands by the fleet's thresholds: well, warn or rotate; pushed.

        None where nobody has said how full it is.
        """
        return self._shared.levels.of(
            model=self._fields.get("model"),
            task_type=self._task_type,
            context_used_tokens=self._context.used_tokens,
            context_window_tokens=self._context.window_tokens,
        )

    @property
    def relieved(self) -> bool:
        """Whether a successor has taken over: what is still done here is done twice."""
        self._rotation.listen()
        return self._rotation.relieved

    def wait_for_signal(self, timeout_s: float) -> bool:
        """Wait until the session is told to rotate; False when it was not within the timeout."""
        return self._rotation.wait(timeout_s)

    def take_over(self) -> TaskRun | None:
        """Go on with the task of the session this one succeeds.

        None where there is no such task any more: it has ended, or somebody else has it.
        """
        if self.succession is None:
            return None
        taken = take_over(
            self._shared.client, self._shared.fleet, self.succession, self.agent, self.id
        )
        if taken is None:
            return None
        run = self._resume(taken, datetime.now(UTC))
        run.overhead_next("rotation")  # reading itself in is a part of what the rotation cost
        return run

    async def take_over_async(self) -> TaskRun | None:
        """Go on with the predecessor's task without holding up the event loop; as `take_over`."""
        return await asyncio.to_thread(self.take_over)

    def task(self, task_id: str, *, at: datetime | None = None, **fields: Any) -> TaskRun:  # noqa: ANN401
        """Begin a task, or go on with one that there is: no claim, no question asked."""
        began_at = at or datetime.now(UTC)
        begun = {"status": "active", "started_at": began_at, "created_at": began_at, **fields}
        run, _ = self._runs.open(task_id)
        self._begin(run, at, begun)
        return run

    def update(self, *, at: datetime | None = None, **fields: Any) -> None:  # noqa: ANN401
        """Set any of the session's fields."""
        self._say(at, **fields)

    def waiting(self, what: str, *, up_to_s: float | None = None) -> Wait:
        """Declare a wait: `with session.waiting("pytest", up_to_s=900): ...`.

        What takes long is taken for stuck, unless it is within the time that it declared.
        """
        return Wait(self._waits, what, up_to_s)

    @property
    def lost(self) -> frozenset[str]:
        """The tasks that went to another session while this one was not heard of.

        Stop working on them: what was spent is counted, and how they stand is for the other to say.
        """
        return self._runs.lost()

    def context(
        self,
        used_tokens: int,
        *,
        window_tokens: int | None = None,
        at: datetime | None = None,
        task_id: str | None = None,
    ) -> None:
        """Say how full the context is: what the last call held, and how much fits.

        It is told of the task too, by default of the one begun last: where the cliff is, shows in
        how tasks end.
        """
        run = self._runs.current if task_id is None else self._runs.open(task_id)[0]
        self._fill(used_tokens, window_tokens, at, run)

    def _fill(
        self,
        used_tokens: int,
        window_tokens: int | None,
        at: datetime | None,
        run: TaskRun | None,
        **fields: Any,  # noqa: ANN401 - a session's
    ) -> None:
        fields |= self._context.fill(used_tokens, window_tokens, at)
        left = fields.get("context_remaining_pct")
        if run is not None and left is not None:
            run.context_left(left)
        self._say(at, progress=True, **fields, **self._arrival(used_tokens))

    def compacted(
        self, used_tokens: int, *, window_tokens: int | None = None, at: datetime | None = None
    ) -> None:
        """Say that the context was summarised in place: what it holds now, and a new generation.

        A signal to the generation before asks nothing of this one.
        """
        # A process that goes on with a session learns of its generation by its first write.
        known = 0 if self._replayed else int(self._document.landed.get("generation") or 0)
        self._generation = max(self._generation, known) + 1
        self._rotation.consider()
        self._fill(used_tokens, window_tokens, at, self._runs.current, generation=self._generation)

    def hand_off(self, *, journal: str | None = None, at: datetime | None = None) -> None:
        """End the session for a successor, and say where it finds the notes.

        What the session was told to rotate by is answered with it: then the fleet may start one.
        """
        fields = {} if journal is None else {"journal_ref": journal}
        self.update(at=at, **fields)
        current = self._runs.current
        if current is not None and current.is_over:
            current = None
        if current is not None:
            self._writer.soon(self._runs.open(current.id)[1], now=True)
        self.end("rotated", at=at)
        self._rotation.journal(journal, None if current is None else current.id)

    def end(self, reason: str = "completed", *, at: datetime | None = None) -> None:
        """End the session: completed, rotated, crashed or compacted."""
        if self._ended:
            return
        self._ended = True
        for run in self._runs.all():
            if run.trace is not None and reason == "rotated":
                run.trace.end("rotated", ns(at))
        if reason == "crashed":
            for run in self._runs.all():
                run.give_up(at=at)
        ended_at = at or SERVER_TIMESTAMP
        self._say(at, state="completed", ended_at=ended_at, end_reason=reason, now=True)
        self._writer.let_go(self._document)
        self._rotation.stop()
        self._part()

    def _resume(self, taken: Taken, at: datetime | None) -> TaskRun:
        run, document = self._runs.open(taken.task_id)
        document.know(taken.fields, taken.version)
        kind = {name: taken.fields[name] for name in _ASKED if name in taken.fields}
        begun = {"status": "active", "started_at": at or datetime.now(UTC), **kind}
        self._begin(run, at, begun)
        return run

    def _begin(self, run: TaskRun, at: datetime | None, fields: Mapping[str, Any]) -> None:
        self._writer.make_room(_BACKLOG_WAIT_S)
        if self._shared.tracer is not None:
            fields = {**fields, "traceparent": self._trace(self._shared.tracer, run, at, fields)}
        own = {k: v for k, v in self._fields.items() if k in _ASSIGNED}
        said = {**own, "session_id": self.id, **fields}
        identity = {name: value for name, value in said.items() if name in IDENTITY}
        assignment = {name: value for name, value in said.items() if name not in IDENTITY}
        run.begin(at, identity, assignment)
        kind = fields.get("task_type")
        told: dict[str, Any] = {} if kind == self._task_type else {"task_type": kind}
        self._runs.begin(run)
        self._task_type = kind
        self._waits.then("active")
        self._say(at, state="active", task_id=run.id, **told)

    def _trace(
        self, tracer: Tracer, run: TaskRun, at: datetime | None, fields: Mapping[str, Any]
    ) -> str:
        """Begin the spans of a task; return the trace context its document has, or gets."""
        if run.trace is not None:
            run.trace.end(None, ns(at))
        first, self._is_traced = not self._is_traced, True
        run.trace = tracer.task(
            run.id,
            at,
            fields,
            self._fields,
            session_id=self.id,
            first=first,
            replayed=self._replayed,
        )
        own = str(run.trace.span.place)
        self._say(at, traceparent=own)
        return str(fields.get("traceparent") or own)

    def _arrival(self, used_tokens: int) -> dict[str, Any]:
        """Return what a successor's first progress says: the gap, and what it read itself in by."""
        if self._arrived or self.succession is None:
            return {}
        self._arrived = True
        said = {"handoff_ms": self.succession.handoff_ms(), "bootstrap_tokens": used_tokens}
        return {name: value for name, value in said.items() if value is not None}

    def _called(
        self, run: TaskRun, usage: Usage, at: datetime | None, generation_ms: int | None
    ) -> None:
        speed = self._speed.note(usage.tokens_out, generation_ms)
        self._fill(usage.prompt_tokens, None, at, run, **speed)

    def _moved_on(self) -> None:
        if self._health.moved_on():
            self._writer.soon(self._document, within_s=_PROGRESS_S)

    def _put_down(self, at: datetime | None) -> None:
        # Who has nothing to do makes no progress, and is not stuck.
        if not self._ended and self._runs.is_idle() and not self._waits.then("idle"):
            self._say(at, state="idle")

    def _waited(self, fields: Mapping[str, Any]) -> None:
        if not self._ended:
            self._say(None, now=True, progress=True, **fields)

    def _spent(self, nanousd: int) -> None:
        self._health.spend(nanousd)
        self._writer.soon(self._document)

    def _say(
        self,
        at: datetime | None,
        *,
        now: bool = False,
        progress: bool = False,
        **fields: Any,  # noqa: ANN401
    ) -> None:
        self._health.say(at, fields, progress=progress)
        self._writer.soon(self._document, now=now)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end("completed" if kind is None else "crashed")

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)


_ASKED = ("task_type", "traceparent", "attempt", "parent_task_id")
"""What a trace, or a threshold, depends on of a task that was claimed."""
_ASSIGNED = ("agent_id", "agent_role", "agent_version", "model", "provider")
"""What of a session is also said of the tasks it works on."""
