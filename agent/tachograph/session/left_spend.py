"""The cost that a process which is gone had not added to its session."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from tachograph.process.fork import begins_anew


class LeftSpend:
    """Adds the cost of recovered reports to a session that another process began."""

    def __init__(self) -> None:
        self.soon: Callable[[], None] = lambda: None
        """Has the session's document written."""
        self._nanousd = self._in_flight = 0
        self._lock = threading.Lock()
        begins_anew(self)

    def forked(self) -> None:
        """Leave what is not written to the parent."""
        self._lock, self._nanousd = threading.Lock(), 0

    def spent(self, nanousd: int) -> None:
        """Add a cost in nano-dollars."""
        with self._lock:
            self._nanousd += nanousd
        self.soon()

    found = spent  # a process that had added it had removed its report from the spool

    def reads_first(self) -> bool:
        """Say that the document is to be read before it is written for the first time."""
        return True

    def next_fields(self, landed: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Return the session's cost; None where there is nothing to add, or no session."""
        with self._lock:
            self._in_flight = self._nanousd
        if landed is None or not self._in_flight:
            return None
        return {"cost_nanousd": (landed.get("cost_nanousd") or 0) + self._in_flight}

    def wrote(self) -> None:
        """Forget the cost that has been added."""
        with self._lock:
            self._nanousd -= self._in_flight
