"""Pure: the head of the page: the fleet's sessions, and five gauges with their last hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tachograph_cli.terminal import fmt
from tachograph_cli.top.sparklines import latest, per_second, ring, sparkline
from tachograph_cli.top.view import View, age
from tachograph_schema.documents.session import OPEN_STATES

STATES: Mapping[str, str] = {
    "active": "green",
    "waiting": "cyan",
    "idle": "dim",
    "stuck": "dark_orange",
    "error": "red",
}
"""The colour of a state, the same everywhere."""
_LATE = timedelta(seconds=150)
"""A snapshot is taken each minute; after two missing ones the tick does not run."""
_WORST_SHARE, _BAD_SHARE = 0.1, 0.02
_MIN_SPARK_CHARS = 4
RING_POINTS = 60
"""The points of each series in live/now: an hour."""
_GAP_CHARS = 2


class Gauge(NamedTuple):
    """A number with its label, its last hour, and a note."""

    label: str
    value: str
    points: list[float | None]
    style: str = "blue"
    note: str = ""


def header(view: View, width: int, now: datetime) -> list[RenderableType]:
    """Return the lines of the head: the fleet, its sessions by state, and the gauges."""
    live = view.live
    if live is None:
        style = "red" if "live" in view.errors else "dim"
        return [_title(view, now), Text(_silence(view), style)]
    return [_title(view, now), *_states(live, width), Text(), *_gauges(gauges(live), width)]


def gauges(live: Mapping[str, Any]) -> list[Gauge]:
    """Return the gauges of `live/now`; an unknown number is a dash."""
    at_ms = ring(live, "at_ms")
    tokens, done = ring(live, "tokens_total"), ring(live, "tasks_completed")
    calls, errors = ring(live, "llm_calls"), ring(live, "llm_errors")
    rates = [
        None if call is None or error is None else (error / call if call else 0.0)
        for call, error in zip(per_second(at_ms, calls), per_second(at_ms, errors), strict=False)
    ]
    failing = _share(latest(at_ms, errors), latest(at_ms, calls))
    per_min = latest(at_ms, done)
    oldest_ms = live.get("queue_oldest_age_ms")
    return [
        Gauge(
            "burn an hour",
            fmt.money(live.get("burn_nanousd_per_h", 0)),
            list(ring(live, "burn_nanousd_per_h")),
            "magenta",
        ),
        Gauge("tokens/s", _rate(latest(at_ms, tokens)), per_second(at_ms, tokens)),
        Gauge(
            "done/min", _rate(None if per_min is None else per_min * 60), per_second(at_ms, done)
        ),
        Gauge(
            "calls failed",
            fmt.UNKNOWN if failing is None else fmt.percent(failing),
            list(rates),
            _error_style(failing),
        ),
        Gauge(
            "queue" if oldest_ms is None else "queue, oldest",
            fmt.count(live.get("queue_depth", 0)),
            list(ring(live, "queue_depth")),
            "cyan",
            "" if oldest_ms is None else f", {fmt.ago(timedelta(milliseconds=oldest_ms))}",
        ),
    ]


def _title(view: View, now: datetime) -> RenderableType:
    line = Table.grid(expand=True)
    line.add_column(no_wrap=True, overflow="ellipsis")
    line.add_column(justify="right", no_wrap=True)
    line.add_row(Text(view.fleet, "bold"), _pulse(view, now))
    return line


def _pulse(view: View, now: datetime) -> Text:
    clock = f"{now.astimezone(UTC):%H:%M:%S} UTC"
    if view.offline_since is not None:
        since = f"{view.offline_since.astimezone(UTC):%H:%M:%S}"
        return Text.assemble(("● offline ", "bold red"), (f"since {since} · {clock}", "dim"))
    late = age(view.live.get("at") if view.live else None, now)
    if late is not None and late > _LATE:
        words = f"● no tick for {fmt.ago(late)} "
        return Text.assemble((words, "bold yellow"), (clock, "dim"))
    if view.live is None:
        return Text.assemble(("● ", "dim"), (clock, "dim"))
    return Text.assemble(("● ", "green"), (clock, "dim"))


def _silence(view: View) -> str:
    if "live" in view.errors:
        return f"live/now: {view.errors['live']}"
    if "live" in view.pending:
        return "Listening ..."
    return "live/now is not there yet: the first tick writes it, a minute after the first task."


def _states(live: Mapping[str, Any], width: int) -> list[Text]:
    """Return the sessions by state and further facts, on one line where there is room."""
    sessions: Mapping[str, int] = live.get("sessions", {})
    line = Text(fmt.counted(sum(sessions.values()), "session"), "bold")
    for state in OPEN_STATES:
        n = sessions.get(state, 0)
        line.append("  ● ", STATES[state] if n else "dim")
        line.append(f"{fmt.count(n)} {state}", "not bold" if n else "not bold dim")
    facts = _facts(live)
    if line.cell_len + sum(len(fact) + 3 for fact in facts) <= width:
        return [_one_line(Text("   ").join([line, *(Text(fact, "dim") for fact in facts)]))]
    while len("   ".join(facts)) > width:
        facts.pop()
    return [_one_line(line), Text("   ".join(facts), "dim")]


def _facts(live: Mapping[str, Any]) -> list[str]:
    """Return further facts, the most important first."""
    used = live.get("utilisation")
    facts = [
        "" if used is None else f"{fmt.share(used)} in use",
        _some(live, "tasks_in_flight", "task", "at work"),
        _some(live, "signals_open", "rotation", "under way"),
        _some(live, "messages_pending", "message", "unread"),
        "more sessions than the work needs" if live.get("over_provisioned") else "",
    ]
    return [fact for fact in facts if fact]


def _one_line(line: Text) -> Text:
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _some(live: Mapping[str, Any], name: str, noun: str, doing: str) -> str:
    n = live.get(name, 0)
    return f"{fmt.counted(n, noun)} {doing}" if n else ""


def _gauges(shown: list[Gauge], width: int) -> list[RenderableType]:
    chars = (width - _GAP_CHARS * (len(shown) - 1)) // len(shown)
    spark = max(_MIN_SPARK_CHARS, min(chars, RING_POINTS))
    cells = [
        (
            Text(gauge.label, "dim"),
            Text.assemble((gauge.value, "bold"), (gauge.note, "dim")),
            sparkline(gauge.points, spark, gauge.style),
        )
        for gauge in shown
    ]
    return [_line(cells, chars) for cells in zip(*cells, strict=True)]


def _line(cells: Sequence[Text], chars: int) -> Table:
    grid = Table.grid(padding=(0, _GAP_CHARS, 0, 0))
    for _ in cells:
        grid.add_column(width=chars, no_wrap=True, overflow="ellipsis")
    grid.add_row(*cells)
    return grid


def _rate(n: float | None) -> str:
    return fmt.UNKNOWN if n is None else fmt.rate(n)


def _share(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else part / whole


def _error_style(share: float | None) -> str:
    if share is None or share < _BAD_SHARE:
        return "green"
    return "red" if share >= _WORST_SHARE else "yellow"
