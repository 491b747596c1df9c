"""The units of a tick: an hour, a sum, a tree, a session, a signal, each done on its own.

A document that anybody wrote may make one of them fail. The others go on, and what failed is
logged, counted, told by an alert, and tried again by the next tick.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from runtime.cache import Cache

_log = logging.getLogger(__name__)
_LOG_AGAIN_S = 600
_logged: Cache[tuple[str, str, str, str], str] = Cache(max_entries=10_000, max_age_s=_LOG_AGAIN_S)
"""By fleet, kind, name and error: a unit that fails in every tick is logged once in ten minutes."""


class Units:
    """The units of one fleet's tick, and the time there is for them."""

    def __init__(
        self,
        fleet: str,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        guarded: bool = True,
    ) -> None:
        """Begin now: `seconds` by `clock` are what the tick may take."""
        self._fleet, self._seconds, self._clock = fleet, seconds, clock
        self._began, self._guarded = clock(), guarded
        self.failed: dict[str, dict[str, str]] = {}
        """By kind and name of the unit: the kind of the error, never its words, which may quote."""
        self.done: dict[str, int] = {}
        """By kind: how many were done."""

    def run(self, kind: str, name: str, work: Callable[[], object]) -> bool:
        """Do one unit; False where it failed."""
        try:
            work()
        except Exception as error:  # whatever one unit meets, the others go on
            if not self._guarded:
                raise
            self._note(kind, name, error)
            return False
        self.done[kind] = self.done.get(kind, 0) + 1
        return True

    def has_time(self, share: float = 1.0) -> bool:
        """Tell whether less than `share` of the time has passed."""
        return self._clock() - self._began < share * self._seconds

    def _note(self, kind: str, name: str, error: Exception) -> None:
        failure = type(error).__name__
        self.failed.setdefault(kind, {})[name] = failure
        if _logged.change((self._fleet, kind, name, failure), failure):
            _log.error("fleets/%s: %s %s failed", self._fleet, kind, name, exc_info=error)


def unguarded() -> Units:
    """Return units that raise, for a command a person waits for, without a limit of time."""
    return Units("", float("inf"), guarded=False)
