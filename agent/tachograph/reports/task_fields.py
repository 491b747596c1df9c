"""Pure: the reports of a session, added up into the fields of the task's document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tachograph.reports.report import Report
from tachograph_schema.counters.cells import add_row_into
from tachograph_schema.counters.names import OTHER
from tachograph_schema.documents.task import ENDED_STATUSES
from tachograph_schema.documents.task_release import ERROR_TYPE, regained, released, retried
from tachograph_schema.fields import MAX_MODELS, MAX_TOOLS
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.growth import grown
from tachograph_schema.pricing.overhead import is_retry, overhead_cost
from tachograph_schema.pricing.price import cost_of, nanousd
from tachograph_schema.usage import BUCKETS

if TYPE_CHECKING:
    from tachograph_schema.documents.price_sheet import PriceList

MODEL_COUNTS = (*BUCKETS, "llm_calls", "cost_nanousd", "unpriced_calls", "unpriced_tokens")
_LOWEST = "context_remaining_min_pct"
_BIRTH = frozenset({"parent_task_id", "root_task_id", "depth", "created_by"})
"""The origin of a task: written when it is created, and never changed."""


def task_fields(
    landed: Mapping[str, Any],
    reporter: str,
    group: list[Report],
    session: str | None = None,
    prices: PriceList | None = None,
    *,
    session_gone: bool = False,
    reopens: bool = True,
) -> dict[str, Any]:
    """Return the fields to write: the totals of the document `landed` and of the group's reports.

    A `session` that lost the task still adds its usage; only the current holder changes the status.
    A session that is gone takes no lost task back. Where `reopens` is False, an ended task stays
    ended.
    """
    holds = _holds(landed, group, session, gone=session_gone)
    fields, totals = _taken_up(landed, session) if holds else ({}, {})
    retry = is_retry({**landed, **fields}, session)
    landing = {reporter: group[-1].number}
    models = used_by_model(landed)
    tools = {name: dict(use) for name, use in (landed.get("tools") or {}).items()}
    for report in group:
        fields = {k: v for k, v in report.identity.items() if _is_open(landed, k)} | fields
        if holds:
            fields.update(report.fields)
            fields.update(_given_up(report, {"reports": landing, **landed}, session))
        add_row_into(totals, report.counts)
        if report.tool is not None:
            _add_tool(_row_of(tools, report.tool, MAX_TOOLS), report)
            fields["tools"] = tools
        before = totals.get("cost_nanousd", 0)
        for call in report.calls:
            _add_call(totals, models, call, prices)
        spent = totals.get("cost_nanousd", 0) - before
        add_row_into(totals, overhead_cost(report.overhead, spent, retry=retry))
    if _LOWEST in fields:
        fields[_LOWEST] = min(fields[_LOWEST], landed.get(_LOWEST, 100))
    for name, n in totals.items():
        fields[name] = _recorded(landed, name) + n
    _keep_model(landed, fields, models, group)
    if "cost_nanousd" in totals or "unpriced_calls" in totals:
        fields["cost_source"] = _cost_source(landed, group, fields)
        reported = _reported_cost(landed, group)
        if fields["cost_source"] == "priced" and (reported or "cost_reported_nanousd" in landed):
            fields["cost_reported_nanousd"] = reported
    if not reopens and _stays_over(landed, fields.get("status")):
        fields.pop("status", None)
    fields["reporter"] = reporter
    fields = {name: value for name, value in fields.items() if landed.get(name) != value}
    reports = {**(landed.get("reports") or {}), **landing}
    return {**fields, "reports": reports, "reported_at": group[-1].at}


def _keep_model(
    landed: Mapping[str, Any],
    fields: dict[str, Any],
    models: dict[str, dict[str, Any]],
    group: list[Report],
) -> None:
    """Leave recorded usage with its model, and the provider with the model that it served.

    Another model has its own row from its first call on.
    """
    if not models:
        return
    if landed.get("model") is not None:
        fields.pop("model", None)
    fields.update(_served(models, group))
    own = fields.get("model") or landed.get("model") or ""
    provider = models.get(own, {}).get("provider")
    fields.pop("provider", None)
    if provider is not None and landed.get("provider") is None:
        fields["provider"] = provider


def _recorded(landed: Mapping[str, Any], name: str) -> int:
    """Return a count of the document; a cost in dollars counts where none is in nano-dollars."""
    if name == "cost_nanousd" and landed.get(name) is None:
        return nanousd(landed.get("cost_usd") or 0)
    return landed.get(name) or 0


def _holds(
    landed: Mapping[str, Any], group: list[Report], session: str | None, *, gone: bool
) -> bool:
    """Tell whether the task is this session's, or is taken over by it just now."""
    # The task is queued again. A report of its end still holds; a report of work on it does not.
    taken = gone and session is not None and landed.get("lost_session_id") == session
    if taken and not any(report.fields.get("status") in ENDED_STATUSES for report in group):
        return False
    holder, since = landed.get("session_id"), landed.get("reported_at")
    if holder in (None, session) or since is None:
        return True
    return any("session_id" in report.fields and report.at >= since for report in group)


def _is_open(landed: Mapping[str, Any], name: str) -> bool:
    """Tell whether a field of identity may still be set; the origin only at the creation."""
    return landed.get(name) is None and not (landed and name in _BIRTH)


def _stays_over(landed: Mapping[str, Any], status: str | None) -> bool:
    """Tell whether a status would begin an ended task again, or undo a cancellation.

    A task that failed because its session was not heard of goes on with that session.
    """
    lost = landed.get("error_type") == ERROR_TYPE and landed.get("lost_session_id") is not None
    if landed.get("status") not in ENDED_STATUSES or (landed["status"] == "failed" and lost):
        return False
    return status not in ENDED_STATUSES or landed["status"] == "cancelled"


def _taken_up(
    landed: Mapping[str, Any], session: str | None
) -> tuple[dict[str, Any], dict[str, int]]:
    """Return the fields and counts by which a session takes a lost task back."""
    if session is None:
        return {}, {}
    again = retried(landed, session)
    return (again, {"retries": 1}) if again else (regained(landed, session), {})


def _served(models: dict[str, dict[str, Any]], group: list[Report]) -> dict[str, Any]:
    """Return the models that served: one by its name, several with the usage of each."""
    if len(models) > 1:
        return {"usage_by_model": models}
    if models and any(report.calls for report in group):
        return {"model": next(iter(models))}  # the one that served, not the one requested
    return {}


def _given_up(report: Report, task: Mapping[str, Any], session: str | None) -> Mapping[str, Any]:
    if not report.gives_up or session is None:
        return {}
    return released(task, session, report.at)


def _cost_source(landed: Mapping[str, Any], group: list[Report], fields: dict[str, Any]) -> str:
    """Return the source of the cost: `priced` as soon as any part of it was computed."""
    cost = fields.get("cost_nanousd", landed.get("cost_nanousd"))
    if cost is None:
        return "unpriced"
    computed = any(call.cost_nanousd is None for report in group for call in report.calls)
    return "priced" if computed or landed.get("cost_source") == "priced" else "reported"


def _reported_cost(landed: Mapping[str, Any], group: list[Report]) -> int:
    """Return the part of a cost that was reported, where the rest of it was computed."""
    computed = landed.get("cost_source") == "priced"
    before = _recorded(landed, "cost_reported_nanousd" if computed else "cost_nanousd")
    return before + sum(_reported(call) for report in group for call in report.calls)


def _reported(call: Call) -> int:
    """Return what a call adds to the reported cost: less than nothing where it is priced now."""
    before = call.before.cost_nanousd if call.before is not None else None
    return (grown(call).cost_nanousd or 0) - (before or 0)


def used_by_model(landed: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the usage of each model so far; a task of one model has it in its own fields."""
    split = landed.get("usage_by_model")
    if split:
        return {model: dict(row) for model, row in split.items()}
    row: dict[str, Any] = {name: n for name in MODEL_COUNTS if (n := _recorded(landed, name))}
    if not row or not landed.get("model"):
        return {}
    if landed.get("provider"):
        row["provider"] = landed["provider"]
    return {landed["model"]: row}


def _add_call(
    totals: dict[str, int],
    models: dict[str, dict[str, Any]],
    call: Call,
    prices: PriceList | None,
) -> None:
    """Add a call to a task's totals and to its model's row; unpriced where no price is known.

    The growth of a call adds what the whole call counts, less what it counted before.
    """
    counts = _counts(grown(call), prices)
    if "cost_nanousd" in counts and (call.usage.total_tokens or call.cost_nanousd is not None):
        totals.setdefault("cost_nanousd", 0)  # a cost of zero is a known cost
    if call.before is not None:
        before = _counts(call.before, prices)
        counts = {n: counts.get(n, 0) - before.get(n, 0) for n in {**counts, **before}}
    add_row_into(totals, counts)
    if call.model is not None:
        row = _row_of(models, call.model, MAX_MODELS)
        add_row_into(row, counts)
        if call.provider:
            row["provider"] = call.provider


def _counts(call: Call, prices: PriceList | None) -> dict[str, int]:
    counts: dict[str, int] = {name: getattr(call.usage, name) for name in BUCKETS}
    counts["llm_calls"] = call.calls
    cost = cost_of(call, prices)
    if cost is not None:
        counts["cost_nanousd"] = cost
    elif call.usage.total_tokens or call.units or not call.readable:
        counts["unpriced_calls"] = call.calls
        counts["unpriced_tokens"] = call.usage.total_tokens
    return counts


def _row_of(rows: dict[str, dict[str, Any]], name: str, most: int) -> dict[str, Any]:
    """Return the row of a name; all names beyond `most` share one."""
    return rows.setdefault(name if name in rows or len(rows) < most - 1 else OTHER, {})


def _add_tool(into: dict[str, int], report: Report) -> None:
    """Add a report of a tool to the tool's row."""
    calls, errors = report.counts["tool_calls"], report.counts["tool_errors"]
    add_row_into(into, {"calls": calls, "errors": errors, "duration_ms": report.tool_ms})
