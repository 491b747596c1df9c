"""A session's unwritten fields: the latest value of each, and every low of its context."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from google.cloud.firestore import DELETE_FIELD, SERVER_TIMESTAMP

from tachograph.process.fork import begins_anew
from tachograph_schema.periods import hour_of

_LEFT = "context_remaining_pct"
_ONCE = ("started_at",)
"""Fields that a resumed session has set already."""
_LOST = "crashed"
"""The reason by which functions end a session that is not heard of."""


class SessionDocument:
    """The session document's fields that changed and are not written yet.

    Later values replace earlier ones, with one exception: where the context was freed, its low is
    written first, because rotation is decided by it.

    A change without a time is dated by the database, because only that clock decides whether a
    session is alive. The first such change promises a heartbeat.
    """

    def __init__(self, heartbeat_s: int | None = None) -> None:
        self._heartbeat_s = heartbeat_s
        self._live = False
        self._state: str | None = None
        self._ended = False
        self._begin()
        begins_anew(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[dict[str, Any]] = deque()
        self._in_flight: dict[str, Any] | None = None
        self._spent_nanousd = 0
        self._in_flight_nanousd = 0
        self._said_nanousd = 0
        self._signs: dict[str, Any] = {}

    def forked(self) -> None:
        """Begin with nothing to write in a child, which gives no signs of life for its parent."""
        self._begin()
        self._live, self._heartbeat_s = False, None

    def say(
        self,
        at: datetime | None,
        fields: Mapping[str, Any],
        *,
        progress: bool = False,
        unknown: Sequence[str] = (),
    ) -> None:
        """Change fields, as of `at` or of now; a new state is progress as well.

        `unknown` are fields whose value is not known any more.
        """
        with self._lock:
            change = dict(fields)
            if unknown:
                change.update(dict.fromkeys(unknown, DELETE_FIELD))
            state = change.get("state", self._state)
            new_state, self._state = state != self._state, state
            self._ended = self._ended or change.get("end_reason") is not None
            if at is None and not self._ended:
                change.update(self._promise())
            dated = SERVER_TIMESTAMP if at is None or self._live else at
            change["last_seen_at"] = dated
            if progress or new_state:
                change["last_progress_at"] = dated
            latest = self._waiting[-1] if self._waiting else None
            at = at or datetime.now(UTC)
            # A late report does not move `reported_at` back.
            change["reported_at"] = at if latest is None else max(at, latest["reported_at"])
            freed = latest is not None and fields.get(_LEFT, 0) > _left(latest)
            if latest is None or freed or "generation" in fields or _began_before(latest, at):
                self._waiting.append(change)
            else:
                latest.update(change)

    @property
    def state(self) -> str | None:
        """The session's last reported state."""
        return self._state

    def moved_on(self) -> bool:
        """Note that the work moved on, now; False where an unwritten note says so already.

        A replayed session makes progress only by its own reports.
        """
        if "last_progress_at" in self._signs or not self._live:  # at each call: without the lock
            return False
        with self._lock:
            self._signs |= dict.fromkeys(("last_progress_at", "last_seen_at"), SERVER_TIMESTAMP)
        return True

    def beat(self) -> None:
        """Add a sign of life, unless the session is replayed."""
        with self._lock:
            if self._live:
                self._signs["last_seen_at"] = SERVER_TIMESTAMP

    def spend(self, nanousd: int) -> None:
        """Add to the session's cost."""
        with self._lock:
            self._spent_nanousd += nanousd
            self._said_nanousd += nanousd

    def find_spent(self, nanousd: int) -> None:
        """Note a cost of this session that an earlier process has written on the task.

        It may have been killed before it added it here. So the session's cost is at least all that
        this process has said and found.
        """
        with self._lock:
            self._said_nanousd += nanousd

    def next_fields(self, landed: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Return the changed fields, unless the document has later ones already."""
        landed = landed or {}
        with self._lock:
            self._take_back()
            fields = {**self._next(landed), **self._signs}
            self._signs = {}
            fields = {n: v for n, v in fields.items() if _is_news(n, v, landed.get(n))}
            if not landed:  # nothing there to take away
                fields = {n: v for n, v in fields.items() if v is not DELETE_FIELD}
            if fields and self._state is not None and not self._ended:
                fields = {**self._revived(landed), **fields}
            self._in_flight = fields or None
            self._in_flight_nanousd = self._spent_nanousd
            least = self._said_nanousd
        recorded = landed.get("cost_nanousd") or 0
        spent = max(recorded + self._in_flight_nanousd, least)
        if spent != recorded:
            return {**fields, "cost_nanousd": spent}
        return fields or None

    def set_aside(self) -> bool:
        """Give up the change that cannot be written; False where there is none."""
        with self._lock:
            refused, self._in_flight = self._in_flight, None
        return refused is not None

    def wrote(self) -> None:
        """Drop the fields that have landed."""
        with self._lock:
            self._in_flight = None
            self._spent_nanousd -= self._in_flight_nanousd

    def _take_back(self) -> None:
        """Take the refused fields back, to be written again."""
        refused, self._in_flight = self._in_flight or {}, None
        if "reported_at" in refused:
            self._waiting.appendleft(refused)
        else:
            self._signs = {**refused, **self._signs}

    def _next(self, landed: Mapping[str, Any]) -> dict[str, Any]:
        """Take the oldest change that is not older than the document.

        A recording that is replayed again, or an older state of it, must not turn the clock back. A
        change that the database dates is never late, whatever this clock or another agent's says.
        """
        reported_at = landed.get("reported_at")
        while self._waiting:
            fields = self._waiting.popleft()
            if reported_at is None or fields["reported_at"] >= reported_at:
                return fields
            if fields["last_seen_at"] is SERVER_TIMESTAMP:
                return {**fields, "reported_at": reported_at}
        return {}

    def _promise(self) -> dict[str, Any]:
        """Promise a heartbeat, with the first change that the database dates."""
        if self._live or self._heartbeat_s is None:
            return {}
        self._live = True
        return {"heartbeat_s": self._heartbeat_s}

    def _revived(self, landed: Mapping[str, Any]) -> dict[str, Any]:
        """Take back the end that functions wrote for a session that is alive after all."""
        if landed.get("end_reason") != _LOST:
            return {}
        return {"state": self._state, "ended_at": None, "end_reason": None}


def _began_before(change: Mapping[str, Any], at: datetime) -> bool:
    """Tell whether a change begins the session in an earlier hour: there its beginning counts."""
    return "started_at" in change and hour_of(change["reported_at"]) != hour_of(at)


def _left(change: Mapping[str, Any]) -> float:
    """Return the percentage that is free in a change; all where it says nothing."""
    left = change.get(_LEFT)
    return left if isinstance(left, int | float) else 100


def _is_news(name: str, value: Any, landed: Any) -> bool:  # noqa: ANN401 - any field's
    """Tell whether a field is new to the document; a generation never goes back."""
    if name == "generation" and landed is not None:
        return bool(value > landed)
    return name not in _ONCE or landed is None
