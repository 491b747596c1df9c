"""How many values of a dimension a published rollup tells apart: the rest is `_other`.

A document holds at most 1 MiB, and agents choose what their models, types and labels are called.
The shards count every value exactly; a rollup keeps the costliest of each dimension and adds the
others up, so that every dimension still adds up to the fleet.
"""

from __future__ import annotations

from collections.abc import Mapping

from tachograph_schema.counters.cells import Cells, add_rows
from tachograph_schema.counters.names import OTHER

MAX_VALUES: Mapping[str, int] = {
    "agent": 300,
    "tool": 100,
    "type": 60,
    "model": 60,
    "type|model": 120,
    "tier": 16,
    "role": 32,
}
"""By dimension. A scope takes 0.5-2 kB, those with sketches most."""
MAX_LABEL_VALUES = 40
"""By label key."""


def dimension(scope: str) -> str:
    """Name what a scope tells apart: `agent`, `type|model`, `label:team`, or `fleet`."""
    kind, _, value = scope.partition(":")
    if kind == "type" and "|model:" in value:
        return "type|model"
    return f"label:{value.partition('=')[0]}" if kind == "label" else kind


def other(dimension: str) -> str:
    """Return the scope that holds what a dimension does not tell apart."""
    if dimension == "type|model":
        return f"type:{OTHER}|model:{OTHER}"
    return f"{dimension}={OTHER}" if dimension.startswith("label:") else f"{dimension}:{OTHER}"


def bounded(cells: Cells, max_values: Mapping[str, int] = MAX_VALUES) -> Cells:
    """Return the cells with at most so many values in each dimension; sums stay as they are."""
    by_dimension: dict[str, list[str]] = {}
    for scope in cells:
        by_dimension.setdefault(dimension(scope), []).append(scope)
    kept: Cells = {}
    for name, scopes in by_dimension.items():
        most = max_values.get(name, MAX_LABEL_VALUES)
        rest = other(name)
        if len(scopes) > most:
            scopes.sort(key=lambda scope: _weight(cells, scope), reverse=True)
        named = [scope for scope in scopes if scope != rest]
        kept.update({scope: cells[scope] for scope in named[:most]})
        folded = [*named[most:], *(scope for scope in scopes if scope == rest)]
        if folded:
            kept[rest] = add_rows([cells[scope] for scope in folded])
    return {scope: row for scope, row in kept.items() if row}


def _weight(cells: Cells, scope: str) -> tuple[int, int, str]:
    """Order by cost, then tasks, then name, so that it is the same wherever it is computed."""
    row = cells[scope]
    return row.get("cost_nanousd", 0), row.get("tasks_created", 0), scope
