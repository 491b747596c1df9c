"""How full a session's context window is, what is left of it, and how it got there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from tachograph.session.context_history import ContextHistory
from tachograph_schema.pricing.price import context_window


class ContextWindow:
    """A session's context window.

    The agent's word for its size comes first, then the fleet's list, then a public table.
    """

    def __init__(
        self,
        session: Mapping[str, Any],
        window_tokens: int | None,
        listed_tokens: Callable[[str], int | None],
    ) -> None:
        """Measure the window of a session; `listed_tokens` asks the fleet's list for a model's."""
        self._session, self._listed_tokens = session, listed_tokens
        self._stated_tokens = window_tokens
        self._filling = ContextHistory()
        self.used_tokens: int | None = None

    @property
    def window_tokens(self) -> int | None:
        """How many tokens fit; None where nobody says."""
        return self._size()[0]

    def fill(
        self, used_tokens: int, window_tokens: int | None, at: datetime | None
    ) -> dict[str, Any]:
        """Note how full it is; return the session's fields that say so.

        `context_remaining_pct` is among them where it is known how much fits.
        """
        self.used_tokens = used_tokens
        self._stated_tokens = window_tokens or self._stated_tokens
        fields: dict[str, Any] = {"context_used_tokens": used_tokens}
        window, source = self._size()
        if window:
            left = round(max(0.0, 100 * (1 - used_tokens / window)), 2)
            fields |= {
                "context_window_tokens": window,
                "context_source": source,
                "context_remaining_pct": left,
                "context_history": self._filling.note(at or datetime.now(UTC), left),
            }
        return fields

    def _size(self) -> tuple[int | None, Literal["agent", "fleet", "table"]]:
        """Return how many tokens fit, and who says so."""
        model = self._session.get("model")
        if self._stated_tokens is not None or not model:
            return self._stated_tokens, "agent"
        listed = self._listed_tokens(model)
        if listed:
            return listed, "fleet"
        return context_window(model, self._session.get("provider")), "table"
