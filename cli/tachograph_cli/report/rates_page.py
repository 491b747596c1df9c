"""Pure: the rates of a fleet as a table, a column for each window, and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from tachograph_cli.terminal import fmt
from tachograph_cli.terminal.widgets import table
from tachograph_schema.counters.rates import Rates

_STALE = timedelta(minutes=2, seconds=30)
_TOKENS = ("tokens_in", "cache_read_tokens", "cache_write_tokens", "tokens_out")
_ENDED = ("tasks_completed", "tasks_failed", "tasks_cancelled")
Windows = Mapping[str, Rates | None]
"""The rates by the window's name; None where it has fewer than two snapshots."""


def as_json(windows: Windows) -> dict[str, object]:
    """Return what `tachograph rates --json` prints: the growth of each counter in each window."""
    return {
        name: None
        if rate is None
        else {
            "since": rate.since.isoformat(),
            "until": rate.until.isoformat(),
            "span_s": rate.span.total_seconds(),
            "growth": dict(sorted(rate.growth.items())),
            "fell": sorted(rate.fell),
        }
        for name, rate in windows.items()
    }


def page(fleet: str, windows: Windows, now: datetime) -> RenderableType:
    """Lay out the rates, a column for each window; an unknown rate is a dash.

    At least one window has rates. One that reaches no further back than a shorter one has no
    column of its own.
    """
    known: dict[str, Rates] = {}
    same: list[str] = []
    for name, rate in windows.items():
        if rate is not None and rate in known.values():
            same.append(name)
        elif rate is not None:
            known[name] = rate
    until = max(rate.until for rate in known.values())
    age = now - until
    words = f"  up to {fmt.moment(until.astimezone(UTC))} UTC"
    head = Text.assemble((fleet, "bold"), (words, "dim"))
    if age > _STALE:
        head.append(f" · {fmt.duration(age.total_seconds() * 1000)} ago", "yellow")
    rows = table("", *known)
    for label, figure in _LINES.items():
        values = [figure(rate) for rate in known.values()]
        rows.add_row(label, *(Text(v or fmt.UNKNOWN, "" if v else "dim") for v in values))
    spans = [Text(fmt.duration(rate.span.total_seconds() * 1000), "dim") for rate in known.values()]
    rows.add_row(Text("measured over", "dim"), *spans)
    fell = sorted(set().union(*(rate.fell for rate in known.values())))
    notes = []
    if same:
        notes.append(f"{', '.join(same)}: no snapshot is older, so it is the same.")
    if fell:
        notes.append(f"Taken back or corrected meanwhile, so not known: {', '.join(fell)}.")
    below = [Text(), Text("\n".join(notes), "dim")] if notes else []
    return Padding(Group(head, Text(), rows, *below), (1, 0, 0, 0))


def _sum(rate: Rates, names: tuple[str, ...]) -> int | None:
    parts = [rate.growth.get(name) for name in names]
    return sum(part for part in parts if part is not None) if None not in parts else None


def _rate(names: tuple[str, ...], unit: timedelta) -> Callable[[Rates], str | None]:
    def figure(rate: Rates) -> str | None:
        grown = _sum(rate, names)
        return None if grown is None else fmt.rate(grown * (unit / rate.span))

    return figure


def _share(part: str, whole: str) -> Callable[[Rates], str | None]:
    def figure(rate: Rates) -> str | None:
        share = rate.share(part, whole)
        return None if share is None else fmt.percent(share)

    return figure


def _spend(rate: Rates) -> str | None:
    per_h = rate.per_h("cost_nanousd")
    return None if per_h is None else fmt.money(per_h)


def _queue(rate: Rates) -> str | None:
    created, ended = _sum(rate, ("tasks_created",)), _sum(rate, _ENDED)
    if created is None or ended is None:
        return None
    grown = (created - ended) * (timedelta(minutes=1) / rate.span)
    return f"{'+' if grown > 0 else '-' if grown < 0 else ''}{fmt.rate(abs(grown))}"


_S, _MIN, _H = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
_LINES: Mapping[str, Callable[[Rates], str | None]] = {
    "spend / h": _spend,
    "tokens / s": _rate(_TOKENS, _S),
    "output tokens / s": _rate(("tokens_out",), _S),
    "model calls / min": _rate(("llm_calls",), _MIN),
    "calls that failed": _share("llm_errors", "llm_calls"),
    "tool calls / min": _rate(("tool_calls",), _MIN),
    "tools that failed": _share("tool_errors", "tool_calls"),
    "tasks asked for / min": _rate(("tasks_created",), _MIN),
    "tasks completed / min": _rate(("tasks_completed",), _MIN),
    "tasks failed / min": _rate(("tasks_failed",), _MIN),
    "open tasks, growth / min": _queue,
    "rotations / h": _rate(("sessions_rotated",), _H),
    "crashes / h": _rate(("sessions_crashed",), _H),
    "claim collisions / h": _rate(("incidents_claim_collision",), _H),
    "dispatches refused / h": _rate(("incidents_dispatch_refused",), _H),
    "messages / min": _rate(("messages_sent",), _MIN),
}
