"""Pure: what one task cost by itself, and the parts of that."""

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
class Spent:
    """A task's own cost in nano-dollars; first attempt and overheads add up to it."""

    cost_nanousd: int
    by_model: Mapping[str, int]
    overheads: Mapping[str, int]
    """By kind: retry, rotation, handoff."""
    known: bool
    """False when it used tokens that no price is known for."""

    @property
    def first_nanousd(self) -> int:
        """Return what is left for the first attempt."""
        return max(0, self.cost_nanousd - sum(self.overheads.values()))


NOTHING = Spent(0, {}, dict.fromkeys(KINDS, 0), known=True)


def spent(task: Task, written_at: datetime, prices: PriceList | None = None) -> Spent:
    """Return what a task cost: what it says, else what its tokens cost when they were used."""
    if task.voided:
        return NOTHING
    rows = usage_rows(task, task.reported_at or written_at, prices)
    by_model = {model: row["cost_nanousd"] for model, row in rows.items()}
    known = not any(row["unpriced_calls"] or row["unpriced_tokens"] for row in rows.values())
    overheads = {kind: getattr(task, f"{kind}_cost_nanousd") or 0 for kind in KINDS}
    return Spent(sum(by_model.values()), by_model, overheads, known)
