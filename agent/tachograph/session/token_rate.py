"""How fast models write for a session, lately."""

from __future__ import annotations

_KEPT = 0.8
"""How much of its weight a call keeps with each one after it: some ten calls are lately."""
_MOST_PER_S = 1e6
"""More is a clock's doing, and the rules would refuse the whole session with it."""


class TokenRate:
    """Output tokens a second while they are generated; a later call weighs more."""

    def __init__(self) -> None:
        self._tokens = self._ms = 0.0

    def note(self, tokens_out: int, generation_ms: int | None) -> dict[str, float]:
        """Note a call; return `tokens_per_s` by it and those before, where it was timed."""
        if not generation_ms or generation_ms < 0 or tokens_out < 0:
            return {}
        self._tokens = _KEPT * self._tokens + tokens_out
        self._ms = _KEPT * self._ms + generation_ms
        return {"tokens_per_s": min(_MOST_PER_S, round(1000 * self._tokens / self._ms, 1))}
