"""Pure: a task's cost by today's prices, and the difference divided among its hours.

docs/decisions/0007-repricing.md has the reasons.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from repair.gaps import Counted
from tachograph_schema.counters.cells import Cells, Row, prune
from tachograph_schema.counters.names import FLEET, UNKNOWN
from tachograph_schema.counters.sketch import SEPARATOR
from tachograph_schema.documents.price_sheet import PriceList
from tachograph_schema.documents.task import Task
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.price import price_sum
from tachograph_schema.pricing.task_cost import usage_rows
from tachograph_schema.pricing.terms import Terms
from tachograph_schema.usage import BUCKETS, Usage

_COMPUTED = ("priced", "unpriced")
_OVERHEADS = ("retry_cost_nanousd", "rotation_cost_nanousd", "handoff_cost_nanousd")
_SPLIT = ("cost_nanousd", "unpriced_calls", "unpriced_tokens")
_SKETCH = f"cost_nanousd{SEPARATOR}"


def states_cost(task: Task) -> bool:
    """Tell whether a task's document states its cost, or that its cost is unknown.

    Where it does not, the functions price the task whenever they count it.
    """
    costs = (task.cost_nanousd, task.cost_usd, task.unpriced_calls, task.unpriced_tokens)
    return any(value is not None for value in costs)


def repriced_fields(
    task: Task, fields: Mapping[str, Any], at: datetime, prices: PriceList | None
) -> dict[str, Any]:
    """Return the fields of a document with a computed cost that today's prices change.

    `fields` are the document as it is stored, `at` is the moment of its last report, and `prices`
    are the fleet's own. A model is priced again where all of its tokens were priced, or none were.
    A model that is priced in part stays, because its priced tokens cannot be told from the others.
    A model without a price today keeps its cost, and so does one of which a part was reported. The
    overheads keep their shares of the whole.
    """
    if task.cost_source not in _COMPUTED:
        return {}
    before = usage_rows(task, at, prices)
    after = {model: _repriced(row, model, task, at, prices) for model, row in before.items()}
    if before == after:
        return {}
    old, new = (sum(row["cost_nanousd"] for row in rows.values()) for rows in (before, after))
    changes: dict[str, Any] = {"cost_nanousd": new, "cost_source": "priced"}
    for name in _SPLIT[1:]:
        unpriced = sum(row[name] for row in after.values())
        if unpriced != (getattr(task, name) or 0):
            changes[name] = unpriced
    for name in _OVERHEADS:
        part = getattr(task, name)
        if part and old:
            changes[name] = min(new, part * new // old)
    if task.usage_by_model:
        raw = fields["usage_by_model"]
        changes["usage_by_model"] = {
            model: {**row, **_changes(after.get(model, {}), row)} for model, row in raw.items()
        }
    return {name: value for name, value in changes.items() if fields.get(name) != value}


def spread(difference: Cells, entries: Iterable[Counted], last_hour: str) -> dict[str, Cells]:
    """Return a difference divided among the hours in which the cost was counted.

    The parts add up to the difference. Money is divided by the cost that `entries` counted in each
    hour, by their tokens where they counted none, and is all of `last_hour`'s where they counted
    neither. Counters that cannot be divided, such as a place in a sketch, go to the hour in which
    the task's sketch was set.
    """
    ordered = sorted(entries, key=lambda entry: entry.update_time)
    weights = _weights(ordered, "cost_nanousd") or _weights(ordered, *BUCKETS) or {last_hour: 1}
    sketched = [e.hour for e in ordered if any(_sets_sketch(e.delta.get(FLEET, {})))]
    whole = sketched[-1] if sketched else max(weights, key=lambda hour: (weights[hour], hour))
    parts: dict[str, Cells] = {hour: {} for hour in {*weights, whole}}
    for scope, row in difference.items():
        for name, n in row.items():
            shares = _divided(n, weights) if name.endswith("_nanousd") else {whole: n}
            for hour, part in shares.items():
                parts[hour].setdefault(scope, {})[name] = part
    pruned = {hour: prune(cells) for hour, cells in parts.items()}
    return {hour: cells for hour, cells in sorted(pruned.items()) if cells}


def _repriced(row: Row, model: str, task: Task, at: datetime, prices: PriceList | None) -> Row:
    usage, calls = Usage(*(row[name] for name in BUCKETS)), row["llm_calls"]
    unpriced = row["unpriced_calls"] or row["unpriced_tokens"]
    in_part = unpriced and (row["cost_nanousd"] or row["unpriced_tokens"] != usage.total_tokens)
    reported = row.get("cost_reported_nanousd")
    if model == UNKNOWN or not usage.total_tokens or in_part or reported:
        return row
    split = (task.usage_by_model or {}).get(model)
    provider = (split.provider if split else None) or task.provider
    cost = price_sum(Call(usage, model, provider, at, calls=calls, terms=Terms(task.route)), prices)
    if cost is None:
        return row
    none_left = dict.fromkeys(_SPLIT[1:], 0)
    return {**row, **none_left, "cost_nanousd": cost, "cost_priced_nanousd": cost}


def _changes(priced: Row, row: Mapping[str, Any]) -> Row:
    return {
        name: priced[name] for name in _SPLIT if name in priced and priced[name] != row.get(name, 0)
    }


def _weights(entries: list[Counted], *names: str) -> dict[str, int]:
    sums: dict[str, int] = {}
    for entry in entries:
        row = entry.delta.get(FLEET, {})
        sums[entry.hour] = sums.get(entry.hour, 0) + sum(row.get(name, 0) for name in names)
    return {hour: n for hour, n in sums.items() if n > 0}


def _sets_sketch(row: Row) -> Iterable[bool]:
    return (n > 0 for name, n in row.items() if name.startswith(_SKETCH))


def _divided(n: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Return whole parts of n by weights; the heaviest gets the remainder."""
    total = sum(weights.values())
    sign = -1 if n < 0 else 1
    parts = {hour: sign * (abs(n) * weight // total) for hour, weight in weights.items()}
    parts[max(weights, key=lambda hour: (weights[hour], hour))] += n - sum(parts.values())
    return parts
