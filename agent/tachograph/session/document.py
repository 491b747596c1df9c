"""What is still to be said of a session: the latest of every field, and each low of its context."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from google.cloud.firestore import SERVER_TIMESTAMP

_LEFT = "context_remaining_pct"
_ONCE = ("started_at",)
"""What a session that is gone on with has said already."""
_LOST = "crashed"
"""How functions end a session that they have not heard of."""


class SessionDocument:
    """The session document's fields that changed and are not written yet.

    Later values replace earlier ones, but for one thing: where the context was freed, how full it
    had been before is written first, since that is what rotation is decided by.

    What is said without a time is said as of now, and the database dates it: whether a session is
    alive is judged by that clock alone. With it, a session begins to promise a heartbeat.
    """

    def __init__(self, heartbeat_s: int | None = None) -> None:
        self._waiting: deque[dict[str, Any]] = deque()
        self._in_flight: dict[str, Any] | None = None
        self._spent_nanousd = 0
        self._in_flight_nanousd = 0
        self._heartbeat_s = heartbeat_s
        self._live = False
        self._state: str | None = None
        self._ended = False
        self._signs: dict[str, Any] = {}
        self._lock = threading.Lock()

    def say(
        self, at: datetime | None, fields: Mapping[str, Any], *, progress: bool = False
    ) -> None:
        """Change fields, as of `at`, or of now; another state is progress as well."""
        with self._lock:
            said = dict(fields)
            changed = said.get("state", self._state) != self._state
            self._state = said.get("state", self._state)
            self._ended = self._ended or said.get("end_reason") is not None
            if at is None and not self._ended:
                said |= self._promise()
            dated = SERVER_TIMESTAMP if at is None or self._live else at
            said["last_seen_at"] = dated
            if progress or changed:
                said["last_progress_at"] = dated
            latest = self._waiting[-1] if self._waiting else None
            at = at or datetime.now(UTC)
            # What is told late does not take back how far the rest has come.
            said["reported_at"] = at if latest is None else max(at, latest["reported_at"])
            freed = latest is not None and fields.get(_LEFT, 0) > latest.get(_LEFT, 100)
            if latest is None or freed or "generation" in fields:
                self._waiting.append(said)
            else:
                latest.update(said)

    @property
    def state(self) -> str | None:
        """What the session is doing, as it said last."""
        return self._state

    def moved_on(self) -> bool:
        """Note that work moved on, now; False where that was noted and is not written yet.

        Of a session that does not speak of now, only what it says of itself is progress.
        """
        if "last_progress_at" in self._signs or not self._live:  # at each call: without the lock
            return False
        with self._lock:
            self._signs |= dict.fromkeys(("last_progress_at", "last_seen_at"), SERVER_TIMESTAMP)
        return True

    def beat(self) -> None:
        """Say that the session is there, if it speaks of now at all."""
        with self._lock:
            if self._live:
                self._signs["last_seen_at"] = SERVER_TIMESTAMP

    def spend(self, nanousd: int) -> None:
        """Add to what the session spent."""
        with self._lock:
            self._spent_nanousd += nanousd

    def next_fields(self, landed: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Return the changed fields, unless the document is ahead of them already."""
        landed = landed or {}
        with self._lock:
            self._take_back()
            fields = {**self._next(landed), **self._signs}
            self._signs = {}
            fields = {n: v for n, v in fields.items() if _is_news(n, v, landed.get(n))}
            if fields and self._state is not None and not self._ended:
                fields = {**self._revived(landed), **fields}
            self._in_flight = fields or None
            self._in_flight_nanousd = self._spent_nanousd
        if self._in_flight_nanousd:
            spent = (landed.get("cost_nanousd") or 0) + self._in_flight_nanousd
            return {**fields, "cost_nanousd": spent}
        return fields or None

    def wrote(self) -> None:
        """Drop what has landed."""
        with self._lock:
            self._in_flight = None
            self._spent_nanousd -= self._in_flight_nanousd

    def _take_back(self) -> None:
        """Say again what was refused, unless the document that refused it is ahead."""
        refused, self._in_flight = self._in_flight or {}, None
        if "reported_at" in refused:
            self._waiting.appendleft(refused)
        else:
            self._signs = {**refused, **self._signs}

    def _next(self, landed: Mapping[str, Any]) -> dict[str, Any]:
        """Take the oldest that the document is not ahead of.

        A recording replayed again, or an older state of it, must not turn back the clock. What is
        said now is never late, whatever this clock or another agent's says.
        """
        known = landed.get("reported_at")
        while self._waiting:
            fields = self._waiting.popleft()
            if known is None or fields["reported_at"] >= known:
                return fields
            if fields["last_seen_at"] is SERVER_TIMESTAMP:
                return {**fields, "reported_at": known}
        return {}

    def _promise(self) -> dict[str, Any]:
        """Promise a heartbeat, with the first that is said of now."""
        if self._live or self._heartbeat_s is None:
            return {}
        self._live = True
        return {"heartbeat_s": self._heartbeat_s}

    def _revived(self, landed: Mapping[str, Any]) -> dict[str, Any]:
        """Take back an end that was written for a session that is there after all."""
        if landed.get("end_reason") != _LOST:
            return {}
        return {"state": self._state, "ended_at": None, "end_reason": None}


def _is_news(name: str, value: Any, landed: Any) -> bool:  # noqa: ANN401 - any field's
    """Tell whether a field says what is not known; a generation never goes back."""
    if name == "generation" and landed is not None:
        return bool(value > landed)
    return name not in _ONCE or landed is None
