"""Pure: what a session reports of a task, added up into the fields of its document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tachograph.reports.report import Report
from tachograph.reports.totals import add, add_call, add_tool, row_of, used_by_model
from tachograph_schema.documents.task_release import ENDED, ERROR_TYPE, regained, released, retried
from tachograph_schema.fields import MAX_TOOLS

if TYPE_CHECKING:
    from tachograph_schema.documents.price_sheet import PriceList

_LOWEST = "context_remaining_min_pct"
_LATE_TOOLS = 8
"""Beyond so many, who was relieved tells the number of its calls alone: see the rules."""
_BIRTH = frozenset({"parent_task_id", "root_task_id", "depth", "created_by"})
"""Where a task comes from: said when it is created, and never changed."""


def folded(
    landed: Mapping[str, Any],
    reporter: str,
    group: list[Report],
    session: str | None = None,
    prices: PriceList | None = None,
    *,
    gone: bool = False,
    reopens: bool = True,
) -> dict[str, Any]:
    """Return the fields to write: absolute totals, of what has landed and the group's reports.

    What a `session` that no longer holds the task has to add is added; how the task stands is then
    for the one to say that holds it. One that is `gone` takes no task back that it lost. Who does
    not `reopen` adds to a task that is over, and leaves it so.
    """
    holds = _holds(landed, group, session, gone=gone)
    fields, totals = _taken_up(landed, session) if holds else ({}, {})
    retries = _retries(landed, fields, session)
    told_by = {reporter: group[-1].number}
    models = used_by_model(landed)
    tools = {name: dict(use) for name, use in (landed.get("tools") or {}).items()}
    for report in group:
        fields.update({k: v for k, v in report.identity.items() if _is_open(landed, k)})
        if holds:
            fields.update(report.fields)
            fields.update(_given_up(report, {"reports": told_by, **landed}, session))
        add(totals, report.counts)
        if report.tool is not None:
            add_tool(row_of(tools, report.tool, MAX_TOOLS), report)
            if holds or len(tools) <= _LATE_TOOLS:
                fields["tools"] = tools
        before = totals.get("cost_nanousd", 0)
        for call in report.calls:
            add_call(totals, models, call, prices)
        spent = totals.get("cost_nanousd", 0) - before
        add(totals, _overhead(report, spent, retries=retries))
    if _LOWEST in fields:
        fields[_LOWEST] = min(fields[_LOWEST], landed.get(_LOWEST, 100))
    for name, n in totals.items():
        fields[name] = (landed.get(name) or 0) + n
    fields.update(_served(models, group))
    if "cost_nanousd" in totals or "unpriced_calls" in totals:
        fields["cost_source"] = _cost_source(landed, group, fields)
    if not reopens and _stays_over(landed, fields.get("status")):
        fields.pop("status", None)
    fields["reporter"] = reporter
    fields = {name: value for name, value in fields.items() if landed.get(name) != value}
    reports = {**(landed.get("reports") or {}), **told_by}
    return {**fields, "reports": reports, "reported_at": group[-1].at}


def _holds(
    landed: Mapping[str, Any], group: list[Report], session: str | None, *, gone: bool
) -> bool:
    """Tell whether the task is this session's, or is taken over by it just now."""
    # Queued again. That it had ended is heard; that it was at work, is no longer so.
    taken = gone and session is not None and landed.get("lost_session_id") == session
    if taken and not any(report.fields.get("status") in ENDED for report in group):
        return False
    holder, since = landed.get("session_id"), landed.get("reported_at")
    if holder in (None, session) or since is None:
        return True
    return any("session_id" in report.fields and report.at >= since for report in group)


def _is_open(landed: Mapping[str, Any], name: str) -> bool:
    """Tell whether what a task is may still be said; where it came from, only at its creation."""
    return landed.get(name) is None and not (landed and name in _BIRTH)


def _stays_over(landed: Mapping[str, Any], status: str | None) -> bool:
    """Tell whether a task is over, and a status would begin it again, or undo a cancellation.

    One that failed because its session was not heard of goes on with that session.
    """
    lost = landed.get("error_type") == ERROR_TYPE and landed.get("lost_session_id") is not None
    if landed.get("status") not in ENDED or (landed["status"] == "failed" and lost):
        return False
    return status not in ENDED or landed["status"] == "cancelled"


def _taken_up(
    landed: Mapping[str, Any], session: str | None
) -> tuple[dict[str, Any], dict[str, int]]:
    """Return the fields and counts of a task that was lost, and now is not."""
    if session is None:
        return {}, {}
    again = retried(landed, session)
    return (again, {"retries": 1}) if again else (regained(landed, session), {})


def _retries(landed: Mapping[str, Any], fields: Mapping[str, Any], session: str | None) -> bool:
    """Tell whether what a session spends is spent on a retry."""
    retrying = fields.get("retry_session_id", landed.get("retry_session_id"))
    return session is not None and retrying == session


def _served(models: dict[str, dict[str, Any]], group: list[Report]) -> dict[str, Any]:
    """Return which models served: one by its name, more with what each of them did."""
    if len(models) > 1:
        return {"usage_by_model": models}
    if models and any(report.calls for report in group):
        return {"model": next(iter(models))}  # as served, whatever was asked for
    return {}


def _overhead(report: Report, spent_nanousd: int, *, retries: bool) -> dict[str, int]:
    """Return which overhead the cost of a report is a part of, if of any: of one."""
    overhead = report.overhead or ("retry" if retries else None)
    return {} if overhead is None else {f"{overhead}_cost_nanousd": spent_nanousd}


def _given_up(report: Report, task: Mapping[str, Any], session: str | None) -> Mapping[str, Any]:
    if not report.gives_up or session is None:
        return {}
    return released(task, session, report.at)


def _cost_source(landed: Mapping[str, Any], group: list[Report], fields: dict[str, Any]) -> str:
    """Say where the cost comes from: computed as soon as any part of it was."""
    cost = fields.get("cost_nanousd", landed.get("cost_nanousd"))
    if cost is None:
        return "unpriced"
    computed = any(call.cost_nanousd is None for report in group for call in report.calls)
    return "priced" if computed or landed.get("cost_source") == "priced" else "reported"
