"""Numbers that derive from counters: never stored as truth, computed by each reader."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from tachograph_schema.counters.cells import AnyRow
from tachograph_schema.counters.names import (
    CERTAINTIES,
    COMPLETED,
    COST_PARTS,
    FIRST_ATTEMPTS,
    FLEET,
)
from tachograph_schema.counters.sketch import SEPARATOR, buckets, quantile

QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
_Z95 = 1.959963984540054
"""The normal distribution's 97.5 % point."""
_OVERHEADS = {
    "retry": "retries",
    "rotation": "rotations",
    "handoff": "handoffs",
    "coordination": "coordination_tasks",
}
"""The parts of a cost that are overhead, and the counters of how many there were."""
_MOST_PCT = 100.0
_ROUNDING = 1000
"""One part of so many is the most by which the parts of a cost may miss it: reprice rounds."""


def ratios(row: AnyRow) -> dict[str, float]:
    """Derive the shares and costs of one scope, without those that are unknown or of nothing.

    cost_usd, cost_per_completed_usd (all spend on tasks of the scope, failures included, over those
    of them that were completed), true_to_naive (all spend over that of first attempts, subtasks'
    included), success_rate, cache_hit_ratio, unpriced_share (of calls), completed_unpriced_share
    (of completed tasks), overhead_share (retries, rotations, handoffs and coordination of the
    spend). Of a fleet or a tree, `fleet_ratios` says what a completed task costs.
    """
    cost, whole = row.get("cost_nanousd", 0), _whole(row)
    completed, failed = row.get("tasks_completed", 0), row.get("tasks_failed", 0)
    read, written = row.get("cache_read_tokens", 0), row.get("cache_write_tokens", 0)
    # Agents that tell no number of calls have one unpriced call, of none.
    unpriced = row.get("unpriced_calls", 0)
    overhead = sum(row.get(f"{kind}_cost_nanousd", 0) for kind in _OVERHEADS)
    parts = cost_by_part(row) or {}
    numbers = {
        "cost_usd": cost / 1e9 if is_cost_known(row) else None,
        "cost_per_completed_usd": _share(whole / 1e9, completed) if is_cost_known(row) else None,
        "true_to_naive": _share(whole, sum(parts.get(part, 0) for part in FIRST_ATTEMPTS)),
        "success_rate": _share(completed, completed + failed),
        "cache_hit_ratio": _share(read, read + written + row.get("tokens_in", 0)),
        "unpriced_share": _share(unpriced, max(unpriced, row.get("llm_calls", 0))),
        "completed_unpriced_share": _share(row.get("tasks_completed_unpriced", 0), completed),
        "overhead_share": _share(overhead, whole),
    }
    return {name: value for name, value in numbers.items() if value is not None}


def fleet_ratios(row: AnyRow) -> dict[str, float]:
    """Derive the numbers of a fleet or a tree: `ratios`, with the cost of what was asked for.

    cost_per_completed_usd is all spend over completed root tasks here. It is left out where some
    completed tasks are not told apart, because they were counted before there were such counters.
    """
    numbers = ratios(row)
    numbers.pop("cost_per_completed_usd", None)
    asked = root_tasks_completed(row) if is_cost_known(row) else None
    return numbers | ({"cost_per_completed_usd": _whole(row) / 1e9 / asked} if asked else {})


def scope_ratios(scope: str, row: AnyRow) -> dict[str, float]:
    """Derive the numbers of a scope: those of a fleet of the fleet's, `ratios` of any other."""
    return fleet_ratios(row) if scope == FLEET else ratios(row)


def is_cost_known(row: AnyRow) -> bool:
    """Tell whether any of the cost is known; where no call has a price, zero is no cost."""
    unpriced = row.get("unpriced_calls", 0) or row.get("unpriced_tokens", 0)
    return bool(row.get("cost_nanousd", 0) or _whole(row) or not unpriced)


def root_tasks_completed(row: AnyRow) -> int | None:
    """Return how many completed tasks of a fleet or a tree were asked for: its root tasks.

    None where some of the completed tasks are not told apart.
    """
    asked, spawned, coordination = (row.get(name, 0) for name in COMPLETED.values())
    together = asked + spawned + coordination
    return max(0, asked) if together == row.get("tasks_completed", 0) else None


def cost_by_part(row: AnyRow) -> dict[str, int] | None:
    """Return a cost by its parts, in nano-dollars; the parts add up to it, within 0.1 %.

    root_first, subtasks_first, retry, rotation, handoff, coordination. None where they do not add
    up, because some of the cost was counted before there were such counters.
    """
    parts = {part: row.get(f"{part}_cost_nanousd", 0) for part in COST_PARTS}
    whole = _whole(row)
    return parts if abs(sum(parts.values()) - whole) * _ROUNDING <= abs(whole) else None


def percentiles(row: AnyRow) -> dict[str, dict[str, float]]:
    """Return p50, p95 and p99 of every measure that is sketched in a scope, and how many, n."""
    names = {name.partition(SEPARATOR)[0] for name in row if SEPARATOR in name}
    quantiles: dict[str, dict[str, float]] = {}
    for name in sorted(names):
        histogram = buckets(row, name)
        if histogram:
            most = _MOST_PCT if name.endswith("_pct") else math.inf  # a bucket's middle may be more
            values = {key: min(most, quantile(histogram, q) or 0) for key, q in QUANTILES.items()}
            quantiles[name] = {"n": sum(histogram.values()), **values}
    return quantiles


def outcomes(row: AnyRow) -> dict[str, dict[str, float]]:
    """Return how attempts of each kind ended: n, success_rate, and its 95 % interval."""
    ends = {}
    for kind in ("first", "retry", "rotation"):
        # Below zero, while an end that was taken back is counted and the end itself is on its way.
        won, lost = (max(0, row.get(f"{kind}_{end}", 0)) for end in ("completed", "failed"))
        if won + lost > 0:
            low, high = interval(won, won + lost)
            rate = won / (won + lost)
            ends[kind] = {"n": won + lost, "success_rate": rate, "low": low, "high": high}
    return ends


def interval(successes: int, n: int, z: float = _Z95) -> tuple[float, float]:
    """Return the Wilson score interval of a proportion, of 95 % (Wilson, JASA 22, 1927)."""
    p, z2 = successes / n, z * z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def certainty(row: AnyRow) -> dict[str, dict[str, float]]:
    """Return how certain the cost of a scope is, by kind: cost_usd, and its share.

    reported (as billed), listed (by the list of the provider that was named), assumed (by that of
    the provider that the model's name suggests), estimated (from the sum of several calls), and
    untold, where an older version counted it and did not say how it was priced.
    """
    cost = row.get("cost_nanousd", 0)
    parts = {kind: row.get(f"cost_{kind}_nanousd", 0) for kind in CERTAINTIES}
    rest = cost - sum(parts.values())
    parts["untold"] = rest if rest * _ROUNDING > cost else 0
    return {
        kind: {"cost_usd": n / 1e9, "share": _share(n, cost) or 0.0} for kind, n in parts.items()
    }


def overheads(row: AnyRow) -> dict[str, dict[str, float]]:
    """Return the parts of the spend that a smooth run would not have had, by kind.

    Each with how many there were, n, cost_usd and its share of all spend; the share of rotations
    is the rotation tax. Coordination is what first attempts at its tasks cost, so that no part is
    in another.
    """
    parts: dict[str, dict[str, float]] = {}
    for kind, counter in _OVERHEADS.items():
        cost = row.get(f"{kind}_cost_nanousd", 0)
        share = _share(cost, _whole(row))
        parts[kind] = {"n": row.get(counter, 0), "cost_usd": cost / 1e9, "share": share or 0.0}
    return parts


def orchestration(total: AnyRow, coordination: AnyRow) -> dict[str, float]:
    """Return how long orchestrating took against everything else: of all tasks and of those of it.

    orchestrating_ms, building_ms, and their ratio, orchestrating_to_building. Times are sums over
    tasks, so of a fleet that works in parallel they are more than the clock's.
    """
    orchestrating = coordination.get("duration_ms", 0)
    building = total.get("duration_ms", 0) - orchestrating
    ratio = _share(orchestrating, building)
    times = {"orchestrating_ms": float(orchestrating), "building_ms": float(building)}
    return times if ratio is None else {**times, "orchestrating_to_building": ratio}


def reliability(row: AnyRow) -> dict[str, float]:
    """Return collision_share, of claims, won and lost; acknowledged_share, of messages sent."""
    lost, won = row.get("incidents_claim_collision", 0), row.get("tasks_claimed", 0)
    shares = {
        "collision_share": _share(lost, lost + won),
        "acknowledged_share": _share(
            row.get("messages_acknowledged", 0), row.get("messages_sent", 0)
        ),
    }
    return {name: value for name, value in shares.items() if value is not None}


def concentration(amounts: Iterable[int], part: float = 0.8) -> tuple[int, int] | None:
    """Return how many of the largest amounts make `part` of their sum, and how many there are.

    Those of nothing are none; None when there is nothing to be shared.
    """
    largest = sorted((n for n in amounts if n > 0), reverse=True)
    wanted, made = part * sum(largest), 0
    for n, amount in enumerate(largest, 1):
        made += amount
        if made >= wanted:
            return n, len(largest)
    return None


def dearest_to_cheapest(rows: Mapping[str, AnyRow]) -> tuple[str, str, float] | None:
    """Return which scope's completed tasks cost most, which least, and how many times as much.

    None unless two have completed tasks of known cost.
    """
    costs = {name: ratios(row).get("cost_per_completed_usd", 0.0) for name, row in rows.items()}
    priced = sorted((cost, name) for name, cost in costs.items() if cost > 0)
    if len(priced) < 2:  # noqa: PLR2004 - a ratio is of two
        return None
    (least, cheapest), (most, dearest) = priced[0], priced[-1]
    return dearest, cheapest, most / least


def _whole(row: AnyRow) -> int:
    """Return what the tasks of a scope cost, whichever models served them."""
    return row.get("task_cost_nanousd", row.get("cost_nanousd", 0))


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None
