"""A pretended agent's acts, told to the fleet through the SDK."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tachograph import ClaimLost
from tachograph_cli.demo.actions import (
    Act,
    Asked,
    Contended,
    Finished,
    HandedOff,
    Idle,
    Opened,
    Paused,
    Queued,
    Ran,
    Retried,
    Took,
    Waited,
)
from tachograph_cli.demo.simulation import ROTATE_BELOW

if TYPE_CHECKING:
    from tachograph import Fleet, Session, TaskRun
    from tachograph_cli.demo.simulation import Agent

HEARTBEAT = timedelta(seconds=30)
"""An idle agent says so again this often, so that it is not taken for lost."""


class Actor:
    """One agent on the stage: its session and its task."""

    def __init__(self, fleet: Fleet, agent: Agent, run_id: str) -> None:
        self.agent = agent
        self._fleet = fleet
        self._run_id = run_id
        self._session: Session | None = None
        self._task: TaskRun | None = None
        self._started: dict[str, datetime] = {}
        self._rested_at: datetime | None = None

    def feel(self, *, live: bool) -> None:
        """Learn what the agent is told: by the fleet's signal, or by its own gauge in the past."""
        if self._session is None:
            return
        if live:
            self.agent.signalled = self._session.should_rotate
        else:
            self.agent.signalled = self.agent.remaining < ROTATE_BELOW

    def hang(self) -> None:
        """Go on saying that it is there, and at work, as a process does that does not get on."""
        if self._session is not None:
            self._session.update()

    def act(self, act: Act, at: datetime, *, live: bool) -> None:
        """Tell the fleet of one act."""
        # What happens now is said without a time, so that the fleet sees it as of now.
        when = None if live else at
        match act:
            case Opened():
                self._open(act, when)
            case Queued():
                if live:  # of the past only what was taken is worth a write
                    self._fleet.create_task(act.job.id, **act.job.fields)
            case Took():
                self._take(act, at, live=live)
            case Contended():
                self._contend(act, live=live)
            case HandedOff() | Idle():
                self._rest(act, when, at)
            case Asked() | Ran() | Waited() | Retried() | Finished():
                self._work(act, when, at)
            case Paused():
                pass

    def end(self) -> None:
        """Leave the stage."""
        if self._session is not None:
            self._session.end()

    def _open(self, act: Opened, when: datetime | None) -> None:
        fields: dict[str, Any] = {"runtime": "pretend"}
        before = self._session if act.succeeds else None
        if before is not None and when is None:
            fields["successor_of"] = before.id
        elif before is not None:  # in the past there is nobody to claim it from
            fields["predecessor_session_id"] = before.id
            fields["journal_ref"] = f"journals/{before.id}.md"
            fields["generation"] = act.generation
        self._session = self._fleet.session(
            self.agent.name,
            session_id=f"{self._run_id}-{self.agent.name}-{act.generation}",
            model=act.model.name,
            provider=act.model.provider,
            role=self.agent.role,
            context_window=act.model.window_tokens,
            at=when,
            **fields,
        )

    def _take(self, act: Took, at: datetime, *, live: bool) -> None:
        session, job = self._session, act.job
        if session is None:
            return
        started = self._started.setdefault(job.id, at)
        if live and not act.handed_over:
            try:
                self._task = session.claim(job.id)
            except (ClaimLost, LookupError):
                self._task = None
            return
        succession = session.succession if live else None
        if succession is not None and succession.task_id == job.id:
            self._task = session.take_over()
            return
        fields = {**job.fields, "task_type": job.kind, "started_at": started}
        self._task = session.task(job.id, at=None if live else at, **fields)
        if job.kind != "coordination" and act.handed_over:
            self._task.add(at=None if live else at, rotations=1)
            self._task.update(at=None if live else at, attempt_kind="rotation")

    def _contend(self, act: Contended, *, live: bool) -> None:
        if live and self._session is not None:
            try:
                self._session.claim(act.job.id)
            except (ClaimLost, LookupError):
                return

    def _rest(self, act: HandedOff | Idle, when: datetime | None, at: datetime) -> None:
        if self._session is None:
            return
        if isinstance(act, HandedOff):
            if self._task is not None:
                self._task.flush()  # before its successor speaks of the same task
            self._session.hand_off(journal=f"journals/{self._session.id}.md", at=when)
        elif self._rested_at is None or at - self._rested_at >= HEARTBEAT:
            self._rested_at = at
            self._session.update(at=when, state="idle")

    def _work(
        self,
        act: Asked | Ran | Waited | Retried | Finished,
        when: datetime | None,
        at: datetime,
    ) -> None:
        task, session = self._task, self._session
        if task is None or session is None:
            return
        if task.trace is not None:
            task.trace.in_turn = True  # of an answer and its tools it is told at once
        match act:
            case Asked():
                self._asked(task, act, when)
            case Ran():
                task.tool(act.tool, errors=int(act.error), duration_ms=act.duration_ms, at=when)
            case Waited(waiting_for=None):
                task.update(at=when, status="active")
                session.update(at=when, state="active", waiting_for=None)
            case Waited():
                task.wait(at=when)
                session.update(at=when, state="waiting", waiting_for=act.waiting_for)
            case Retried():
                task.add(at=when, retries=1)
                task.update(at=when, status="active", attempt=act.attempt, attempt_kind="retry")
            case Finished():
                self._finish(task, session, act, when, at)

    def _asked(self, task: TaskRun, act: Asked, when: datetime | None) -> None:
        model = act.model
        task.record(
            act.usage,
            model=model.name,
            provider=model.provider,
            duration_ms=act.duration_ms,
            at=when,
            overhead=act.overhead,
        )
        task.add(at=when, steps=1)

    def _finish(
        self, task: TaskRun, session: Session, act: Finished, when: datetime | None, at: datetime
    ) -> None:
        started = self._started.pop(task.id, at)
        fields: dict[str, Any] = {
            "duration_ms": max(0, round((at - started).total_seconds() * 1000)),
            "context_remaining_pct": round(100 * self.agent.remaining, 1),
        }
        if act.error_type is None:
            task.complete(at=when, **fields)
        else:
            task.fail(act.error_type, at=when, **fields)
        session.update(at=when, state="idle")
        self._task = None
