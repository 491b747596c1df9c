"""Pure: what each model used for a task, and what that cost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tachograph_schema.counters.cells import Row
from tachograph_schema.counters.names import UNKNOWN
from tachograph_schema.documents.price_sheet import PriceList
from tachograph_schema.documents.task import ModelUsage, Task
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.price import nanousd, own_row, price_sum
from tachograph_schema.pricing.public_prices import is_host_assumed
from tachograph_schema.pricing.terms import Terms
from tachograph_schema.usage import BUCKETS, Usage

_SPLIT = (*BUCKETS, "llm_calls", "cost_nanousd", "unpriced_calls", "unpriced_tokens")


def usage_rows(task: Task, at: datetime, prices: PriceList | None = None) -> dict[str, Row]:
    """Return the usage counters by model that served; what has no cost is priced, as of `at`.

    Without `usage_by_model` everything is the task's own model's. With it, what the split leaves
    unsaid of the task's totals is; so the models always add up to the task.
    """
    split = {model: _said(usage) for model, usage in (task.usage_by_model or {}).items()}
    total = {name: getattr(task, name) or 0 for name in _SPLIT}
    total["cost_nanousd"] = _cost(task) or 0
    rest = {name: n - sum(row[name] for row in split.values()) for name, n in total.items()}
    rest = {name: n for name, n in rest.items() if n > 0}
    if rest or not split:
        own = split.setdefault(task.model or UNKNOWN, dict.fromkeys(_SPLIT, 0))
        for name, n in rest.items():
            own[name] += n
    if _cost(task) is not None:
        reported = _reported(split, task)
        return {
            model: _sourced(row, reported[model], model, task, at, prices)
            for model, row in split.items()
        }
    return {model: _priced(row, model, task, at, prices) for model, row in split.items()}


def _said(usage: ModelUsage) -> Row:
    return {name: getattr(usage, name) or 0 for name in _SPLIT}


def _cost(task: Task) -> int | None:
    """Return the task's whole cost if it was given; nano-dollars beat dollars."""
    if task.cost_nanousd is not None:
        return task.cost_nanousd
    return None if task.cost_usd is None else nanousd(task.cost_usd)


def _reported(split: Mapping[str, Row], task: Task) -> dict[str, int]:
    """Return the part of each model's cost that was reported.

    A task of which some was computed says how much was reported, and not of which model. It is
    divided in proportion to the models' costs, and the parts add up to it.
    """
    whole = sum(row["cost_nanousd"] for row in split.values())
    told = whole if task.cost_source != "priced" else min(task.cost_reported_nanousd or 0, whole)
    parts, before = {}, 0
    for model in sorted(split):
        after = before + split[model]["cost_nanousd"]
        parts[model] = told * after // whole - told * before // whole if whole else 0
        before = after
    return parts


def _sourced(
    row: Row, reported: int, model: str, task: Task, at: datetime, prices: PriceList | None
) -> Row:
    """Say of a cost that was given where it comes from, and how it was computed where it was."""
    computed = row["cost_nanousd"] - reported
    certain = {"cost_reported_nanousd": reported}
    if computed:
        certain |= _computed(computed, _certainty(model, task, at, prices))
    return row | certain


def _computed(cost: int, certainty: str) -> Row:
    """Return the counters of a cost that was computed from prices."""
    return {"cost_priced_nanousd": cost, f"cost_{certainty}_nanousd": cost}


def _certainty(model: str, task: Task, at: datetime, prices: PriceList | None) -> str:
    """Tell whether the provider of a model that has a price was named, or is assumed."""
    provider, route = _provider(model, task), task.route
    if own_row(Call(Usage(), model, provider, at, terms=Terms(route)), prices) is not None:
        return "listed"
    return "assumed" if is_host_assumed(model, provider, route) else "listed"


def _provider(model: str, task: Task) -> str | None:
    """Return who served a model: as its row says, or the task where no row says it of any."""
    split = task.usage_by_model or {}
    if model in split and split[model].provider:
        return split[model].provider
    told = any(usage.provider for usage in split.values())
    return None if told and model in split and model != task.model else task.provider


def _priced(row: Row, model: str, task: Task, at: datetime, prices: PriceList | None) -> Row:
    """Compute the cost of a model's row, unless the row itself gives it, or says it is unknown."""
    if row["cost_nanousd"] or row["unpriced_calls"] or row["unpriced_tokens"]:
        reported = 0 if task.cost_source == "priced" else row["cost_nanousd"]
        return _sourced(row, reported, model, task, at, prices)
    usage, calls = Usage(*(row[name] for name in BUCKETS)), row["llm_calls"]
    if not usage.total_tokens:
        return row
    served = None if model == UNKNOWN else model
    call = Call(usage, served, _provider(model, task), at, calls=calls, terms=Terms(task.route))
    cost = price_sum(call, prices)
    if cost is None:
        return row | {"unpriced_calls": calls or 1, "unpriced_tokens": usage.total_tokens}
    certainty = _certainty(model, task, at, prices) if calls == 1 else "estimated"
    return row | {"cost_nanousd": cost} | _computed(cost, certainty)
