"""Pure: the counters of a period as one document can hold them, whatever agents call their things.

A rollup has to stay below `MAX_DOCUMENT_BYTES`. First each dimension names fewer values, the
costliest, down to `FEWEST_NAMED`; then sketches have wider buckets, with as many values as fit; in
the end even those few values are the rest. The first that fits is taken. It depends on the counters
alone, neither on their order nor on what was published before, so that whoever verifies or rebuilds
a rollup comes to the same. The fleet's own row is never folded and never coarser, so totals are
exact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tachograph_schema.counters.cells import AnyCells, AnyRow, Cells, Row, add_rows
from tachograph_schema.counters.derived import QUANTILES, outcomes, percentiles, scope_ratios
from tachograph_schema.counters.dimensions import (
    bounded,
    by_dimension,
    fewer_label_keys,
    label_keys,
    max_values,
    named_and_folded,
)
from tachograph_schema.counters.names import FLEET
from tachograph_schema.counters.scopes import canonical_cells, dimension, rest
from tachograph_schema.counters.size import (
    MAP_BYTES,
    MAX_DOCUMENT_BYTES,
    NUMBER_BYTES,
    saturated_cells,
    text_size,
    value_size,
)
from tachograph_schema.counters.sketch import SEPARATOR, STEPS, coarser

READ: Final = (FLEET, "tier", "type", "model")
"""The dimensions whose shares and percentiles a published document spells out."""
FEWEST_NAMED: Final = 10
"""The values of a dimension that keep their names as long as wider buckets help."""
_PERCENT = range(100, -1, -1)
_FIXED_BYTES = 20_000
"""Of all fields but those that grow with the scopes: the name, the hours of a day, `folded`."""
_MEASURE_BYTES = MAP_BYTES + sum(text_size(key) + NUMBER_BYTES for key in ("n", *QUANTILES))


@dataclass(frozen=True, slots=True)
class Fitted:
    """Counters that fit into one document, and what was given up for it."""

    cells: Cells
    folded: dict[str, int] = field(default_factory=dict)
    """Dimension -> how many of its values are in the rest; `label`: how many keys of labels."""
    sketch_step: int = 1
    """How many neighbouring buckets are one, outside of the fleet's row."""


@dataclass(frozen=True, slots=True)
class _Level:
    """How much is kept: the percentage of each dimension's usual values, and of the fewest."""

    step: int
    percent: int
    fewest: int = FEWEST_NAMED

    def most(self, dimension: str) -> int:
        usual = max_values(dimension)
        return max(min(usual, self.fewest), usual * self.percent // 100)


_LEVELS: Final[Sequence[Sequence[_Level]]] = (
    *([_Level(step, percent) for percent in _PERCENT] for step in STEPS),
    [_Level(STEPS[-1], 0, fewest) for fewest in range(FEWEST_NAMED, -1, -1)],
)
"""From all to least, in groups in each of which the size falls."""


def fit(cells: AnyCells, max_bytes: int = MAX_DOCUMENT_BYTES) -> Fitted:
    """Return a period's counters as they are published, in at most so many bytes."""
    whole = canonical_cells(cells)
    fewer = fewer_label_keys(whole)
    usual = bounded(fewer)
    fitting = _Fitting(usual, max_bytes - _FIXED_BYTES)
    level = _first_that_fits(fitting.fits)
    fitted = saturated_cells(fitting.at(level))
    folded = _missing(fewer, fitted)
    if keys := len(label_keys(whole)) - len(label_keys(fewer)):
        folded["label"] = keys
    return Fitted(fitted, folded, level.step)


def spelled_out(cells: AnyCells) -> dict[str, Any]:
    """Return the derived fields of a published document: ratios, percentiles, outcomes."""
    read = {scope: row for scope, row in cells.items() if dimension(scope) in READ}
    return {
        "ratios": {scope: scope_ratios(scope, row) for scope, row in read.items()},
        "percentiles": {
            scope: quantiles for scope, row in read.items() if (quantiles := percentiles(row))
        },
        "outcomes": outcomes(cells.get(FLEET, {})),
    }


class _Fitting:
    """The candidates of one `fit`; the bytes of a named scope are computed once for each step."""

    def __init__(self, cells: Cells, max_bytes: int) -> None:
        self._cells, self._max_bytes = cells, max_bytes
        self._scopes = by_dimension(cells)
        self._sizes: dict[tuple[int, str], int] = {}

    def fits(self, level: _Level) -> bool:
        size = 0
        for name, scopes in self._scopes.items():
            named, folded = named_and_folded(self._cells, name, scopes, level.most(name))
            size += sum(self._size(name, scope, level.step) for scope in named)
            if folded:
                size += scope_size(name, rest(name), self._sum(folded, level.step))
        return size <= self._max_bytes

    def at(self, level: _Level) -> Cells:
        kept: Cells = {}
        for name, scopes in self._scopes.items():
            named, folded = named_and_folded(self._cells, name, scopes, level.most(name))
            kept.update({scope: self._row(name, scope, level.step) for scope in named})
            if folded:
                kept[rest(name)] = self._sum(folded, level.step)
        return {scope: row for scope, row in kept.items() if row}

    def _size(self, dimension: str, scope: str, step: int) -> int:
        size = self._sizes.get((step, scope))
        if size is None:
            size = scope_size(dimension, scope, self._row(dimension, scope, step))
            self._sizes[step, scope] = size
        return size

    def _row(self, dimension: str, scope: str, step: int) -> Row:
        return coarser(self._cells[scope], 1 if dimension == FLEET else step)

    def _sum(self, scopes: Sequence[str], step: int) -> Row:
        return coarser(add_rows(self._cells[scope] for scope in scopes), step)


def scope_size(dimension: str, scope: str, row: AnyRow) -> int:
    """Return the most bytes that a scope takes in a published document, derived fields included."""
    name = text_size(scope)
    size = name + MAP_BYTES + sum(text_size(counter) + NUMBER_BYTES for counter in row)
    if dimension in READ:
        measures = {counter.partition(SEPARATOR)[0] for counter in row if SEPARATOR in counter}
        size += 2 * (name + MAP_BYTES) + value_size(scope_ratios(scope, row))
        size += sum(text_size(measure) + _MEASURE_BYTES for measure in measures)
    return size + value_size(outcomes(row)) if dimension == FLEET else size


def _missing(cells: AnyCells, fitted: AnyCells) -> dict[str, int]:
    """Count by dimension the values that are in the rest."""
    missing = Counter(dimension(scope) for scope in cells.keys() - fitted.keys())
    return dict(sorted(missing.items()))


def _first_that_fits(fits: Callable[[_Level], bool]) -> _Level:
    if fits(_LEVELS[0][0]):
        return _LEVELS[0][0]
    levels = next((group for group in _LEVELS if fits(group[-1])), _LEVELS[-1])
    first, last = 0, len(levels) - 1
    while first < last:
        middle = (first + last) // 2
        if fits(levels[middle]):
            last = middle
        else:
            first = middle + 1
    return levels[first]
