"""Pure: a bill as a page: the tree of tasks with the cost of each, and the sums."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tachograph_cli.report.cost.bill import Bill, Node
from tachograph_cli.terminal import fmt
from tachograph_cli.terminal.shown import shortened, shown
from tachograph_cli.terminal.widgets import WIDE, bar, figure, model_words, named, table
from tachograph_schema.counters.derived import certainty
from tachograph_schema.counters.names import FIRST_ATTEMPTS, UNKNOWN

SHOWN_SUBTASKS = 12
"""The most subtasks of a task that are shown; the cheaper rest is one line."""
_STATUS = {
    "completed": "green",
    "failed": "red",
    "cancelled": "dim",
    "voided": "dim",
    "missing": "yellow",
    "queued": "dim",
    "waiting": "blue",
}
_PARTS = {
    "root_first": "the task's own first attempt",
    "subtasks_first": "first attempts of what it spawned",
    "retry": "retries",
    "rotation": "rotations",
    "handoff": "handoffs",
    "coordination": "coordination",
}
_CERTAINTIES = {
    "reported": "reported",
    "listed": "at list price",
    "assumed": "at list price of an assumed provider",
    "estimated": "estimated",
}
_COUNTED = {"retry": "retries", "rotation": "rotations", "handoff": "handoffs"}
_SINGULAR = {"retry": "retry", "rotation": "rotation", "handoff": "handoff"}
_LONG_ID = 12
_TITLE_CELLS = 160
_NAMED_CELLS = 40
_COLUMNS = (9, 17, 7, 8, 5, 10)
"""Characters of every column but the first, which takes the rest of the width."""


def page(bill: Bill, width: int, *, everything: bool = False) -> RenderableType:
    """Lay a bill out, `width` columns wide; `everything` shows the cheapest subtasks as well."""
    return Group(
        _headline(bill),
        Padding(_tree(bill, width, everything=everything), (1, 0, 1, 0)),
        Text("Where the money went", "bold"),
        _where(bill),
        Padding(_notes(bill), (1, 0, 0, 0)),
    )


def _headline(bill: Bill) -> RenderableType:
    total, ratio = bill.total, bill.derived.get("true_to_naive")
    ended = ", ".join(
        f"{total[f'tasks_{end}']} {end}"
        for end in ("completed", "failed", "cancelled")
        if total[f"tasks_{end}"]
    )
    tasks = fmt.counted(total["tasks_created"], "task") + (f": {ended}" if ended else "")
    asked = f"  asked for {bill.asked}, a part of it" if bill.asked != bill.root.task_id else ""
    lines = [
        Text.assemble(
            (bill.root.task_id, "bold"),
            (f"  {shown(bill.root.title or '', _TITLE_CELLS)}", ""),
            style="",
        ),
        Text(f"fleet {bill.fleet} · {tasks}{asked}", "dim"),
        Text(),
        figure(fmt.money(total["cost_nanousd"]), "with everything it spawned"),
    ]
    if ratio is not None:
        own, spawned = (fmt.money(bill.parts[part]) for part in FIRST_ATTEMPTS)
        more = f", and {spawned} of what it spawned" if bill.parts["subtasks_first"] else ""
        lines.append(figure(fmt.times(ratio), f"true to naive: first attempts cost {own}{more}"))
    return Group(*lines)


@dataclass(frozen=True, slots=True)
class _Row:
    """One line: a task, one of its overheads, or the sum of its cheaper subtasks."""

    guide: str
    node: Node | None
    words: str
    cost_nanousd: int
    whole_nanousd: int | None = None


def _tree(bill: Bill, width: int, *, everything: bool) -> Table:
    wide = width >= WIDE
    shown = table("task", "status", "model", "own", "with all", "share", *([""] if wide else []))
    room = width - sum(_COLUMNS[: len(shown.columns) - 1]) - 2 * len(shown.columns)
    for column, chars in zip(shown.columns, (room, *_COLUMNS), strict=False):
        column.min_width = column.max_width = chars
    shown.columns[1].justify = shown.columns[2].justify = "left"
    whole = bill.total["cost_nanousd"]
    for row in _rows(bill.root, "", "", everything=everything):
        node, part = row.node, row.whole_nanousd if row.node else row.cost_nanousd
        share = (part or 0) / whole if whole > 0 else 0.0
        cells: list[Text | str] = [
            _label(row, room, bill),
            Text(node.status, _STATUS.get(node.status, "blue")) if node else "",
            _model(node),
            Text(fmt.money(row.cost_nanousd), "" if node else "dim"),
            Text(fmt.money(row.whole_nanousd), "bold") if row.whole_nanousd is not None else "",
            Text(fmt.share(share), "" if node else "dim"),
            bar(share, "blue" if node else "yellow"),
        ]
        shown.add_row(*cells[: len(shown.columns)])
    return shown


def _model(node: Node | None) -> Text:
    """Return the model's name without its date, which the JSON has."""
    if node is None or node.status == "missing":
        return Text()
    return named(re.sub(r"-\d{4}-?\d{2}-?\d{2}$", "", node.model or UNKNOWN))


def _label(row: _Row, room: int, bill: Bill) -> Text:
    label = Text().append(row.guide, "dim")
    if row.node is None:
        return label.append(row.words, "dim")
    asked = row.node.task_id == bill.asked and row.guide
    words = _short_id(row.node.task_id, bill.root.task_id, room - len(row.guide))
    label.append(words, "bold reverse" if asked else "bold")
    return label.append(f"  {shown(row.node.title, room)}" if row.node.title else "", "dim")


def _short_id(task: str, root: str, room: int) -> str:
    """Shorten an id: without the beginning that it shares with the root's, then in its middle."""
    if len(root) > _LONG_ID and task != root and task.startswith(root):
        task = f"…{task[len(root) :]}"
    return shortened(task, max(3, room), tail=0.5)


def _rows(node: Node, guide: str, below: str, *, everything: bool) -> Iterator[_Row]:
    """Yield a task's line, then its overheads', then its subtasks', each with its branches."""
    yield _Row(guide, node, "", node.own.cost_nanousd, node.whole_nanousd)
    shown = node.subtasks if everything else node.subtasks[:SHOWN_SUBTASKS]
    cheaper = node.subtasks[len(shown) :]
    stem = "│  " if node.subtasks else "   "
    for kind, cost in node.own.overheads.items():
        n = node.counts[_COUNTED[kind]]
        if cost or n:
            words = fmt.counted(n, _SINGULAR[kind], _COUNTED[kind])
            yield _Row(below + stem, None, words, cost)
    for n, subtask in enumerate(shown):
        last = n == len(shown) - 1 and not cheaper
        arm, under = ("└─ ", "   ") if last else ("├─ ", "│  ")
        yield from _rows(subtask, below + arm, below + under, everything=everything)
    if cheaper:
        cost = sum(subtask.whole_nanousd for subtask in cheaper)
        yield _Row(f"{below}└─ ", None, f"{fmt.count(len(cheaper))} cheaper (--all)", cost)


def _where(bill: Bill) -> RenderableType:
    whole = bill.total["cost_nanousd"]
    shown = table("part", "cost", "share", "")
    shown.columns[0].max_width = 36
    for name, cost in bill.parts.items():
        if cost or name == "root_first":
            share = cost / whole if whole > 0 else 0.0
            style = "blue" if name in FIRST_ATTEMPTS else "yellow"
            shown.add_row(
                _PARTS[name],
                fmt.money(cost),
                fmt.share(share),
                bar(share, style, 20),
            )
    models = [(model, cost) for model, cost in bill.by_model.items() if cost]
    if len(models) > 1:
        shown.add_section()
        for model, cost in models:
            share = cost / whole if whole > 0 else 0.0
            shown.add_row(
                named(model),
                fmt.money(cost),
                fmt.share(share),
                bar(share, "blue", 20),
            )
    return shown


def _notes(bill: Bill) -> Group:
    words, published = Text(), bill.published
    if published is None and bill.total["tasks_created"] > 1:
        words.append("The tree is not published yet; the sums are of its tasks.", "yellow")
    elif published is None:
        words.append("It spawned nothing, so no tree is kept of it.", "dim")
    elif published.difference_nanousd or published.tasks != bill.total["tasks_created"]:
        more = "lags" if published.difference_nanousd >= 0 else "is ahead"
        words.append(
            f"! The published tree {more}: it says {fmt.money(published.cost_nanousd)} "
            f"of {fmt.counted(published.tasks, 'task')}{_as_of(bill)}.",
            "yellow",
        )
    else:
        words.append(f"✓ The published tree says the same{_as_of(bill)}.", "green")
    certain = certainty(bill.total)
    amounts = [
        f"{fmt.dollars(certain[kind]['cost_usd'])} {how}"
        for kind, how in _CERTAINTIES.items()
        if certain[kind]["cost_usd"]
    ]
    notes = [Text(f"How certain: {', '.join(amounts)}.", "dim")] if amounts else []
    notes.append(words)
    if bill.unknown_cost:
        notes.append(Text(_unpriced(bill), "yellow"))
    if not bill.complete:
        note = "! There is more of it than is read at once; the rest is not in."
        notes.append(Text(note, "yellow"))
    return Group(*notes)


def _unpriced(bill: Bill) -> str:
    tasks = fmt.counted(bill.unknown_cost, "task")
    which = [
        f"{shortened(node.task_id, _NAMED_CELLS)} ({fmt.some([*map(model_words, models)])})"
        for node in bill.root.walk()
        if (models := node.own.unpriced)
    ]
    return f"! {tasks} used tokens of no known price, and count for less: {fmt.some(which)}."


def _as_of(bill: Bill) -> str:
    at = bill.published.as_of if bill.published else None
    return "" if at is None else f", as of {fmt.moment(at.astimezone(UTC))} UTC"
