"""Waits that a session declares: what takes long, and how long it may."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from itertools import count
from types import TracebackType
from typing import Any, Self

Say = Callable[[Mapping[str, Any]], None]
"""Tells the session's document of its state, as of now."""


class Waits:
    """What a session waits for; of several at a time the one with the latest deadline is told."""

    def __init__(self, say: Say, state: Callable[[], str]) -> None:
        self._say, self._state = say, state
        self._before = "active"
        self._numbers = count()
        self._current: dict[int, tuple[str, int | None]] = {}
        self._lock = threading.Lock()

    def begin(self, what: str, max_ms: int | None) -> int:
        """Begin to wait; returns a number to end it by."""
        with self._lock:
            number = next(self._numbers)
            if not self._current:
                self._before = self._state()
            self._current[number] = what, max_ms
            self._tell()
        return number

    def end(self, number: int) -> None:
        """Go on with the work, or with what else is waited for."""
        with self._lock:
            del self._current[number]
            self._tell()

    def then(self, state: str) -> bool:
        """Have it be in another state once it has waited; False when it does not wait."""
        with self._lock:
            self._before = state
            return bool(self._current)

    def _tell(self) -> None:
        if not self._current:
            self._say({"state": self._before, "waiting_for": None, "waiting_max_ms": None})
            return
        what, max_ms = max(self._current.values(), key=lambda wait: wait[1] or 0)
        self._say({"state": "waiting", "waiting_for": what, "waiting_max_ms": max_ms})


class Wait:
    """One wait as a block; made by `Session.waiting`."""

    def __init__(self, waits: Waits, what: str, up_to_s: float | None) -> None:
        if up_to_s is not None and not up_to_s > 0:
            raise ValueError(f"up_to_s is {up_to_s}; expected seconds above 0, such as 900")
        self._waits, self._what = waits, what
        self._max_ms = None if up_to_s is None else round(1000 * up_to_s)
        self._number: int | None = None

    def begin(self) -> None:
        """Begin to wait."""
        self._number = self._waits.begin(self._what, self._max_ms)

    def end(self) -> None:
        """Wait no more."""
        if self._number is not None:
            self._waits.end(self._number)
            self._number = None

    def __enter__(self) -> Self:
        self.begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)
