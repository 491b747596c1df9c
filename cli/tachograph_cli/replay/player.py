"""One context window of a recording, played through the SDK as one session of the fleet."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from tachograph_cli.replay.schedule import Part, growth_cost_nanousd, window
from tachograph_cli.replay.transcripts.events import (
    Broken,
    Called,
    CallFailed,
    Compacted,
    Event,
    Facts,
    ToolUsed,
    TurnEnded,
    TurnStarted,
)

if TYPE_CHECKING:
    from datetime import datetime

    from tachograph import Fleet
    from tachograph.session.session import Session
    from tachograph.task.run import TaskRun
    from tachograph_cli.replay.tally import Tally
    from tachograph_cli.replay.transcripts.deduplication import Seen


Work: TypeAlias = Called | ToolUsed | CallFailed | Compacted
SUBAGENT = "subagent"
AFTERWARDS = timedelta(milliseconds=1)
"""What the end of a recording says is news to what its last line said."""


class Player:
    """Tells the fleet what one agent did, in the order it did it.

    A task is created when something comes of it: many prompts are commands that call no model.
    What is reported of a task is a function of the transcript's lines alone, so that the SDK can
    resume by counting the reports that have landed.
    """

    def __init__(
        self, fleet: Fleet, part: Part, seen: Seen, tally: Tally, *, live: bool, window: int | None
    ) -> None:
        self._fleet = fleet
        self._part = part
        self._own = part.first.agent
        self._seen = seen
        self._tally = tally
        self._live = live
        self._fixed_window = window
        self._window = window
        self._facts: Facts | None = None
        self._session: Session | None = None
        self._runs: dict[str, TaskRun] = {}
        self._turn: TurnStarted | None = None
        self._at_work: str | None = None
        self._model: str | None = None
        self._latest = part.first.started_at

    def play(self, event: Event) -> None:
        """Tell of one event."""
        match event:
            case Broken():
                self._tally.passed_by(event)
            case Facts():
                self._facts = event
            case TurnStarted():
                self._turn = event
            case TurnEnded():
                self._end(event)
            case _:
                self._work(event)

    def close(self) -> None:
        """Leave the session as the recording left it, and idle."""
        if self._session is not None and self._at_work is not None:
            self._health(self._latest + AFTERWARDS, state="idle")

    def _work(self, event: Work) -> None:
        at, own = self._at(event.at), event.agent == self._own
        self._latest = max(self._latest, event.at)
        session = self._opened(event, own=own)
        if own and isinstance(event, Compacted):
            # First of all: how full the context was, belongs to what was before.
            at_once = self._at(self._latest)
            session.compacted(event.context_tokens, window_tokens=self._window, at=at_once)
        run = self._run(session, event)
        if run.trace is not None:
            run.trace.tell(event.said_at if isinstance(event, Called) else event.at)
        if own and self._at_work != event.task:
            self._at_work = event.task
            self._health(self._latest, state="active", task_id=event.task)
        match event:
            case Called():
                self._call(run, event)
                if own:
                    self._fill(session, event, run)
            case ToolUsed():
                errors = int(event.error)
                run.tool(event.name, errors=errors, duration_ms=event.duration_ms, at=at)
            case CallFailed():
                run.add(at=at, llm_errors=1)
            case Compacted():
                run.add(at=at, compactions=1)

    def _call(self, run: TaskRun, event: Called) -> None:
        further = event.grown_from is not None
        usage = event.usage if event.grown_from is None else event.usage - event.grown_from
        more_nanousd = growth_cost_nanousd(event, self._provider)
        run.record(
            usage,
            model=event.model,
            provider=self._provider,
            at=self._at(event.at),
            priced_at=event.at,
            cost_nanousd=more_nanousd,
            calls=0 if further else 1,
            own_context=False,
        )
        self._tally.called(event, usage, self._provider, more_nanousd)

    def _fill(self, session: Session, event: Called, run: TaskRun) -> None:
        """Tell how full the window is, by the agent's own last call."""
        used = event.usage.prompt_tokens
        if self._fixed_window is None:
            self._window = window(self._window, event.window, used)
        if event.model is not None and event.model != self._model:
            self._model = event.model
            self._health(self._latest, model=event.model)
        at = self._at(self._latest)
        session.context(used, window_tokens=self._window, at=at, task_id=run.id)

    def _end(self, event: TurnEnded) -> None:
        run = self._runs.get(event.task)
        if run is None:
            return  # nothing came of it
        if run.trace is not None:
            run.trace.tell(event.at)
        at = self._at(event.at)
        more = {} if event.duration_ms is None else {"duration_ms": event.duration_ms}
        if event.outcome == "completed":
            run.complete(at=at, **more)
        elif event.outcome == "failed":
            run.fail(event.error_type or "unknown", at=at, **more)
        else:
            run.cancel(at=at, **more)
        if event.task == self._at_work:
            self._at_work = None
            self._latest = max(self._latest, event.at)
            self._health(self._latest, state="idle")

    def _run(self, session: Session, event: Work) -> TaskRun:
        run = self._runs.get(event.task)
        if run is None:
            turn = self._turn
            begun = turn.at if turn is not None and turn.task == event.task else event.at
            fields = self._task_fields(event)
            if not self._live:
                fields |= {"created_at": begun, "started_at": begun}
            run = session.task(event.task, at=self._at(self._latest), **fields)
            if run.trace is not None:
                run.trace.begun_at(begun)
            self._runs[event.task] = run
            self._tally.tasks += 1
            if self._at_work is not None and event.agent != self._own:
                self._health(self._latest, task_id=self._at_work)  # it is its sub-agent's task
        return run

    def _task_fields(self, event: Work) -> dict[str, Any]:
        """Say what the task is, where it stands, and which task it is a part of."""
        facts = self._facts
        fields: dict[str, Any] = {
            "task_type": "turn" if event.agent is None else "subagent",
            "telemetry_source": "transcript",
            "repo": facts and facts.repo,
            "branch": facts and facts.branch,
            # What failed before it answered says no model; the session's last is the best guess.
            "model": event.model if isinstance(event, Called) else self._model,
        }
        parent = self._seen.spawned_by(self._part.first.owner)
        if event.agent is not None:
            fields["agent_role"] = SUBAGENT
            if self._own is None:
                parent = event.task.removesuffix(f".{event.agent}")
        if parent is not None:
            fields |= {"parent_task_id": parent, "root_task_id": parent, "depth": 1}
        return {name: value for name, value in fields.items() if value is not None}

    def _opened(self, event: Work, *, own: bool) -> Session:
        if self._session is None:
            facts = self._facts
            is_subagent = facts is not None and facts.parent_session is not None
            self._model = event.model if own and isinstance(event, Called) else None
            self._session = self._fleet.session(
                self._part.agent,
                session_id=self._part.first.owner,
                model=self._model,
                provider=self._provider,
                role=SUBAGENT if is_subagent else None,
                context_window=self._window,
                at=self._at(self._part.first.started_at),
                replayed=True,
                runtime=self._part.first.kind,
                **({"agent_version": facts.agent_version} if facts and facts.agent_version else {}),
            )
            self._tally.sessions += 1
        return self._session

    def _health(self, at: datetime, **fields: str) -> None:
        """Tell of the session itself: its clock, unlike its calls', never goes back."""
        if self._session is not None:
            self._session.update(at=self._at(at), **fields)

    def _at(self, recorded: datetime) -> datetime | None:
        """Return when the fleet is to count it: in its own time, or now when it plays live."""
        return None if self._live else recorded

    @property
    def _provider(self) -> str | None:
        return None if self._facts is None else self._facts.provider
