"""Counts of a replay, for its summary."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tachograph_schema.pricing.price import cost_of
from tachograph_schema.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tachograph_cli.replay.transcripts.events import UnreadableLine
    from tachograph_schema.pricing.call import Call

MAX_UNREADABLE = 5


@dataclass(slots=True)
class Tally:
    """The counts of one replay; `unreadable` keeps the first 5 lines only."""

    sessions: int = 0
    tasks: int = 0
    calls: int = 0
    unpriced_calls: int = 0
    usage: Usage = field(default_factory=Usage)
    cost_nanousd: int = 0
    written: bool = True
    """Whether all writes have landed."""
    unreadable_lines: int = 0
    unreadable: list[UnreadableLine] = field(default_factory=list)

    def count_calls(self, calls: Sequence[Call]) -> None:
        """Count the calls of an answer, or what a later line adds to them."""
        for call in calls:
            self.usage += call.usage
            self.calls += call.calls
            cost = cost_of(call, None)
            self.unpriced_calls += cost is None and call.calls
            self.cost_nanousd += cost or 0

    def count_unreadable(self, line: UnreadableLine) -> None:
        """Count a line that could not be read."""
        self.unreadable_lines += 1
        if len(self.unreadable) < MAX_UNREADABLE:
            self.unreadable.append(line)
