"""One simulated agent, played through the SDK as a session of the fleet."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tachograph import ClaimLost
from tachograph.task.run import trace_of
from tachograph_cli.demo.actions import (
    Action,
    CallModel,
    CallTool,
    ContendForTask,
    FinishTask,
    HandOff,
    OpenSession,
    Pause,
    QueueTask,
    Rest,
    RetryTask,
    TakeTask,
    Wait,
)
from tachograph_cli.demo.simulation import ROTATE_BELOW

if TYPE_CHECKING:
    from tachograph import Fleet, Session, TaskRun
    from tachograph_cli.demo.simulation import SimulatedAgent

HEARTBEAT = timedelta(seconds=30)
"""The interval at which an idle agent writes, so that it does not count as lost."""


class Player:
    """Plays one agent: its present session and its present task."""

    def __init__(self, fleet: Fleet, agent: SimulatedAgent, run_id: str) -> None:
        self.agent = agent
        self._fleet = fleet
        self._run_id = run_id
        self._session: Session | None = None
        self._task: TaskRun | None = None
        self._started: dict[str, datetime] = {}
        self._rested_at: datetime | None = None

    def read_signal(self, *, live: bool) -> None:
        """Set the agent's rotation signal: the fleet's own, or its threshold in the past."""
        if self._session is None:
            return
        if live:
            self.agent.signalled = self._session.should_rotate
        else:
            self.agent.signalled = self.agent.remaining < ROTATE_BELOW

    def hang(self) -> None:
        """Send a heartbeat without progress, as a process that hangs does."""
        if self._session is not None:
            self._session.update()

    def play(self, action: Action, at: datetime, *, live: bool) -> None:
        """Write one action to the fleet: as of now where it is `live`, else as of `at`."""
        when = None if live else at
        match action:
            case OpenSession():
                self._open(action, when)
            case QueueTask():
                if live:  # in the past, only a task that an agent took is written
                    self._fleet.create_task(action.task.id, **action.task.fields)
            case TakeTask():
                self._take(action, at, live=live)
            case ContendForTask():
                self._contend(action, live=live)
            case HandOff() | Rest():
                self._rest(action, when, at)
            case CallModel() | CallTool() | Wait() | RetryTask() | FinishTask():
                self._work(action, when, at)
            case Pause():
                pass

    def _open(self, action: OpenSession, when: datetime | None) -> None:
        fields: dict[str, Any] = {"runtime": "pretend"}
        before = self._session if action.succeeds else None
        if before is not None and when is None:
            fields["successor_of"] = before.id
        elif before is not None:  # in the past there is no signal to claim
            fields["predecessor_session_id"] = before.id
            fields["journal_ref"] = f"journals/{before.id}.md"
            fields["generation"] = action.generation
        self._session = self._fleet.session(
            self.agent.name,
            session_id=f"{self._run_id}-{self.agent.name}-{action.generation}",
            model=action.model.name,
            provider=action.model.provider,
            role=self.agent.role,
            context_window=action.model.window_tokens,
            at=when,
            **fields,
        )

    def _take(self, action: TakeTask, at: datetime, *, live: bool) -> None:
        session, task = self._session, action.task
        if session is None:
            return
        started = self._started.setdefault(task.id, at)
        if live and not action.handed_over:
            try:
                self._task = session.claim(task.id)
            except (ClaimLost, LookupError):
                self._task = None
            return
        succession = session.succession if live else None
        if succession is not None and succession.task_id == task.id:
            self._task = session.take_over()
            return
        fields = {**task.fields, "task_type": task.kind, "started_at": started}
        self._task = session.task(task.id, at=None if live else at, **fields)
        if task.kind != "coordination" and action.handed_over:
            self._task.add(at=None if live else at, rotations=1)
            self._task.update(at=None if live else at, attempt_kind="rotation")

    def _contend(self, action: ContendForTask, *, live: bool) -> None:
        if live and self._session is not None:
            try:
                self._session.claim(action.task.id)
            except (ClaimLost, LookupError):
                return

    def _rest(self, action: HandOff | Rest, when: datetime | None, at: datetime) -> None:
        if self._session is None:
            return
        if isinstance(action, HandOff):
            if self._task is not None:
                self._task.flush()  # before its successor writes the same task
            self._session.hand_off(journal=f"journals/{self._session.id}.md", at=when)
        elif self._rested_at is None or at - self._rested_at >= HEARTBEAT:
            self._rested_at = at
            self._session.update(at=when, state="idle")

    def _work(
        self,
        action: CallModel | CallTool | Wait | RetryTask | FinishTask,
        when: datetime | None,
        at: datetime,
    ) -> None:
        task, session = self._task, self._session
        if task is None or session is None:
            return
        trace = trace_of(task)
        if trace is not None:
            trace.in_turn = True  # an answer and its tools are reported at once
        match action:
            case CallModel():
                self._model_call(task, action, when)
            case CallTool():
                task.tool(
                    action.tool, errors=int(action.error), duration_ms=action.duration_ms, at=when
                )
            case Wait(waiting_for=None):
                task.update(at=when, status="active")
                session.update(at=when, state="active", waiting_for=None)
            case Wait():
                task.wait(at=when)
                session.update(at=when, state="waiting", waiting_for=action.waiting_for)
            case RetryTask():
                task.add(at=when, retries=1)
                task.update(at=when, status="active", attempt=action.attempt, attempt_kind="retry")
            case FinishTask():
                self._finish(task, session, action, when, at)

    def _model_call(self, task: TaskRun, action: CallModel, when: datetime | None) -> None:
        model = action.model
        task.record(
            action.usage,
            model=model.name,
            provider=model.provider,
            duration_ms=action.duration_ms,
            at=when,
            overhead=action.overhead,
        )
        task.add(at=when, steps=1)

    def _finish(
        self,
        task: TaskRun,
        session: Session,
        action: FinishTask,
        when: datetime | None,
        at: datetime,
    ) -> None:
        started = self._started.pop(task.id, at)
        fields: dict[str, Any] = {
            "duration_ms": max(0, round((at - started).total_seconds() * 1000)),
            "context_remaining_pct": round(100 * self.agent.remaining, 1),
        }
        if action.error_type is None:
            task.complete(at=when, **fields)
        else:
            task.fail(action.error_type, at=when, **fields)
        session.update(at=when, state="idle")
        self._task = None
