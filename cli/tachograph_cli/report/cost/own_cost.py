"""Pure: the cost of one task without its subtasks, by model and by overhead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tachograph_schema.documents.task import Task
from tachograph_schema.pricing.task_cost import usage_rows

if TYPE_CHECKING:
    from tachograph_schema.documents.price_sheet import PriceList

KINDS = ("retry", "rotation", "handoff")


@dataclass(frozen=True, slots=True)
class OwnCost:
    """A task's own cost in nano-dollars; first attempt and overheads add up to it."""

    cost_nanousd: int
    by_model: Mapping[str, int]
    overheads: Mapping[str, int]
    """By kind: retry, rotation, handoff."""
    known: bool
    """False where it used tokens of unknown price."""

    @property
    def first_nanousd(self) -> int:
        """The cost of the first attempt, which is what the overheads leave."""
        return max(0, self.cost_nanousd - sum(self.overheads.values()))


NO_COST = OwnCost(0, {}, dict.fromkeys(KINDS, 0), known=True)


def own_cost(task: Task, written_at: datetime, prices: PriceList | None = None) -> OwnCost:
    """Return a task's own cost: the one it states, else the price of its tokens at their time.

    `written_at` stands in for a task without `reported_at`; `prices` are the fleet's own.
    """
    if task.voided:
        return NO_COST
    rows = usage_rows(task, task.reported_at or written_at, prices)
    by_model = {model: row["cost_nanousd"] for model, row in rows.items()}
    known = not any(row["unpriced_calls"] or row["unpriced_tokens"] for row in rows.values())
    overheads = {kind: getattr(task, f"{kind}_cost_nanousd") or 0 for kind in KINDS}
    return OwnCost(sum(by_model.values()), by_model, overheads, known)
