"""How a context window filled: a few points that tell the whole way, however long it was."""

from __future__ import annotations

from datetime import datetime

from tachograph_schema.documents.session import MAX_HISTORY_POINTS

_APART_S = 5


class ContextHistory:
    """The percentages that were left over time, as `context_history` has them.

    At most MAX_HISTORY_POINTS: when there are more, every other one goes and the next ones are
    twice as far apart. So noting one costs the same on average, whatever came before.
    """

    def __init__(self) -> None:
        self._points: list[tuple[int, int]] = []
        self._apart_s = _APART_S
        self._said = ""

    def note(self, at: datetime, left_pct: float) -> str:
        """Note what was left at a moment, unless one was noted just before; return them all."""
        second = int(at.timestamp())
        if not self._points or second >= self._points[-1][0] + self._apart_s:
            self._points.append((second, int(left_pct)))
            if len(self._points) > MAX_HISTORY_POINTS:
                del self._points[1::2]
                self._apart_s *= 2
            self._said = " ".join(f"{second}:{left}" for second, left in self._points)
        return self._said
