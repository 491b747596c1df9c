"""Pure: cells, the counters of a document or a period by scope, and their sums.

Cells form a commutative group: the sum of any number of cells does not depend on their order or
grouping, and subtracting what was added leaves what was there. Everything that is counted rests on
this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Cells = dict[str, dict[str, int]]
"""Counters by scope: `{"model:claude-opus-4-6": {"tokens_in": 50000}}`."""


def add_rows(rows: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Add up the counters of several rows, without zeros."""
    total: dict[str, int] = {}
    for row in rows:
        for name, n in row.items():
            total[name] = total.get(name, 0) + n
    return {name: n for name, n in total.items() if n}
