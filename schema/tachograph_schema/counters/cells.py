"""Pure: cells, the counters of a document or a period by scope, and their sums.

Cells form a commutative group: the sum of any number of cells does not depend on their order or
grouping, and subtracting what was added leaves what was there. The effect of a write is
`delta(before, after)`, so the effects of all writes of one document add up to its last state.
Every result is without zeros, so equal sums are equal dictionaries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Row = dict[str, int]
"""The counters of one scope."""
Cells = dict[str, Row]
"""Counters by scope: `{"model:claude-opus-4-6": {"tokens_in": 50000}}`."""
AnyRow = Mapping[str, int]
AnyCells = Mapping[str, AnyRow]


def add(a: AnyCells, b: AnyCells) -> Cells:
    """Return a + b."""
    return add_up((a, b))


def subtract(a: AnyCells, b: AnyCells) -> Cells:
    """Return a - b."""
    change: Cells = {}
    for scope in a.keys() | b.keys():
        more, less = a.get(scope, {}), b.get(scope, {})
        row = {name: more.get(name, 0) - less.get(name, 0) for name in more.keys() | less.keys()}
        row = {name: n for name, n in row.items() if n}
        if row:
            change[scope] = row
    return change


def delta(before: AnyCells, after: AnyCells) -> Cells:
    """Return after - before: the effect of a write on the counters."""
    return subtract(after, before)


def add_up(parts: Iterable[AnyCells]) -> Cells:
    """Return the sum of any number of cells."""
    total: Cells = {}
    for part in parts:
        add_into(total, part)
    return prune(total)


def add_rows(rows: Iterable[AnyRow]) -> Row:
    """Return the sum of any number of rows."""
    total: Row = {}
    for row in rows:
        add_row_into(total, row)
    return {name: n for name, n in total.items() if n}


def renamed(cells: AnyCells, to: Callable[[str], str]) -> Cells:
    """Return the cells by other names of their scopes; what then has one name is added up."""
    total: Cells = {}
    for scope, row in cells.items():
        add_row_into(total.setdefault(to(scope), {}), row)
    return prune(total)


def prune(cells: AnyCells) -> Cells:
    """Return cells without the counters that are zero and the scopes that are empty."""
    rows = ((scope, {name: n for name, n in row.items() if n}) for scope, row in cells.items())
    return {scope: row for scope, row in rows if row}


def add_into(total: Cells, part: AnyCells) -> None:
    """Add to a running sum in place; it may hold zeros until it is pruned."""
    for scope, row in part.items():
        add_row_into(total.setdefault(scope, {}), row)


def add_row_into(total: dict[str, Any], row: AnyRow) -> None:
    """Add to a running row in place; a counter of zero is not entered."""
    for name, n in row.items():
        if n:
            total[name] = total.get(name, 0) + n
