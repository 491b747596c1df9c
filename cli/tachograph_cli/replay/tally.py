"""What a replay went through, for its summary."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.price import price
from tachograph_schema.usage import Usage

if TYPE_CHECKING:
    from tachograph_cli.replay.transcripts.events import Broken, Called

SHOWN_BROKEN = 5


@dataclass(slots=True)
class Tally:
    """Counts of one replay; `broken` keeps the first few reasons only."""

    sessions: int = 0
    tasks: int = 0
    calls: int = 0
    unpriced_calls: int = 0
    usage: Usage = field(default_factory=Usage)
    cost_nanousd: int = 0
    broken_lines: int = 0
    broken: list[Broken] = field(default_factory=list)

    def called(
        self, event: Called, usage: Usage, provider: str | None, more_nanousd: int | None
    ) -> None:
        """Count a call, or the growth of one, which costs `more_nanousd`."""
        self.usage += usage
        if event.grown_from is not None:
            self.cost_nanousd += more_nanousd or 0
            return
        self.calls += 1
        cost = price(Call(usage, event.model, provider, event.at))
        self.unpriced_calls += cost is None
        self.cost_nanousd += cost or 0

    def passed_by(self, broken: Broken) -> None:
        """Count a line that could not be read."""
        self.broken_lines += 1
        if len(self.broken) < SHOWN_BROKEN:
            self.broken.append(broken)
