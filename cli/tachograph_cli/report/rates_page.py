"""`tachograph rates`: how fast a fleet works, lately and by habit."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import click
from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.auth.exceptions import GoogleAuthError
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from tachograph.firestore.client import connect
from tachograph_cli.report.rates import over_each
from tachograph_cli.terminal import fmt
from tachograph_cli.terminal.widgets import table
from tachograph_schema.counters.rates import WINDOWS, Rates
from tachograph_schema.paths import check_fleet_name

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_STALE = timedelta(minutes=2, seconds=30)
_TOKENS = ("tokens_in", "cache_read_tokens", "cache_write_tokens", "tokens_out")
_ENDED = ("tasks_completed", "tasks_failed", "tasks_cancelled")
_Found = Mapping[str, Rates | None]


@click.command()
@click.option("--fleet", required=True, help="The fleet's name.")
@click.option(
    "--window", "asked", multiple=True, metavar="SPAN", help="Such as 90m, 24h or 7d; repeatable."
)
@click.option("--json", "as_json", is_flag=True, help="Print what was counted, as JSON.")
def rates(fleet: str, asked: tuple[str, ...], *, as_json: bool) -> None:
    """Say how fast a fleet works: by default in the last 5 minutes, hour, day and week.

    \b
    tachograph rates --fleet acme
    tachograph rates --fleet acme --window 90m --window 30d

    It reads two snapshots for each window.
    """  # noqa: D301 - the \b is click's mark of lines to keep as they are
    windows = {text: window(text) for text in asked} or WINDOWS
    try:
        check_fleet_name(fleet)
    except ValueError as error:
        raise click.UsageError(f"--fleet: {error}") from error
    try:
        found = over_each(connect(fleet=fleet), fleet, windows)
    except (GoogleAPICallError, RetryError, GoogleAuthError) as trouble:
        raise click.ClickException(f"fleets/{fleet}/snapshots: {trouble}") from trouble
    if as_json:
        click.echo(json.dumps(raw(found), indent=2))
    elif not any(found.values()):
        raise click.ClickException(
            f"fleets/{fleet}/snapshots: fewer than two; a tick takes one each minute"
        )
    else:
        Console(highlight=False).print(page(fleet, found, datetime.now(UTC)))


def window(text: str) -> timedelta:
    """Read a span such as 90m, 24h or 7d."""
    found = re.fullmatch(r"([1-9]\d{0,5})([mhd])", text)
    if found is None:
        raise click.UsageError(f"--window is {text!r}; expected minutes, hours or days, such as 5m")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def raw(found: _Found) -> dict[str, object]:
    """Return what was counted in each window, for a program."""
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
        for name, rate in found.items()
    }


def page(fleet: str, found: _Found, now: datetime) -> RenderableType:
    """Lay out the rates, a column for each window; what is not known is a dash."""
    known = {name: rate for name, rate in found.items() if rate is not None}
    until = max(rate.until for rate in known.values())
    age = now - until
    words = f"  up to {fmt.moment(until.astimezone(UTC))} UTC"
    head = Text.assemble((fleet, "bold"), (words, "dim"))
    if age > _STALE:
        head.append(f" · {fmt.duration(age.total_seconds() * 1000)} ago", "yellow")
    made = table("", *known)
    for label, told in _LINES.items():
        values = [told(rate) for rate in known.values()]
        made.add_row(label, *(Text(v or fmt.UNKNOWN, "" if v else "dim") for v in values))
    spans = [Text(fmt.duration(rate.span.total_seconds() * 1000), "dim") for rate in known.values()]
    made.add_row(Text("measured over", "dim"), *spans)
    fell = sorted(set().union(*(rate.fell for rate in known.values())))
    note = Text(f"Taken back or corrected meanwhile, so not known: {', '.join(fell)}.", "dim")
    return Padding(Group(head, Text(), made, *([Text(), note] if fell else [])), (1, 0, 0, 0))


def _sum(rate: Rates, names: tuple[str, ...]) -> int | None:
    parts = [rate.growth.get(name) for name in names]
    return sum(part for part in parts if part is not None) if None not in parts else None


def _rate(names: tuple[str, ...], unit: timedelta) -> Callable[[Rates], str | None]:
    def told(rate: Rates) -> str | None:
        grown = _sum(rate, names)
        return None if grown is None else _number(grown * (unit / rate.span))

    return told


def _number(n: float) -> str:
    return fmt.count(n) if n >= 10 or n == 0 else f"{n:.2g}"  # noqa: PLR2004 - two digits suffice


def _share(part: str, whole: str) -> Callable[[Rates], str | None]:
    def told(rate: Rates) -> str | None:
        share = rate.share(part, whole)
        return None if share is None else fmt.percent(share)

    return told


def _spend(rate: Rates) -> str | None:
    per_h = rate.per_h("cost_nanousd")
    return None if per_h is None else fmt.money(per_h)


def _queue(rate: Rates) -> str | None:
    came, went = _sum(rate, ("tasks_created",)), _sum(rate, _ENDED)
    if came is None or went is None:
        return None
    grown = (came - went) * (timedelta(minutes=1) / rate.span)
    return f"{'+' if grown > 0 else '-' if grown < 0 else ''}{_number(abs(grown))}"


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
