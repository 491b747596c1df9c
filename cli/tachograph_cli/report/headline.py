"""Pure: the head of a report: what a completed task costs, and how certain the cost is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tachograph_cli.terminal import fmt
from tachograph_cli.terminal.widgets import bar, figure, table
from tachograph_schema.counters.derived import (
    certainty,
    cost_by_part,
    is_cost_known,
    root_tasks_completed,
)
from tachograph_schema.counters.names import COMPLETED, FIRST_ATTEMPTS

if TYPE_CHECKING:
    from tachograph_cli.report.report import Line

_CERTAINTIES = {
    "reported": "reported by the provider",
    "listed": "list price",
    "assumed": "list price, provider assumed",
    "estimated": "estimated from sums of calls",
    "untold": "priced by an older version",
}
_BEFORE = "an older version counted part of it, and told no subtasks apart"


def headline(total: Line) -> RenderableType:
    """Lay out what a completed task costs, and true to naive; each says so where it is unknown."""
    return Group(Text(), _per_task(total), *_true_to_naive(total))


def certainty_table(total: Line) -> Table | None:
    """Lay out how much of the cost is how certain, and the calls without a price; None of none."""
    rows = table("", "cost", "share", "")
    for kind, part in certainty(total.counters).items():
        if part["cost_usd"]:
            cost, share = fmt.dollars(part["cost_usd"]), part["share"]
            rows.add_row(_CERTAINTIES[kind], cost, fmt.percent(share), bar(share))
    unpriced = total.counters.get("unpriced_calls", 0)
    if unpriced:
        calls = Text(fmt.counted(unpriced, "call"), "yellow")
        rows.add_row("unpriced, not in the cost", calls, "", "")
    return rows if rows.row_count else None


def _per_task(total: Line) -> Text:
    per_task, count = total.derived.get("cost_per_completed_usd"), total.counters.get
    asked = root_tasks_completed(total.counters)
    if not is_cost_known(total.counters):
        return figure(fmt.UNKNOWN, "per completed task: no call has a known price")
    if asked is None:
        return figure(fmt.UNKNOWN, f"per completed task: {_BEFORE}")
    if per_task is None:
        return figure(fmt.UNKNOWN, "per completed task: none that was asked for is completed yet")
    words = f"per completed task: {fmt.money(total.cost_nanousd)} spent, {asked} completed"
    subtasks = count(COMPLETED["subtask"], 0)
    spawned = f" with {fmt.counted(subtasks, 'subtask')}" if subtasks else ""
    return figure(fmt.dollars(per_task), f"{words}{spawned}, {count('tasks_failed', 0)} failed")


def _true_to_naive(total: Line) -> Iterator[Text]:
    ratio, parts = total.derived.get("true_to_naive"), cost_by_part(total.counters)
    if parts is None:
        yield figure(fmt.UNKNOWN, f"true to naive: {_BEFORE}")
    elif ratio is not None:
        own, spawned = (fmt.money(parts[part]) for part in FIRST_ATTEMPTS)
        subtasks = f", and {spawned} of subtasks" if parts["subtasks_first"] else ""
        yield figure(fmt.times(ratio), f"true to naive: first attempts cost {own}{subtasks}")
