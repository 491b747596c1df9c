"""Pure: adding a call of a model, or of a tool, to what a task has used so far."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tachograph.reports.report import Report
from tachograph_schema.counters.names import OTHER
from tachograph_schema.fields import MAX_MODELS
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.price import cost_of
from tachograph_schema.usage import BUCKETS

if TYPE_CHECKING:
    from tachograph_schema.documents.price_sheet import PriceList

_MODEL_COUNTS = (*BUCKETS, "llm_calls", "cost_nanousd", "unpriced_calls", "unpriced_tokens")


def used_by_model(landed: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what each model did so far; a task of one model holds it in its own fields."""
    split = landed.get("usage_by_model")
    if split:
        return {model: dict(row) for model, row in split.items()}
    if not landed.get("llm_calls") or not landed.get("model"):
        return {}
    row = {name: landed[name] for name in _MODEL_COUNTS if landed.get(name)}
    return {landed["model"]: row}


def add_call(
    totals: dict[str, int],
    models: dict[str, dict[str, Any]],
    call: Call,
    prices: PriceList | None,
) -> None:
    """Add a call to a task's totals and to its model's row; unpriced where no price is known."""
    counts: dict[str, int] = {name: getattr(call.usage, name) for name in BUCKETS}
    counts["llm_calls"] = call.calls
    cost = cost_of(call, lambda: prices)
    if cost is not None:
        counts["cost_nanousd"] = cost
        if call.usage.total_tokens or call.cost_nanousd is not None:
            totals.setdefault("cost_nanousd", 0)  # known to be nothing is not unknown
    elif call.usage.total_tokens or not call.readable:
        counts["unpriced_calls"] = call.calls
        counts["unpriced_tokens"] = call.usage.total_tokens
    add(totals, counts)
    if call.model is not None:
        row = row_of(models, call.model, MAX_MODELS)
        add(row, counts)
        if call.provider:
            row["provider"] = call.provider


def row_of(rows: dict[str, dict[str, Any]], name: str, most: int) -> dict[str, Any]:
    """Return the row of a name; one for all that come after the first few."""
    return rows.setdefault(name if name in rows or len(rows) < most - 1 else OTHER, {})


def add(into: dict[str, Any], counts: Mapping[str, int]) -> None:
    """Add counts by their names; what is nothing is left out."""
    for name, n in counts.items():
        if n:
            into[name] = into.get(name, 0) + n


def add_tool(into: dict[str, int], report: Report) -> None:
    """Add what a report says of a tool to the tool's row."""
    calls, errors = report.counts["tool_calls"], report.counts["tool_errors"]
    add(into, {"calls": calls, "errors": errors, "duration_ms": report.tool_ms})
