"""Pure: which values of a dimension are told apart, and which are added up as `_other`.

Agents choose what their models, types and labels are called. The shards count every value exactly;
a rollup keeps the costliest of each dimension and adds the others up, so that every dimension still
adds up to what it did. The fleet's own row is never touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from tachograph_schema.counters.cells import AnyCells, Cells, add_rows, renamed
from tachograph_schema.counters.names import FLEET, OTHER
from tachograph_schema.counters.scopes import PAIR, dimension, rest
from tachograph_schema.counters.sketch import STEPS, coarser

MAX_VALUES: Final[Mapping[str, int]] = {
    "agent": 300,
    "tool": 100,
    "type": 60,
    "model": 60,
    PAIR: 120,
    "tier": 16,
    "role": 32,
}
"""By dimension. A scope takes 0.5-2 kB, those with sketches most."""
MAX_LABEL_VALUES: Final = 40
"""By label key."""
MAX_LABEL_KEYS: Final = 16
"""The keys of labels; all labels of other keys are `label:_other=_other`."""
_LABEL = "label:"
_REST_OF_KEYS = f"{_LABEL}{OTHER}"


def max_values(dimension: str) -> int:
    """Return the most values that a rollup names of a dimension."""
    return MAX_VALUES.get(dimension, MAX_LABEL_VALUES)


def bounded(cells: Cells, most: Mapping[str, int] = MAX_VALUES) -> Cells:
    """Return the cells with at most so many values in each dimension; sums stay as they are."""
    return fold(cells, {name: most.get(name, MAX_LABEL_VALUES) for name in by_dimension(cells)})


def fold(cells: Cells, most: Mapping[str, int]) -> Cells:
    """Return the cells with the costliest values alone of each dimension that `most` bounds."""
    kept: Cells = {}
    for name, scopes in by_dimension(cells).items():
        named, folded = named_and_folded(cells, name, scopes, most.get(name, len(scopes)))
        kept.update({scope: cells[scope] for scope in named})
        if folded:
            kept[rest(name)] = add_rows([cells[scope] for scope in folded])
    return {scope: row for scope, row in kept.items() if row}


def by_dimension(cells: AnyCells) -> dict[str, list[str]]:
    """Return the scopes of each dimension, costliest first."""
    found: dict[str, list[str]] = {}
    for scope in cells:
        found.setdefault(dimension(scope), []).append(scope)
    for scopes in found.values():
        scopes.sort(key=lambda scope: _weight(cells, scope), reverse=True)
    return found


def named_and_folded(
    cells: AnyCells, name: str, scopes: Iterable[str], most: int
) -> tuple[list[str], list[str]]:
    """Divide a dimension's scopes, costliest first, into those named and those of the rest."""
    if name == FLEET:
        return list(scopes), []
    remainder = rest(name)
    values = [scope for scope in scopes if scope != remainder]
    return values[:most], [*values[most:], *([remainder] if remainder in cells else [])]


def fewer_label_keys(cells: Cells, most: int = MAX_LABEL_KEYS) -> Cells:
    """Return the cells with the labels of the costliest keys alone; sums stay as they are."""
    keys = label_keys(cells)
    if len(keys) <= most:
        return cells
    costs = dict.fromkeys(keys, 0)
    for scope, row in cells.items():
        if (key := dimension(scope)) in costs:
            costs[key] += row.get("cost_nanousd", 0)
    dropped = set(sorted(keys, key=lambda key: (costs[key], key), reverse=True)[most:])
    return renamed(cells, lambda s: rest(_REST_OF_KEYS) if dimension(s) in dropped else s)


def label_keys(cells: AnyCells) -> set[str]:
    """Return the dimensions of labels, without that of the rest of their keys."""
    return {dimension(scope) for scope in cells if scope.startswith(_LABEL)} - {_REST_OF_KEYS}


def as_counted(cells: Cells, folded: str | None) -> Cells:
    """Return what the shards hold of a change: all of it, unless its hour is full.

    `folded` says what is not told apart then: all `names` but the agent's, or the `agents` too. The
    rest of each dimension has what they count for, so each still adds up. Without agents, sketches
    outside of the fleet's row are as coarse as they get: such a shard cannot fill.
    """
    if folded is None:
        return cells
    kept = (FLEET, "agent") if folded == "names" else (FLEET,)
    rows = renamed(cells, lambda scope: scope if (of := dimension(scope)) in kept else rest(of))
    step = STEPS[0] if folded == "names" else STEPS[-1]
    return {scope: coarser(row, 1 if scope == FLEET else step) for scope, row in rows.items()}


def _weight(cells: AnyCells, scope: str) -> tuple[int, int, str]:
    """Order by cost, then tasks, then name, so that it is the same wherever it is computed."""
    row = cells[scope]
    return row.get("cost_nanousd", 0), row.get("tasks_created", 0), scope
