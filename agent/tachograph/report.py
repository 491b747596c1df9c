"""Pure: what a session reports of a task, added up into the fields of its document.

Reports are numbered by whoever makes them, and `reports[reporter]` on the document says how many
have landed. So a write whose answer was lost is recognised, a recording can be replayed twice, and
two sessions can add to one task without overwriting each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from tachograph_schema.counters import OTHER
from tachograph_schema.fields import MAX_MODELS, MAX_NAME_CHARS, MAX_TOOLS
from tachograph_schema.losing import ENDED, ERROR_TYPE, regained, released, retried
from tachograph_schema.periods import hour_of
from tachograph_schema.prices import NO_UNITS, price_difference
from tachograph_schema.terms import STANDARD, Terms
from tachograph_schema.usage import BUCKETS, Usage

if TYPE_CHECKING:
    from tachograph_schema.pricelist import PriceList

Overhead = Literal["retry", "rotation", "handoff"]
"""What a call may be an overhead of; it is a part of the task's cost in any case."""
_LOWEST = "context_remaining_min_pct"
_LATE_TOOLS = 8
"""Beyond so many, who was relieved tells the number of its calls alone: see the rules."""
BIRTH = frozenset({"parent_task_id", "root_task_id", "depth", "created_by"})
"""Where a task comes from: said when it is created, and never changed."""
MODEL_COUNTS = (*BUCKETS, "llm_calls", "cost_nanousd", "unpriced_calls", "unpriced_tokens")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a model, not yet priced: pricing takes longer than recording may."""

    usage: Usage
    model: str | None
    provider: str | None
    priced_at: datetime
    cost_nanousd: int | None
    calls: int
    terms: Terms = STANDARD
    units: Mapping[str, int] = field(default_factory=lambda: NO_UNITS)
    readable: bool = True
    """False where nobody knows what was used: counted as unpriced, whatever tokens it has."""


@dataclass(frozen=True, slots=True)
class Report:
    """One thing a session has to say of a task, numbered from 1 in the order it was said."""

    number: int
    at: datetime
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Values that replace what is there."""
    identity: Mapping[str, Any] = field(default_factory=dict)
    """Values for fields that nobody has set yet."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Numbers that add to what is there."""
    tool: str | None = None
    tool_ms: int = 0
    calls: tuple[Call, ...] = ()
    """What a call used; of more than one model where it came with others on the way."""
    overhead: Overhead | None = None
    """What the calls' cost is an overhead of, where it is one."""
    gives_up: bool = False
    """Whether the session leaves the task as it is, for another to begin again."""
    later: Callable[[], Later] | None = None
    """Says the rest before the report is first written: what takes too long while an agent waits.

    Called once, in the background; it must not raise.
    """


@dataclass(frozen=True, slots=True)
class Later:
    """What a report says when it is read: see `Report.later`."""

    calls: tuple[Call, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    identity: Mapping[str, Any] = field(default_factory=dict)


def whole(report: Report) -> Report:
    """Return a report with what it had to say later."""
    if report.later is None:
        return report
    said = report.later()
    return replace(
        report,
        calls=report.calls + said.calls,
        fields={**report.fields, **said.fields},
        identity={**report.identity, **said.identity},
        later=None,
    )


def reporter_name(agent: str, session: str, nonce: str = "") -> str:
    """Name whoever reports: by its agent, whom the rules let raise no other's sequence."""
    name = f"{agent}:{session}" + (f".{nonce}" if nonce else "")
    if len(name) <= MAX_NAME_CHARS:
        return name
    return f"{agent[: MAX_NAME_CHARS // 2]}:{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def landed_number(landed: Mapping[str, Any] | None, reporter: str) -> int:
    """Return how many of a reporter's reports the document says have landed."""
    return int(((landed or {}).get("reports") or {}).get(reporter, 0))


def by_hour(reports: Iterable[Report]) -> Iterator[list[Report]]:
    """Split reports where the hour changes: a write's change belongs to one hour."""
    for _, group in groupby(reports, key=lambda report: hour_of(report.at)):
        yield list(group)


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
    models = _models(landed)
    tools = {name: dict(use) for name, use in (landed.get("tools") or {}).items()}
    for report in group:
        fields.update({k: v for k, v in report.identity.items() if _is_open(landed, k)})
        if holds:
            fields.update(report.fields)
            fields.update(_given_up(report, {"reports": told_by, **landed}, session))
        _add(totals, report.counts)
        if report.tool is not None:
            _add_tool(_row(tools, report.tool, MAX_TOOLS), report)
            if holds or len(tools) <= _LATE_TOOLS:
                fields["tools"] = tools
        before = totals.get("cost_nanousd", 0)
        for call in report.calls:
            _add_call(totals, models, call, prices)
        spent = totals.get("cost_nanousd", 0) - before
        _add(totals, _overhead(report, spent, retries=retries))
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
    return landed.get(name) is None and not (landed and name in BIRTH)


def _stays_over(landed: Mapping[str, Any], status: str | None) -> bool:
    """Tell whether a task is over, and a status would begin it again, or undo a cancellation.

    One that failed because its session was not heard of goes on with that session.
    """
    lost = landed.get("error_type") == ERROR_TYPE and landed.get("lost_session_id") is not None
    if landed.get("status") not in ENDED or (landed["status"] == "failed" and lost):
        return False
    return status not in ENDED or landed["status"] == "cancelled"


def _row(rows: dict[str, dict[str, Any]], name: str, most: int) -> dict[str, Any]:
    """Return the row of a name; one for all that come after the first few."""
    return rows.setdefault(name if name in rows or len(rows) < most - 1 else OTHER, {})


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


def _models(landed: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what each model did so far; a task of one model holds it in its own fields."""
    split = landed.get("usage_by_model")
    if split:
        return {model: dict(row) for model, row in split.items()}
    if not landed.get("llm_calls") or not landed.get("model"):
        return {}
    row = {name: landed[name] for name in MODEL_COUNTS if landed.get(name)}
    return {landed["model"]: row}


def _add_call(
    totals: dict[str, int],
    models: dict[str, dict[str, Any]],
    call: Call,
    prices: PriceList | None,
) -> None:
    counts: dict[str, int] = {name: getattr(call.usage, name) for name in BUCKETS}
    counts["llm_calls"] = call.calls
    cost = _cost(call, prices)
    if cost is not None:
        counts["cost_nanousd"] = cost
        if call.usage.total_tokens or call.cost_nanousd is not None:
            totals.setdefault("cost_nanousd", 0)  # known to be nothing is not unknown
    elif call.usage.total_tokens or not call.readable:
        counts["unpriced_calls"] = call.calls
        counts["unpriced_tokens"] = call.usage.total_tokens
    _add(totals, counts)
    if call.model is not None:
        row = _row(models, call.model, MAX_MODELS)
        _add(row, counts)
        if call.provider:
            row["provider"] = call.provider


def _cost(call: Call, prices: PriceList | None) -> int | None:
    if call.cost_nanousd is not None or call.model is None or not call.readable:
        return call.cost_nanousd
    return price_difference(
        call.usage,
        call.model,
        call.provider,
        call.priced_at,
        terms=call.terms,
        units=call.units,
        prices=prices,
    )


def _cost_source(landed: Mapping[str, Any], group: list[Report], fields: dict[str, Any]) -> str:
    """Say where the cost comes from: computed as soon as any part of it was."""
    cost = fields.get("cost_nanousd", landed.get("cost_nanousd"))
    if cost is None:
        return "unpriced"
    computed = any(call.cost_nanousd is None for report in group for call in report.calls)
    return "priced" if computed or landed.get("cost_source") == "priced" else "reported"


def _add(into: dict[str, Any], counts: Mapping[str, int]) -> None:
    for name, n in counts.items():
        if n:
            into[name] = into.get(name, 0) + n


def _add_tool(into: dict[str, int], report: Report) -> None:
    calls, errors = report.counts["tool_calls"], report.counts["tool_errors"]
    _add(into, {"calls": calls, "errors": errors, "duration_ms": report.tool_ms})
