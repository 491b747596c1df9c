"""Pure: published rollups -> the report of a fleet: cost, outcomes and coordination.

Raw counters stand beside every derived number. Derived numbers come from
tachograph_schema.counters.derived alone, so every reader sees the same figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tachograph_schema.counters.cells import Cells, add_up
from tachograph_schema.counters.derived import (
    certainty,
    concentration,
    dearest_to_cheapest,
    fleet_ratios,
    orchestration,
    outcomes,
    overheads,
    percentiles,
    ratios,
    reliability,
)
from tachograph_schema.counters.names import FLEET, OTHER, UNKNOWN
from tachograph_schema.counters.scopes import dimension, rest, scope, title
from tachograph_schema.counters.sketch import SEPARATOR, relative_error
from tachograph_schema.documents.rollup import Rollup
from tachograph_schema.documents.task import COORDINATION
from tachograph_schema.periods import Grain, day_of, week_of
from tachograph_schema.rotation.baseline import MIN_RUNS

Row = Mapping[str, int]
CONCENTRATED_PART = 0.8
_PERIOD_OF: Mapping[Grain, Callable[[str], str]] = {"hour": str, "day": day_of, "week": week_of}


@dataclass(frozen=True, slots=True)
class Line:
    """One tier, type or model, or the fleet: its counters, and the numbers derived from them."""

    name: str
    counters: Row
    derived: Mapping[str, float]
    """tachograph_schema.counters.derived.ratios, of the fleet fleet_ratios; and `cost_share`."""
    percentiles: Mapping[str, Mapping[str, float]]

    @property
    def cost_nanousd(self) -> int:
        """The line's cost in nano-dollars."""
        return self.counters.get("cost_nanousd", 0)


@dataclass(frozen=True, slots=True)
class Concentration:
    """The fewest agents that cause `part` of the cost."""

    agents: int
    of: int
    part: float
    cost_nanousd: int
    complete: bool
    """False where the rollups name only the costliest agents."""


@dataclass(frozen=True, slots=True)
class Unpublished:
    """The hours of work that was counted, and not published, at a moment."""

    at: datetime
    hours: frozenset[str]

    def concerns(self, grain: Grain, rollups: Sequence[Rollup], until: str | None) -> bool:
        """Tell whether some of it belongs to a report: to its periods, or to later ones.

        `until` is the last period that was asked for. What was counted before a rollup was
        published is in it.
        """
        if any(rollup.as_of >= self.at for rollup in rollups):
            return False
        first = min((rollup.period for rollup in rollups), default="")
        periods = {_PERIOD_OF[grain](hour) for hour in self.hours}
        return any(first <= period and (until is None or period <= until) for period in periods)


@dataclass(frozen=True, slots=True)
class Report:
    """The sums of some hours, days or weeks of a fleet."""

    fleet: str
    grain: str
    periods: tuple[str, ...]
    as_of: datetime
    documents_read: int
    total: Line
    tiers: tuple[Line, ...]
    types: tuple[Line, ...]
    models: tuple[Line, ...]
    roles: tuple[Line, ...]
    tier_cost_ratio: tuple[str, str, float] | None
    """The tiers with the dearest and the cheapest completed task, and the ratio of the two."""
    overheads: Mapping[str, Mapping[str, float]]
    outcomes: Mapping[str, Mapping[str, float]]
    coordination: Line
    concentration: Concentration | None
    folded: Mapping[str, int]
    """Dimension -> how many values are in `_other`: the most of any one of the documents."""
    sketch_step: int
    """tachograph_schema.counters.sketch.STEPS: above 1, percentiles of a row are coarser."""
    newer_work: bool
    """Whether work of its periods is counted, and not in it yet."""


def report(fleet: str, rollups: Sequence[Rollup], *, newer_work: bool = False) -> Report:
    """Return the report of rollups of one grain; at least one, in any order."""
    cells = add_up(rollup.c for rollup in rollups)
    total = cells.get(FLEET, {})
    tiers = _lines("tier", cells)
    return Report(
        fleet=fleet,
        grain=rollups[0].grain,
        periods=tuple(sorted(rollup.period for rollup in rollups)),
        as_of=max(rollup.as_of for rollup in rollups),
        documents_read=len(rollups),
        total=_line(FLEET, total, total, fleet_ratios),
        tiers=tiers,
        types=_lines("type", cells),
        models=_lines("model", cells),
        roles=_lines("role", cells),
        tier_cost_ratio=dearest_to_cheapest(
            {line.name: line.counters for line in tiers if line.name != UNKNOWN}
        ),
        overheads=overheads(total),
        outcomes=outcomes(total),
        coordination=_line(COORDINATION, cells.get(scope("type", COORDINATION), {}), total),
        concentration=_concentration(cells),
        folded=_folded(rollups),
        sketch_step=max(rollup.sketch_step for rollup in rollups),
        newer_work=newer_work,
    )


def as_json(report: Report) -> dict[str, Any]:
    """Return what `tachograph report --json` prints; docs/report.md says what each name means."""
    ratio, crowd = report.tier_cost_ratio, report.concentration
    return {
        "fleet": report.fleet,
        "grain": report.grain,
        "periods": list(report.periods),
        "as_of": report.as_of.isoformat(),
        "newer_work": report.newer_work,
        "documents_read": report.documents_read,
        "min_runs_for_percentiles": MIN_RUNS,
        "total": _line_json(report.total),
        "tiers": [_line_json(line) for line in report.tiers],
        "task_types": [_line_json(line) for line in report.types],
        "models": [_line_json(line) for line in report.models],
        "roles": [_line_json(line) for line in report.roles],
        "tier_cost_ratio": ratio
        and {"dearest": ratio[0], "cheapest": ratio[1], "cost_per_completed_ratio": ratio[2]},
        "certainty": certainty(report.total.counters),
        "overheads": {kind: dict(part) for kind, part in report.overheads.items()},
        "rotation_tax": report.overheads["rotation"]["share"],
        "outcomes": {kind: dict(outcome) for kind, outcome in report.outcomes.items()},
        "coordination": _line_json(report.coordination),
        "orchestration": orchestration(report.total.counters, report.coordination.counters),
        "reliability": reliability(report.total.counters),
        "concentration": crowd
        and {
            "agents": crowd.agents,
            "of_agents": crowd.of,
            "part": crowd.part,
            "cost_nanousd": crowd.cost_nanousd,
            "complete": crowd.complete,
        },
        "folded": dict(report.folded),
        "percentiles_relative_error": relative_error(report.sketch_step),
    }


def _lines(kind: str, cells: Cells) -> tuple[Line, ...]:
    """Return a dimension's lines, dearest first, and the unnamed rest last."""
    fleet = cells.get(FLEET, {})
    rows = [(title(scope), row) for scope, row in cells.items() if dimension(scope) == kind]
    lines = [_line(name, row, fleet) for name, row in rows]
    return tuple(
        sorted(lines, key=lambda line: (line.name == OTHER, -line.cost_nanousd, line.name))
    )


def _line(
    name: str, row: Row, fleet: Row, derive: Callable[[Row], dict[str, float]] = ratios
) -> Line:
    sketched = {counter: n for counter, n in row.items() if SEPARATOR in counter}
    counters = {counter: n for counter, n in row.items() if SEPARATOR not in counter and n}
    whole = fleet.get("cost_nanousd", 0)
    share = {"cost_share": row.get("cost_nanousd", 0) / whole} if whole > 0 else {}
    return Line(name, dict(sorted(counters.items())), derive(row) | share, percentiles(sketched))


def _concentration(cells: Cells) -> Concentration | None:
    costs = {
        scope: row.get("cost_nanousd", 0)
        for scope, row in cells.items()
        if dimension(scope) == "agent"
    }
    concentrated = concentration(costs.values(), CONCENTRATED_PART)
    if concentrated is None:
        return None
    complete = not costs.get(rest("agent"))
    return Concentration(*concentrated, CONCENTRATED_PART, sum(costs.values()), complete)


def _folded(rollups: Sequence[Rollup]) -> dict[str, int]:
    most: dict[str, int] = {}
    for rollup in rollups:
        for name, n in rollup.folded.items():
            most[name] = max(n, most.get(name, 0))
    return dict(sorted(most.items()))


def _line_json(line: Line) -> dict[str, Any]:
    return {
        "name": line.name,
        "counters": dict(line.counters),
        "derived": dict(line.derived),
        "percentiles": {name: dict(sketched) for name, sketched in line.percentiles.items()},
    }
