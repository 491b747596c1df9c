"""Pure: the baselines of each kind of task on each model, from the sketches of recent days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tachograph_schema.counters.cells import Cells, add_up
from tachograph_schema.counters.derived import percentiles
from tachograph_schema.counters.names import OTHER, UNKNOWN
from tachograph_schema.counters.scopes import (
    PAIR,
    Reserved,
    canonical_cells,
    dimension,
    names,
    titles,
)
from tachograph_schema.counters.sketch import SEPARATOR
from tachograph_schema.rotation.cliff import Cliff, Side, cliff, sides

DAYS: Final = 28
"""Four weeks: every weekday alike, and short enough that last quarter's models fade."""
MIN_RUNS: Final = 5
"""Below, a median is one of a handful of values, and no baseline is published."""
MEASURES: Final = ("tokens_total", "steps", "duration_ms", "cost_nanousd")
MAX_BASELINES: Final = 400
"""The pairs with the most runs: as many as one commit writes, however many names there are."""


@dataclass(frozen=True, slots=True)
class TaskBaseline:
    """The baseline of a type of task on a model: how much its completed tasks took."""

    task_type: str
    model: str
    runs: int
    quantiles: Mapping[str, Mapping[str, float]]
    tenths: Sequence[Side]
    """All that ended, whichever way, by how low their context was."""

    @property
    def cliff(self) -> Cliff:
        """Where such tasks begin to end worse, if that shows."""
        return cliff(self.tenths)


def task_baselines(days: Iterable[Cells]) -> list[TaskBaseline]:
    """Return the baseline of every type and model with at least MIN_RUNS runs, most runs first.

    Only completed tasks are sketched, so every run is one that was completed. A measure that fewer
    than MIN_RUNS tasks have is left out.
    """
    baselines = [_baseline(scope, row) for scope, row in _pairs(days).items()]
    enough = [
        baseline for baseline in baselines if baseline.runs >= MIN_RUNS and baseline.quantiles
    ]
    enough.sort(key=lambda baseline: (-baseline.runs, baseline.task_type, baseline.model))
    return enough[:MAX_BASELINES]


def _pairs(days: Iterable[Cells]) -> Cells:
    """Add up what is asked of the days below, for each type and model that has a name."""
    return add_up(
        {
            scope: {name: n for name, n in row.items() if _is_asked(name)}
            for scope, row in canonical_cells(cells).items()
            if dimension(scope) == PAIR and _has_baseline(scope)
        }
        for cells in days
    )


def _has_baseline(scope: str) -> bool:
    """Tell whether a pair has a baseline: the rest has none, nor has a reserved word as a name.

    A type that is literally `_unknown` would share its baseline's id with tasks without a type.
    """
    return Reserved.OTHER not in names(scope) and not {UNKNOWN, OTHER}.intersection(names(scope))


def _baseline(scope: str, row: Mapping[str, int]) -> TaskBaseline:
    sketched = {name: n for name, n in row.items() if SEPARATOR in name}
    quantiles = {
        name: measured
        for name, measured in percentiles(sketched).items()
        if measured["n"] >= MIN_RUNS
    }
    return TaskBaseline(*_names(scope), row.get("tasks_completed", 0), quantiles, sides(row))


def _is_asked(counter: str) -> bool:
    measure, sketched, _ = counter.partition(SEPARATOR)
    if sketched:
        return measure in MEASURES
    return counter == "tasks_completed" or counter.startswith("context_")


def _names(scope: str) -> tuple[str, str]:
    task_type, model = titles(scope)
    return task_type, model
