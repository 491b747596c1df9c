"""The activity of a session, as its tasks and its waits report it, on the session's document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import inf
from typing import Any

from google.cloud.firestore import SERVER_TIMESTAMP

from tachograph.firestore.database import FleetDatabase
from tachograph.reports.checked import (
    checked_count,
    checked_fields,
    checked_moment,
    checked_window,
)
from tachograph.rotation.context_level import ContextLevels
from tachograph.session.context_window import ContextWindow
from tachograph.session.document import SessionDocument
from tachograph.session.runtime import SessionStart
from tachograph.task.waits import Wait, WaitListener, Waits
from tachograph.task.work import TaskListener, TaskWork
from tachograph_schema.fields import MAX_COUNT
from tachograph_schema.paths import SESSIONS
from tachograph_schema.usage import Usage

_PROGRESS_S = 5.0
"""How late progress alone is written, because a session is stuck after minutes only."""
_PROGRESS_AT_MOST_S = 60.0
"""The same of a session that is written rarely, because it has lasted."""
_STEP_PCT = 1.0
"""A fill that has changed by this much is written promptly: a threshold may lie in between."""
_WEIGHT = 0.8
"""The factor by which each call lowers the weight of earlier ones: about ten calls matter."""
_MAX_TOKENS_PER_S = 1e6
"""A higher rate is an error of the clock, and the rules would refuse the whole document."""


class SessionActivity(TaskListener, WaitListener):
    """Turns the activity of a session into fields of its document."""

    def __init__(self, database: FleetDatabase, levels: ContextLevels, start: SessionStart) -> None:
        self.ended = False
        self.task_type: str | None = None
        self.context = ContextWindow(start.fields, start.window_tokens, levels)
        self._fields = SessionDocument(start.heartbeat_s)
        self._document = database.document(SESSIONS, start.id, self._fields)
        self._writer = database.writer
        if start.heartbeat_s is not None:
            self._writer.keep_alive(self._document, self._fields, start.heartbeat_s)
        self._rate = TokenRate()
        self._told_pct = inf
        """The free percentage of the context as it was last written promptly."""
        self._waits = Waits(self)
        self._at_work: set[TaskWork] = set()
        self._succession = start.succession
        """The succession whose duration the first progress reports."""

    @property
    def state(self) -> str | None:
        """The session's last reported state."""
        return self._fields.state

    @property
    def landed(self) -> Mapping[str, Any]:
        """The session's document as this process knows it."""
        return self._document.landed

    def say(
        self,
        at: datetime | None,
        *,
        now: bool = False,
        **fields: Any,  # noqa: ANN401 - a session's
    ) -> None:
        """Set fields of the session, as of `at`; `now` has them written at once.

        A value that no session can have is left out with a warning.
        """
        said = checked_fields("sessions", fields)
        self._say(checked_moment(at), said, now=now, promptly=True)

    def fill(
        self,
        used_tokens: int,
        window_tokens: int | None,
        at: datetime | None,
        **fields: Any,  # noqa: ANN401 - a session's
    ) -> float | None:
        """Set the fill of the context, with other fields; return the percentage that is free."""
        used_tokens = checked_count(used_tokens, "used_tokens")
        return self._filled(used_tokens, checked_window(window_tokens), checked_moment(at), fields)

    def forget_fill(self, at: datetime | None, **fields: Any) -> None:  # noqa: ANN401 - a session's
        """Set fields of the session whose context holds nobody knows how much."""
        unknown = self.context.forget()
        self._say(checked_moment(at), fields, progress=True, promptly=True, unknown=unknown)

    def called(self, usage: Usage, at: datetime | None, generation_ms: int | None) -> float | None:
        """Take a call of the session's own context; return the percentage that is still free."""
        rate = self._rate.note(usage.tokens_out, generation_ms)
        return self._filled(usage.prompt_tokens, None, at, rate)

    def spent(self, nanousd: int) -> None:
        """Add to the session's cost."""
        self._fields.spend(nanousd)
        self._writer.soon(self._document)

    def found(self, nanousd: int) -> None:
        """Note a cost that landed before this process spoke: an earlier one may have added it."""
        self._fields.find_spent(nanousd)
        self._writer.soon(self._document)

    def progressed(self) -> None:
        """Note that the work moved on, now."""
        if self._fields.moved_on():
            self._writer.soon(self._document, wait_s=_PROGRESS_S, within_s=_PROGRESS_AT_MOST_S)

    def task_begun(self, work: TaskWork, at: datetime | None, task_type: str | None) -> None:
        """Note that the session works on a task."""
        changed: dict[str, Any] = {} if task_type == self.task_type else {"task_type": task_type}
        self.task_type = task_type
        self._at_work.add(work)
        self._waits.then("active")
        self.say(at, state="active", task_id=work.id, **changed)

    def task_ended(self, at: datetime | None) -> None:
        """Note that a task has ended: without another one the session is idle, and never stuck."""
        if not self.ended and self._is_idle() and not self._waits.then("idle"):
            self.say(at, state="idle")

    def waiting(self, reason: str, up_to_s: float | None) -> Wait:
        """Return a wait of at most `up_to_s` seconds."""
        return Wait(self._waits, reason, up_to_s)

    def wait_changed(self, state: str, waiting_for: str | None, max_ms: int | None) -> None:
        """Set the session's state, with the reason and the longest duration of its wait."""
        if not self.ended:
            wait = {"waiting_for": waiting_for, "waiting_max_ms": max_ms}
            said = checked_fields("sessions", {"state": state, **wait})
            self._say(None, said, progress=True, now=True)

    def end(self, reason: str, at: datetime | None) -> None:
        """End the session."""
        self.ended = True
        ended_at = at or SERVER_TIMESTAMP
        self.say(at, state="completed", ended_at=ended_at, end_reason=reason, now=True)
        self._writer.let_go(self._document)

    def _filled(
        self,
        used_tokens: int,
        window_tokens: int | None,
        at: datetime | None,
        others: Mapping[str, Any],
    ) -> float | None:
        """Set a fill that is a count, with other fields; any other is left out with a warning."""
        if not 0 <= used_tokens <= MAX_COUNT:  # of a correction, or of one bucket upon another
            self.say(at, context_used_tokens=used_tokens, **others)
            return None
        fields = self.context.fill(used_tokens, window_tokens, at)
        fields.update(others)
        if self._succession is not None:
            fields.update(self._arrival(used_tokens))
        left_pct: float | None = fields.get("context_remaining_pct")
        self._say(at, fields, progress=True, promptly=self._has_moved(left_pct))
        return left_pct

    def _has_moved(self, left_pct: float | None) -> bool:
        """Tell whether the fill has changed enough since it was last written promptly."""
        if left_pct is None or abs(left_pct - self._told_pct) < _STEP_PCT:
            return False
        self._told_pct = left_pct
        return True

    def _say(
        self,
        at: datetime | None,
        fields: Mapping[str, Any],
        *,
        now: bool = False,
        promptly: bool = False,
        progress: bool = False,
        unknown: Sequence[str] = (),
    ) -> None:
        """Set fields that were checked where they were said, or are of our own making."""
        self._fields.say(at, fields, progress=progress, unknown=unknown)
        within_s = _PROGRESS_AT_MOST_S if progress else inf
        self._writer.soon(self._document, now=now, promptly=promptly, within_s=within_s)

    def _is_idle(self) -> bool:
        """Tell whether every task is over, or another session's."""
        self._at_work -= {work for work in [*self._at_work] if work.is_over}
        return all(work.lost for work in [*self._at_work])

    def _arrival(self, used_tokens: int) -> dict[str, Any]:
        """Return the duration of the handoff, with the first progress of a successor."""
        succession, self._succession = self._succession, None
        if succession is None:
            return {}
        fields = {"handoff_ms": succession.handoff_ms(), "bootstrap_tokens": used_tokens}
        return {name: value for name, value in fields.items() if value is not None}


class TokenRate:
    """Output tokens a second while they are generated; later calls weigh more."""

    def __init__(self) -> None:
        self._tokens = self._ms = 0.0

    def note(self, tokens_out: int, generation_ms: int | None) -> dict[str, float]:
        """Note a call; return `tokens_per_s` of it and those before, where it was timed."""
        if not generation_ms or generation_ms < 0 or tokens_out < 0:
            return {}
        self._tokens = _WEIGHT * self._tokens + tokens_out
        self._ms = _WEIGHT * self._ms + generation_ms
        return {"tokens_per_s": min(_MAX_TOKENS_PER_S, round(1000 * self._tokens / self._ms, 1))}
