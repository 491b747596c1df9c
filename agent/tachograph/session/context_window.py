"""A session's context window: its size, its fill, and how it filled."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from tachograph.rotation.context_level import ContextLevels
from tachograph_schema.documents.session import MAX_HISTORY_POINTS
from tachograph_schema.pricing.price import context_window

_APART_S = 5


class ContextHistory:
    """The free percentages over time, as `context_history` has them.

    At most MAX_HISTORY_POINTS: when there are more, every other one goes and the next ones are
    twice as far apart. So noting one costs the same on average, whatever came before.
    """

    def __init__(self) -> None:
        self._points: list[tuple[int, int]] = []
        self._apart_s = _APART_S
        self._text = ""

    def note(self, second: int, left_pct: float) -> str:
        """Note the percentage at a second since 1970, unless one was noted just before.

        Returns all that were noted.
        """
        if not self._points or second >= self._points[-1][0] + self._apart_s:
            self._points.append((second, int(left_pct)))
            if len(self._points) > MAX_HISTORY_POINTS:
                del self._points[1::2]
                self._apart_s *= 2
            self._text = " ".join(f"{second}:{left}" for second, left in self._points)
        return self._text


class ContextWindow:
    """A session's context window.

    The agent states its size; otherwise the fleet's own list has it, or a public table.
    """

    def __init__(
        self, session: Mapping[str, Any], window_tokens: int | None, levels: ContextLevels
    ) -> None:
        self._session, self._levels = session, levels
        self._stated_tokens = window_tokens
        self._history = ContextHistory()
        self.used_tokens: int | None = None

    @property
    def window_tokens(self) -> int | None:
        """How many tokens fit; None where nothing says."""
        return self._size()[0]

    def fill(
        self, used_tokens: int, window_tokens: int | None, at: datetime | None
    ) -> dict[str, Any]:
        """Note the fill; return the session's fields for it.

        `context_remaining_pct` is among them where the size of the window is known.
        """
        self.used_tokens = used_tokens
        self._stated_tokens = window_tokens or self._stated_tokens
        fields: dict[str, Any] = {"context_used_tokens": used_tokens}
        window, source = self._size()
        if window:
            left_pct = round(max(0.0, 100 * (1 - used_tokens / window)), 2)
            second = int(time.time() if at is None else at.timestamp())
            fields["context_window_tokens"] = window
            fields["context_source"] = source
            fields["context_remaining_pct"] = left_pct
            fields["context_history"] = self._history.note(second, left_pct)
        return fields

    def forget(self) -> tuple[str, ...]:
        """Forget the fill, which is not known any more; return the session's fields for it."""
        self.used_tokens = None
        return "context_used_tokens", "context_remaining_pct"

    def _size(self) -> tuple[int | None, Literal["agent", "fleet", "table"]]:
        """Return how many tokens fit, and the source of that number."""
        model = self._session.get("model")
        if self._stated_tokens is not None or not model:
            return self._stated_tokens, "agent"
        listed = self._levels.window_tokens(model)
        if listed:
            return listed, "fleet"
        return context_window(model, self._session.get("provider")), "table"
