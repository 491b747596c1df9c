"""What is normal for a kind of task on a model: from the sketches of the days it was done on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tachograph_schema.counters.cells import Cells, add_up
from tachograph_schema.counters.derived import percentiles
from tachograph_schema.counters.dimensions import dimension
from tachograph_schema.counters.names import OTHER
from tachograph_schema.counters.sketch import SEPARATOR
from tachograph_schema.rotation.cliff import Cliff, Side, cliff, sides

DAYS: Final = 28
"""Four weeks: every weekday alike, and short enough that last quarter's models fade."""
MIN_RUNS: Final = 5
"""Below, a median is one of a handful of values, and nothing is said."""
MEASURES: Final = ("tokens_total", "steps", "duration_ms", "cost_nanousd")
MAX_BASELINES: Final = 400
"""One commit, at most, whatever agents call their types and models; those with most runs."""


@dataclass(frozen=True, slots=True)
class Normal:
    """What completed tasks of a type took on a model, and how many they were."""

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


def normals(days: Iterable[Cells]) -> list[Normal]:
    """Return what is normal for every pair that enough runs of are known, most runs first.

    Only completed tasks are sketched, so every run is one that was completed. A measure that fewer
    than MIN_RUNS tasks told is left out.
    """
    found = [_normal(scope, row) for scope, row in _pairs(days).items()]
    enough = [normal for normal in found if normal.runs >= MIN_RUNS and normal.quantiles]
    enough.sort(key=lambda normal: (-normal.runs, normal.task_type, normal.model))
    return enough[:MAX_BASELINES]


def _pairs(days: Iterable[Cells]) -> Cells:
    """Add up what is asked of the days below, for each type and model that has a name."""
    return add_up(
        {
            scope: {name: n for name, n in row.items() if _is_asked(name)}
            for scope, row in cells.items()
            if dimension(scope) == "type|model" and OTHER not in _names(scope)
        }
        for cells in days
    )


def _normal(scope: str, row: Mapping[str, int]) -> Normal:
    sketched = {name: n for name, n in row.items() if SEPARATOR in name}
    quantiles = {
        name: found for name, found in percentiles(sketched).items() if found["n"] >= MIN_RUNS
    }
    return Normal(*_names(scope), row.get("tasks_completed", 0), quantiles, sides(row))


def _is_asked(counter: str) -> bool:
    measure, sketched, _ = counter.partition(SEPARATOR)
    if sketched:
        return measure in MEASURES
    return counter == "tasks_completed" or counter.startswith("context_")


def _names(scope: str) -> tuple[str, str]:
    task_type, _, model = scope.removeprefix("type:").partition("|model:")
    return task_type, model
