"""Pure: what each model used for a task, and what that cost."""

from __future__ import annotations

from datetime import datetime

from tachograph_schema.counters.cells import Row
from tachograph_schema.counters.names import UNKNOWN
from tachograph_schema.documents.price_sheet import PriceList
from tachograph_schema.documents.task import ModelUsage, Task
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.price import nanousd, price_sum
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
        return {model: _sourced(row, task) for model, row in split.items()}
    return {model: _priced(row, model, task, at, prices) for model, row in split.items()}


def _said(usage: ModelUsage) -> Row:
    return {name: getattr(usage, name) or 0 for name in _SPLIT}


def _cost(task: Task) -> int | None:
    """Return the task's whole cost if it was given; nano-dollars beat dollars."""
    if task.cost_nanousd is not None:
        return task.cost_nanousd
    return None if task.cost_usd is None else nanousd(task.cost_usd)


def _sourced(row: Row, task: Task) -> Row:
    """Say of a cost that was given where it comes from."""
    source = "priced" if task.cost_source == "priced" else "reported"
    return row | {f"cost_{source}_nanousd": row["cost_nanousd"]}


def _priced(row: Row, model: str, task: Task, at: datetime, prices: PriceList | None) -> Row:
    """Compute the cost of a model's row, unless the row itself gives it, or says it is unknown."""
    if row["cost_nanousd"] or row["unpriced_calls"] or row["unpriced_tokens"]:
        return _sourced(row, task)
    usage, calls = Usage(*(row[name] for name in BUCKETS)), row["llm_calls"]
    if not usage.total_tokens:
        return row
    split = (task.usage_by_model or {}).get(model)
    provider = (split.provider if split else None) or task.provider
    served = None if model == UNKNOWN else model
    call = Call(usage, served, provider, at, calls=calls, terms=Terms(task.route))
    cost = price_sum(call, prices)
    if cost is None:
        return row | {"unpriced_calls": calls or 1, "unpriced_tokens": usage.total_tokens}
    return row | {"cost_nanousd": cost, "cost_priced_nanousd": cost}
