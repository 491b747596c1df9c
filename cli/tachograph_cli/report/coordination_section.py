"""Pure: the report's section on coordination: waits, collisions, refusals, orchestrating."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tachograph_cli.terminal import fmt
from tachograph_cli.terminal.widgets import Figure, bar, figures, named, number, table, warned
from tachograph_schema.counters.derived import orchestration, reliability
from tachograph_schema.documents.coordination import INCIDENT_KINDS
from tachograph_schema.rotation.baseline import MIN_RUNS

if TYPE_CHECKING:
    from tachograph_cli.report.report import Line, Report

_WAITS = {
    "dispatch_ms": ("queued to claimed", "tasks"),
    "message_latency_ms": ("sent to acknowledged", "messages"),
}


def section(report: Report) -> RenderableType | None:
    """Lay out the section; None where a report has no such figures."""
    facts = list(_facts(report))
    waits = _waits(report)
    roles = _roles(report.roles)
    parts: list[RenderableType] = [
        part for part in (waits, facts and figures(facts), roles) if part
    ]
    return Group(*_spaced(parts)) if parts else None


def _spaced(parts: Sequence[RenderableType]) -> Iterator[RenderableType]:
    for n, part in enumerate(parts):
        if n:
            yield Text()
        yield part


def _waits(report: Report) -> Table | None:
    rows = table("", "median", "p95", "p99", "of")
    for measure, (words, noun) in _WAITS.items():
        sketched = report.total.percentiles.get(measure, {})
        n = int(sketched.get("n", 0))
        if n >= MIN_RUNS:
            values = (fmt.duration(sketched[q]) for q in ("p50", "p95", "p99"))
            rows.add_row(words, *values, fmt.counted(n, noun.removesuffix("s"), noun))
    return rows if rows.row_count else None


def _roles(lines: Sequence[Line]) -> Table | None:
    """Lay out the time of each role; roles work at once, so the sum exceeds the clock's time."""
    worked = [(line, line.counters.get("duration_ms", 0)) for line in lines]
    whole = sum(ms for _, ms in worked)
    if not whole:
        return None
    rows = table("role", "done", "time", "share", "")
    for line, ms in sorted(worked, key=lambda one: -one[1]):
        done = number(line.counters.get("tasks_completed", 0))
        share = ms / whole
        rows.add_row(
            named(line.name),
            done,
            fmt.duration(ms),
            fmt.share(share),
            bar(share),
        )
    return rows


def _facts(report: Report) -> Iterator[Figure]:
    """Yield figures, each with its style and its meaning."""
    count = report.total.counters.get
    shares = reliability(report.total.counters)
    if any(count(f"incidents_{kind}", 0) for kind in INCIDENT_KINDS):
        lost, claimed = count("incidents_claim_collision", 0), count("tasks_claimed", 0)
        words = f"claims lost to another agent, of {fmt.count(lost + claimed)}"
        yield fmt.percent(shares.get("collision_share", 0.0)), warned(lost), words
        for kind, words in _INCIDENTS.items():
            n = count(f"incidents_{kind}", 0)
            if n:
                yield fmt.count(n), "bold yellow", words
    sent = count("messages_sent", 0)
    if sent:
        words = f"of {fmt.counted(sent, 'message')} sent are acknowledged"
        yield fmt.share(shares.get("acknowledged_share", 0.0)), "bold", words
    time = orchestration(report.total.counters, report.coordination.counters)
    if "orchestrating_to_building" in time:
        spent, built = (fmt.duration(time[f"{name}_ms"]) for name in ("orchestrating", "building"))
        words = f"orchestrating to building: {spent} against {built}"
        yield fmt.times(time["orchestrating_to_building"]), "bold", words


_INCIDENTS = {
    "branch_held": "changes refused: another agent holds the branch",
    "branch_contamination": "foreign commits on a branch that was held",
    "dispatch_refused": "dispatches refused: the worker rotates, has ended, or is not there",
    "git_failure": "changes that git refused",
}
