"""Pure: the cost of one task without its subtasks, by model and by overhead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tachograph_schema.counters.names import CERTAINTIES, COST_PARTS
from tachograph_schema.documents.task import Task
from tachograph_schema.pricing.overhead import OVERHEADS, cost_parts
from tachograph_schema.pricing.task_cost import usage_rows

if TYPE_CHECKING:
    from tachograph_schema.documents.price_sheet import PriceList


@dataclass(frozen=True, slots=True)
class OwnCost:
    """A task's own cost in nano-dollars; its parts add up to it."""

    cost_nanousd: int
    by_model: Mapping[str, int]
    parts: Mapping[str, int]
    """By tachograph_schema.counters.names.COST_PARTS."""
    certainty: Mapping[str, int]
    """By tachograph_schema.counters.names.CERTAINTIES."""
    unpriced: tuple[str, ...] = ()
    """The models whose tokens have no known price; `_unknown` for those of none."""

    @property
    def known(self) -> bool:
        """Whether all its tokens have a price."""
        return not self.unpriced

    @property
    def overheads(self) -> Mapping[str, int]:
        """The cost by kind: retry, rotation, handoff."""
        return {kind: self.parts[kind] for kind in OVERHEADS}

    @property
    def first_nanousd(self) -> int:
        """The cost of the first attempt, which is what the overheads leave."""
        return self.cost_nanousd - sum(self.overheads.values())


NO_COST = OwnCost(0, {}, dict.fromkeys(COST_PARTS, 0), dict.fromkeys(CERTAINTIES, 0))


def own_cost(task: Task, written_at: datetime, prices: PriceList | None = None) -> OwnCost:
    """Return a task's own cost: the one it states, else the price of its tokens at their time.

    `written_at` stands in for a task without `reported_at`; `prices` are the fleet's own.
    """
    if task.voided:
        return NO_COST
    rows = usage_rows(task, task.reported_at or written_at, prices)
    by_model = {model: row["cost_nanousd"] for model, row in rows.items()}
    unpriced = tuple(
        model for model, row in rows.items() if row["unpriced_calls"] or row["unpriced_tokens"]
    )
    cost = sum(by_model.values())
    parts = dict.fromkeys(COST_PARTS, 0) | cost_parts(task, cost)
    certainty = {
        kind: sum(row.get(f"cost_{kind}_nanousd", 0) for row in rows.values())
        for kind in CERTAINTIES
    }
    return OwnCost(cost, by_model, parts, certainty, unpriced)
