"""Pure: a report as a page of tables, 80 columns wide or more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tachograph_cli.report import coordination_section, headline
from tachograph_cli.report.report import Line, Report
from tachograph_cli.terminal import fmt
from tachograph_cli.terminal.widgets import (
    WIDE,
    Figure,
    bar,
    figures,
    interval,
    model_words,
    named,
    number,
    rate,
    table,
    warned,
)
from tachograph_schema.counters.derived import is_cost_known
from tachograph_schema.counters.sketch import relative_error
from tachograph_schema.rotation.baseline import MIN_RUNS

_KINDS = {
    "first": "first attempt",
    "retry": "retry",
    "rotation": "rotation",
    "handoff": "handoff",
    "coordination": "coordination",
}
_NONE = {"first": "on the first attempt", "retry": "on a retry", "rotation": "after a rotation"}
_SKETCHES = {
    "duration_ms": ("duration", fmt.duration),
    "cost_nanousd": ("cost", fmt.money),
    "tokens_total": ("tokens", fmt.count),
    "steps": ("steps", fmt.count),
}


def page(report: Report, width: int, now: datetime) -> RenderableType:
    """Lay a report out for a terminal that is `width` columns wide; `now` decides on years."""
    wide = width >= WIDE
    coordination = coordination_section.section(report)
    certainty = headline.certainty_table(report.total)
    return Group(
        *_header(report, now),
        headline.headline(report.total),
        *([_section("How certain the cost is", certainty)] if certainty else []),
        _section("By tier", _work("tier", report.tiers, wide=wide), *_tier_words(report)),
        _section("By task type", _work("task type", report.types, wide=wide)),
        _section("By model, in tokens", _models(report.models, wide=wide)),
        _section("Overhead, as parts of the total", _overheads(report)),
        _section("Outcome by last attempt", _outcomes(report)),
        _section("One completed task", _percentiles(report)),
        *([_section("Coordination", coordination)] if coordination else []),
        _section("To keep in mind", figures(list(_facts(report)))),
    )


def _section(title: str, body: RenderableType, *words: Text) -> RenderableType:
    return Padding(Group(Text(title, "bold"), body, *words), (1, 0, 0, 0))


def _header(report: Report, now: datetime) -> Iterator[Text]:
    n = len(report.periods)
    span = _span(report, now.year)
    with_work = f"{n} {report.grain}s with work, {span}" if n > 1 else f"{report.grain} {span}"
    old = max(timedelta(0), now - report.as_of)
    as_of = f"{fmt.moment(report.as_of.astimezone(UTC))} UTC, {fmt.ago(old)} ago"
    yield Text.assemble((report.fleet, "bold"), (f"  {with_work} · as of {as_of}", "dim"))
    if report.newer_work:
        words = "! Newer work is counted and not in here yet; the next tick publishes it."
        yield Text(words, "yellow")


def _span(report: Report, year: int) -> str:
    first, last = report.periods[0], report.periods[-1]
    if report.grain == "day":
        return fmt.days(first, last, year)
    return first if first == last else f"{first} – {last}"  # noqa: RUF001 - the dashboard's dash


def _work(kind: str, lines: Sequence[Line], *, wide: bool) -> Table:
    medians = {"median cost": "cost_nanousd", "median time": "duration_ms"} if wide else {}
    rows = table(kind, "done", "failed", "success", "per done", *medians, "cost", "share", "")
    for line in lines:
        count, share = line.counters.get, line.derived.get("cost_share", 0.0)
        per_task = line.derived.get("cost_per_completed_usd")
        rows.add_row(
            named(line.name),
            number(count("tasks_completed", 0)),
            number(count("tasks_failed", 0), "red"),
            rate(line.derived.get("success_rate")),
            Text(fmt.UNKNOWN, "dim") if per_task is None else Text(fmt.dollars(per_task), "bold"),
            *(_median(line, measure) for measure in medians.values()),
            _cost(line),
            fmt.share(share),
            bar(share),
        )
    return rows


def _cost(line: Line, style: str = "") -> Text:
    if not is_cost_known(line.counters):
        return Text("unpriced", "yellow")
    return Text(fmt.money(line.cost_nanousd), style)


def _median(line: Line, measure: str) -> Text:
    sketched = line.percentiles.get(measure, {})
    if sketched.get("n", 0) < MIN_RUNS:
        return Text(fmt.UNKNOWN, "dim")
    return Text(_SKETCHES[measure][1](sketched["p50"]))


def _tier_words(report: Report) -> Iterator[Text]:
    yield Text("Per done: a row's cost over its tasks done, subtasks and coordination too.", "dim")
    if report.tier_cost_ratio is not None:
        dearest, cheapest, ratio = report.tier_cost_ratio
        costs = f"costs {fmt.times(ratio)} one of tier {cheapest}."
        yield Text(f"A completed task of tier {dearest} {costs}", "dim")


def _models(lines: Sequence[Line], *, wide: bool) -> Table:
    columns = {
        "in": "tokens_in",
        "cache read" if wide else "read": "cache_read_tokens",
        "cache write" if wide else "write": "cache_write_tokens",
        **({"1 h of it": "cache_write_1h_tokens"} if wide else {}),
        "out": "tokens_out",
        **({"reasoning": "reasoning_tokens"} if wide else {}),
    }
    rows = table("model", *(["calls"] if wide else []), *columns, "hits", "cost", "unpriced")
    for line in lines:
        hits = line.derived.get("cache_hit_ratio")
        rows.add_row(
            named(line.name),
            *([number(line.counters.get("llm_calls", 0))] if wide else []),
            *(number(line.counters.get(counter, 0)) for counter in columns.values()),
            Text(fmt.UNKNOWN, "dim") if hits is None else fmt.share(hits),
            _cost(line, "bold"),
            number(line.counters.get("unpriced_calls", 0), "yellow"),
        )
    return rows


def _overheads(report: Report) -> RenderableType:
    rows = table("kind", "times", "cost", "share", "")
    parts = {kind: part for kind, part in report.overheads.items() if part["n"] or part["cost_usd"]}
    if not parts:
        return Text("No retries, rotations, handoffs or coordination were reported.", "dim")
    for kind, part in parts.items():
        cost, share = fmt.dollars(part["cost_usd"]), fmt.percent(part["share"])
        rows.add_row(_KINDS[kind], number(part["n"]), cost, share, bar(part["share"], "yellow"))
    cost_usd = sum(part["cost_usd"] for part in parts.values())
    share = fmt.percent(report.total.derived.get("overhead_share", 0.0))
    rows.add_row(Text("together", "bold"), "", Text(fmt.dollars(cost_usd), "bold"), share, "")
    return rows


def _outcomes(report: Report) -> RenderableType:
    rows = table("last attempt", "ended", "success", "95 % interval", "0          100 %")
    rows.columns[-1].justify = "left"
    for kind, outcome in report.outcomes.items():
        low, high, success = outcome["low"], outcome["high"], outcome["success_rate"]
        words = f"{fmt.share(low)} to {fmt.share(high)}"
        drawn = interval(low, success, high)
        rows.add_row(_KINDS[kind], number(outcome["n"]), rate(success), words, drawn)
    none = [_NONE[kind] for kind in _NONE if kind not in report.outcomes]
    note = [Text(f"None ended {' or '.join(none)}.", "dim")] if none else []
    return Group(*([rows] if rows.row_count else []), *note)


def _percentiles(report: Report) -> RenderableType:
    rows = table("", "median", "p95", "p99", "tasks")
    scant = []
    for name, (words, write) in _SKETCHES.items():
        sketched = report.total.percentiles.get(name, {})
        n = int(sketched.get("n", 0))
        if n < MIN_RUNS:
            scant.append(f"{words} ({n} so far)")
            continue
        rows.add_row(words, *(write(sketched[q]) for q in ("p50", "p95", "p99")), number(n))
    if not scant:
        return rows
    words = f"{', '.join(scant)}: needs {MIN_RUNS} completed tasks that told it."
    return Group(*([rows] if rows.row_count else []), Text(words, "dim"))


def _facts(report: Report) -> Iterator[Figure]:
    """Yield figures, each with its style and its meaning."""
    derived, count = report.total.derived, report.total.counters.get
    calls, unpriced = count("llm_calls", 0), count("unpriced_calls", 0)
    # A task that reports no number of calls counts as one unpriced call.
    countable = calls >= unpriced > 0 or not unpriced
    words = (
        f"{_of(unpriced, calls)} calls have" if countable else f"{fmt.count(unpriced)} or more have"
    )
    tokens = f", {fmt.count(count('unpriced_tokens', 0))} tokens" if unpriced else ""
    models = [
        model_words(line.name) for line in report.models if line.counters.get("unpriced_calls")
    ]
    whose = f": {fmt.some(models)}" if models else ""
    share = derived.get("unpriced_share") if countable else None
    yield (
        fmt.UNKNOWN if share is None else fmt.percent(share),
        warned(unpriced),
        f"unpriced: {words} no known price{tokens}{whose}",
    )
    done, free = count("tasks_completed", 0), count("tasks_completed_unpriced", 0)
    share = derived.get("completed_unpriced_share")
    words = f"completed without cost: {_of(free, done)} completed tasks"
    taken = "; the cost per completed task takes them for free" if free else ""
    yield (
        fmt.UNKNOWN if share is None else fmt.percent(share),
        warned(free),
        words + taken,
    )
    coordination = report.coordination
    yield (
        fmt.percent(coordination.derived.get("cost_share", 0.0)),
        "bold",
        f"coordination: {fmt.money(coordination.cost_nanousd)} went to work outside any task",
    )
    yield (
        fmt.percent(report.overheads["rotation"]["share"]),
        "bold",
        "rotation tax: journals and bootstraps, of all spend",
    )
    crowd = report.concentration
    if crowd is not None:
        more = "" if crowd.complete else "; the rollups tell only the costliest apart"
        make = "makes" if crowd.agents == 1 else "make"
        yield (
            f"{crowd.agents} of {crowd.of}",
            "bold",
            f"agents {make} 80 % of {fmt.money(crowd.cost_nanousd)}{more}",
        )
    if report.folded:
        dimensions = ", ".join(f"{name} {fmt.count(n)}" for name, n in report.folded.items())
        yield (
            fmt.count(sum(report.folded.values())),
            "bold",
            f"values are among the others, because a rollup has bounded room: {dimensions}",
        )
    if report.sketch_step > 1:
        yield (
            fmt.percent(relative_error(report.sketch_step)),
            "bold",
            "is how far percentiles of a tier, type or model may be off",
        )


def _of(part: int, whole: int) -> str:
    return f"{fmt.count(part)} of {fmt.count(whole)}"
