"""How full a session's context window is, what is left of it, and how it got there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tachograph.session.context_history import ContextHistory
from tachograph_schema.pricing.price import context_window


class ContextWindow:
    """A session's context window; its size is the agent's word, or else a table's."""

    def __init__(self, session: Mapping[str, Any], window_tokens: int | None) -> None:
        self._session = session
        self._said_tokens = window_tokens
        self._filling = ContextHistory()
        self.used_tokens: int | None = None

    @property
    def window_tokens(self) -> int | None:
        """How many tokens fit; None where neither the agent nor the table knows."""
        if self._said_tokens is None and self._session.get("model"):
            return context_window(self._session["model"], self._session.get("provider"))
        return self._said_tokens

    def fill(
        self, used_tokens: int, window_tokens: int | None, at: datetime | None
    ) -> dict[str, Any]:
        """Note how full it is; return the session's fields that say so.

        `context_remaining_pct` is among them where it is known how much fits.
        """
        self.used_tokens = used_tokens
        self._said_tokens = window_tokens or self._said_tokens
        fields: dict[str, Any] = {"context_used_tokens": used_tokens}
        window = self.window_tokens
        if window:
            left = round(max(0.0, 100 * (1 - used_tokens / window)), 2)
            fields |= {
                "context_window_tokens": window,
                "context_source": "table" if self._said_tokens is None else "agent",
                "context_remaining_pct": left,
                "context_history": self._filling.note(at or datetime.now(UTC), left),
            }
        return fields
