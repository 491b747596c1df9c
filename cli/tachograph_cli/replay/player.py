"""One context window of a recording, played through the SDK as one session of the fleet."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from tachograph.task.run import trace_of
from tachograph_cli.replay.estimates import added, window_size
from tachograph_cli.replay.schedule import RecordedSession
from tachograph_cli.replay.transcripts.events import (
    Billed,
    CallFailed,
    Compacted,
    Event,
    ModelCall,
    PullRequestNamed,
    SessionFacts,
    ToolUsed,
    TurnEnded,
    TurnStarted,
    UnreadableLine,
)

if TYPE_CHECKING:
    from datetime import datetime

    from tachograph import Fleet
    from tachograph.session.session import Session
    from tachograph.task.run import TaskRun
    from tachograph_cli.replay.bills import Correction
    from tachograph_cli.replay.tally import Tally
    from tachograph_cli.replay.transcripts.deduplication import CallRegistry


Work: TypeAlias = ModelCall | ToolUsed | CallFailed | Compacted
SUBAGENT = "subagent"
LINEAGE = ("parent_task_id", "root_task_id", "depth")
PULL_REQUEST = "pull_request"
AFTERWARDS = timedelta(milliseconds=1)
"""The time from a recording's last line to the write that leaves its session idle."""


class Player:
    """Plays one recorded session into the fleet, event by event.

    A task is created with its first call, because many prompts are commands that call no model. The
    reports of a task depend on the transcript's lines alone, so the SDK resumes a replay by
    counting the reports that have landed.
    """

    def __init__(
        self,
        fleet: Fleet,
        recording: RecordedSession,
        registry: CallRegistry,
        tally: Tally,
        *,
        live: bool,
        window: int | None,
    ) -> None:
        self._fleet = fleet
        self._recording = recording
        self._own = recording.first.agent
        self._registry = registry
        self._tally = tally
        self._live = live
        self._fixed_window = window
        self._window = window
        self._facts: SessionFacts | None = None
        self._session: Session | None = None
        self._runs: dict[str, TaskRun] = {}
        self._labels: dict[str, dict[str, str]] = {}
        self._turn: TurnStarted | None = None
        self._at_work: str | None = None
        self._model: str | None = None
        self._latest = recording.first.started_at

    def play(self, event: Event) -> None:
        """Write one event to the fleet."""
        match event:
            case UnreadableLine():
                self._tally.count_unreadable(event)
            case SessionFacts():
                self._facts = event
            case TurnStarted():
                self._turn = event
            case TurnEnded():
                self._end(event)
            case PullRequestNamed():
                self._name_pull_request(event)
            case Billed():
                pass  # what it says beyond the calls is known when all of them are counted
            case _:
                self._work(event)

    def close(self) -> None:
        """Leave the session idle, and its task as the recording left it."""
        if self._session is not None and self._at_work is not None:
            self._update_session(self._latest + AFTERWARDS, state="idle")

    def _name_pull_request(self, event: PullRequestNamed) -> None:
        """Label the task with the pull request, by which its cost can be asked for."""
        labels = self._labels.setdefault(event.task, {})
        name = PULL_REQUEST if not labels else f"{PULL_REQUEST}_{len(labels) + 1}"
        labels[name] = event.url
        run = self._runs.get(event.task)
        if run is not None:
            run.update(at=self._at(event.at), labels=dict(labels))

    def bill(self, correction: Correction) -> None:
        """Write what the session's own bill says beyond its calls."""
        if self._session is None and correction.calls:
            self._open_session(None)
        if self._session is not None:
            at = self._at(max(self._latest, correction.at))
            self._session.bill(correction.calls, number=correction.number, at=at)
            self._tally.count_calls(correction.calls)

    def _work(self, event: Work) -> None:
        at, own = self._at(event.at), event.agent == self._own
        self._latest = max(self._latest, event.at)
        session = self._open_session(event.model if own and isinstance(event, ModelCall) else None)
        if own and isinstance(event, Compacted):
            # Before the task changes, because the context was full of the task before.
            latest = self._at(self._latest)
            session.compacted(event.context_tokens, window_tokens=self._window, at=latest)
        run = self._task_run(session, event)
        trace = trace_of(run)
        if trace is not None:
            trace.date_next(event.line_at if isinstance(event, ModelCall) else event.at)
        if own and self._at_work != event.task:
            self._at_work = event.task
            self._update_session(self._latest, state="active", task_id=event.task)
        match event:
            case ModelCall():
                self._call(run, event)
                if own and event.fills_context:
                    self._update_context(session, event, run)
            case ToolUsed():
                errors = int(event.error)
                run.tool(event.name, errors=errors, duration_ms=event.duration_ms, at=at)
            case CallFailed():
                run.add(at=at, llm_errors=1)
            case Compacted():
                run.add(at=at, compactions=1)

    def _call(self, run: TaskRun, event: ModelCall) -> None:
        calls = added(event)
        run.record_calls(calls, at=self._at(event.at), own_context=False)
        self._tally.count_calls(calls)

    def _update_context(self, session: Session, event: ModelCall, run: TaskRun) -> None:
        """Write how full the context is, by the prompt of the agent's own last call."""
        used = event.usage.prompt_tokens
        if self._fixed_window is None:
            self._window = window_size(self._window, event.window, used)
        if event.model is not None and event.model != self._model:
            self._model = event.model
            self._update_session(self._latest, model=event.model)
        at = self._at(self._latest)
        session.context(used, window_tokens=self._window, at=at, task_id=run.id)

    def _end(self, event: TurnEnded) -> None:
        run = self._runs.get(event.task)
        if run is None:
            return  # the prompt called no model
        trace = trace_of(run)
        if trace is not None:
            trace.date_next(event.at)
        at = self._at(event.at)
        fields = {} if event.duration_ms is None else {"duration_ms": event.duration_ms}
        if event.outcome == "completed":
            run.complete(at=at, **fields)
        elif event.outcome == "failed":
            run.fail(event.error_type or "unknown", at=at, **fields)
        else:
            run.cancel(at=at, **fields)
        if event.task == self._at_work:
            self._at_work = None
            self._latest = max(self._latest, event.at)
            self._update_session(self._latest, state="idle")

    def _task_run(self, session: Session, event: Work) -> TaskRun:
        run = self._runs.get(event.task)
        if run is None:
            turn = self._turn
            started_at = turn.at if turn is not None and turn.task == event.task else event.at
            fields = self._task_fields(event)
            if not self._live:
                fields |= {"created_at": started_at, "started_at": started_at}
            run = session.task(event.task, at=self._at(self._latest), **fields)
            lineage = {name: fields[name] for name in LINEAGE if name in fields}
            if lineage:
                session.spawned_by(run.id, **lineage)
            trace = trace_of(run)
            if trace is not None:
                trace.date_start(started_at)
            self._runs[event.task] = run
            self._tally.tasks += 1
            if self._at_work is not None and event.agent != self._own:
                self._update_session(self._latest, task_id=self._at_work)  # not the sub-agent's
        return run

    def _task_fields(self, event: Work) -> dict[str, Any]:
        """Return the fields of a new task: its type, place, model and parent."""
        facts = self._facts
        fields: dict[str, Any] = {
            "task_type": "turn" if event.agent is None else "subagent",
            "telemetry_source": "transcript",
            "labels": dict(self._labels.get(event.task, {})) or None,
            "repo": facts and facts.repo,
            "branch": facts and facts.branch,
            # A failed call states no model; the session's last one is the best guess.
            "model": event.model if isinstance(event, ModelCall) else self._model,
        }
        parent = self._registry.spawning_task(self._recording.first.owner)
        if event.agent is not None:
            fields["agent_role"] = SUBAGENT
            if self._own is None:
                parent = event.task.removesuffix(f".{event.agent}")
        if parent is not None:
            fields |= {"parent_task_id": parent, "root_task_id": parent, "depth": 1}
        return {name: value for name, value in fields.items() if value is not None}

    def _open_session(self, model: str | None) -> Session:
        if self._session is None:
            facts = self._facts
            is_subagent = facts is not None and facts.parent_session is not None
            self._model = model
            self._session = self._fleet.session(
                self._recording.agent,
                session_id=self._recording.first.owner,
                model=self._model,
                provider=self._provider,
                role=SUBAGENT if is_subagent else None,
                context_window=self._window,
                at=self._at(self._recording.first.started_at),
                replayed=True,
                runtime=self._recording.first.kind,
                **({"agent_version": facts.agent_version} if facts and facts.agent_version else {}),
            )
            self._tally.sessions += 1
        return self._session

    def _update_session(self, at: datetime, **fields: str) -> None:
        """Update the session's document, whose time never goes back."""
        if self._session is not None:
            self._session.update(at=self._at(at), **fields)

    def _at(self, recorded: datetime) -> datetime | None:
        """Return the moment to report; None, which stands for now, in a live replay."""
        return None if self._live else recorded

    @property
    def _provider(self) -> str | None:
        return None if self._facts is None else self._facts.provider
