"""Waits that a session declares: their reason, and the longest time they may take."""

from __future__ import annotations

import threading
from itertools import count
from math import inf
from typing import Protocol

from tachograph.process.block import Block
from tachograph.process.fork import begins_anew
from tachograph.reports.values import found


class WaitListener(Protocol):
    """The session that waits."""

    @property
    def state(self) -> str | None:
        """The session's state; None before it has one."""

    def wait_changed(self, state: str, waiting_for: str | None, max_ms: int | None) -> None:
        """Take a new state, with the reason and the longest duration of the wait."""


class Waits:
    """The current waits of a session; of several the one with the latest deadline is reported."""

    def __init__(self, session: WaitListener) -> None:
        self._session = session
        self._before = "active"
        self._numbers = count()
        self._current: dict[int, tuple[str, int | None]] = {}
        self._lock = threading.Lock()
        begins_anew(self)

    def forked(self) -> None:
        """Begin anew in a child: another thread of the parent may have held the lock."""
        self._lock = threading.Lock()

    def begin(self, reason: str, max_ms: int | None) -> int:
        """Begin a wait; returns the number to end it by."""
        with self._lock:
            number = next(self._numbers)
            if not self._current:
                self._before = self._session.state or "active"
            self._current[number] = reason, max_ms
            self._report()
        return number

    def end(self, number: int) -> None:
        """End a wait: the session goes back to its work, or to another wait."""
        with self._lock:
            del self._current[number]
            self._report()

    def then(self, state: str) -> bool:
        """Set the state that follows the waits; False where there is none."""
        with self._lock:
            self._before = state
            return bool(self._current)

    def _report(self) -> None:
        if not self._current:
            self._session.wait_changed(self._before, None, None)
            return
        reason, max_ms = max(self._current.values(), key=lambda wait: wait[1] or 0)
        self._session.wait_changed("waiting", reason, max_ms)


class Wait(Block):
    """One wait as a block; made by `Session.waiting`."""

    def __init__(self, waits: Waits, reason: str, up_to_s: float | None) -> None:
        """Prepare a wait of at most `up_to_s` seconds; raises ValueError unless that is above 0."""
        if up_to_s is not None:
            up_to_s = _seconds(up_to_s)
        self._waits, self._reason = waits, reason
        self._max_ms = None if up_to_s is None else round(1000 * up_to_s)
        self._number: int | None = None

    def begin(self) -> None:
        """Begin to wait."""
        self._number = self._waits.begin(self._reason, self._max_ms)

    def end(self) -> None:
        """Wait no more."""
        if self._number is not None:
            self._waits.end(self._number)
            self._number = None

    def _enter(self) -> None:
        self.begin()

    def _leave(self, error: type[BaseException] | None) -> None:  # noqa: ARG002 - as any block
        self.end()


def _seconds(up_to_s: float) -> float:
    try:
        seconds = float(up_to_s)
    except Exception:  # noqa: BLE001 - a number is a class of anybody's
        seconds = 0.0
    if not 0 < seconds < inf:
        raise ValueError(f"up_to_s is {found(up_to_s)}; expected seconds above 0, such as 900")
    return seconds
