"""`tachograph report`, `cost` and `rates`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import click
from google.cloud import firestore

from tachograph_cli.report import published, rates_page, report_page
from tachograph_cli.report import report as reports
from tachograph_cli.report.cost import bill as bills
from tachograph_cli.report.cost import bill_page, task_tree
from tachograph_cli.report.rates import over_each
from tachograph_cli.terminal.command_line import (
    fleet_client,
    fleet_option,
    network_errors,
    print_json,
)
from tachograph_cli.terminal.console import Console
from tachograph_cli.terminal.fleets import other_fleets
from tachograph_cli.terminal.parameters import checked, document_id
from tachograph_schema.counters.rates import WINDOWS
from tachograph_schema.documents.rollup import Rollup
from tachograph_schema.periods import Grain

DEFAULT_DAYS = 7
MAX_PERIODS = 400
_SHAPES = {
    "hour": (r"\d{4}-\d{2}-\d{2}T\d{2}", "2026-02-16T18", "{}"),
    "day": (r"\d{4}-\d{2}-\d{2}", "2026-02-16", "{}"),
    "week": (r"\d{4}-W\d{2}", "2026-W08", "{}-1"),
}
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_json = click.option("--json", "as_json", is_flag=True, help="Print raw numbers, as JSON.")


@click.command()
@click.argument("grain", type=click.Choice(list(_SHAPES)), default="day")
@click.argument("period", required=False)
@fleet_option
@click.option(
    "--last",
    type=click.IntRange(1, MAX_PERIODS),
    metavar="N",
    help="The last N with work, up to PERIOD if one is given.",
)
@_json
def report(
    grain: Grain, period: str | None, fleet: str, last: int | None, *, as_json: bool
) -> None:
    """Say what a fleet's work cost, and how it went.

    \b
    tachograph report --fleet acme                    the last 7 days with work
    tachograph report day 2026-02-16 --fleet acme     one day, in UTC
    tachograph report week --last 4 --fleet acme      the last 4 weeks with work

    It reads one published document for each hour, day or week, and whether newer work waits.
    """  # noqa: D301 - the \b is click's mark of lines to keep as they are
    _check_period(grain, period)
    n = last or (1 if period is not None or _grain_is_given() else DEFAULT_DAYS)
    db = fleet_client(fleet)
    with network_errors(f"fleets/{fleet}/rollups"):
        # First, so that what is published meanwhile shows by its time.
        unpublished = published.unpublished(db, fleet)
        rollups = published.latest(db, fleet, grain, n, period)
        newer_work = unpublished is not None and unpublished.concerns(grain, rollups, period)
        if not rollups or (period is not None and last is None and rollups[0].period != period):
            if newer_work:
                raise click.ClickException(_not_yet(fleet, grain, period))
            raise click.ClickException(_nothing(db, fleet, grain, period, rollups))
    whole = reports.report(fleet, rollups, newer_work=newer_work)
    if as_json:
        print_json(reports.as_json(whole))
    else:
        console = Console()
        console.print(report_page.page(whole, console.width, datetime.now(UTC)))


@click.command()
@click.argument("task", callback=checked(document_id))
@fleet_option
@click.option("--all", "everything", is_flag=True, help="Show every subtask, the cheapest as well.")
@_json
def cost(task: str, fleet: str, *, everything: bool, as_json: bool) -> None:
    """Say what a task cost with everything it spawned, and where the money went.

    TASK may be any task of a tree; the whole tree is shown.
    """
    db = fleet_client(fleet)
    with network_errors(f"fleets/{fleet}/tasks/{task}"):
        tree = task_tree.read(db, fleet, task)
        if tree is None:
            raise click.ClickException(_unknown(db, fleet, task))
    bill = bills.bill(tree)
    if as_json:
        print_json(bills.as_json(bill))
    else:
        console = Console()
        console.print(bill_page.page(bill, console.width, everything=everything))


@click.command()
@fleet_option
@click.option(
    "--window", "spans", multiple=True, metavar="SPAN", help="Such as 90m, 24h or 7d; repeatable."
)
@click.option("--json", "as_json", is_flag=True, help="Print what was counted, as JSON.")
def rates(fleet: str, spans: tuple[str, ...], *, as_json: bool) -> None:
    """Say how fast a fleet works: by default in the last 5 minutes, hour, day and week.

    \b
    tachograph rates --fleet acme
    tachograph rates --fleet acme --window 90m --window 30d

    It reads two snapshots for each window.
    """  # noqa: D301 - the \b is click's mark of lines to keep as they are
    windows = {text: window(text) for text in spans} or WINDOWS
    db = fleet_client(fleet)
    with network_errors(f"fleets/{fleet}/snapshots"):
        by_window = over_each(db, fleet, windows)
        if not any(by_window.values()):
            raise click.ClickException(
                f"fleets/{fleet}/snapshots: fewer than two; a tick takes one each minute; "
                f"{other_fleets(db, fleet)}"
            )
    if as_json:
        print_json(rates_page.as_json(by_window))
    else:
        Console().print(rates_page.page(fleet, by_window, datetime.now(UTC)))


def window(text: str) -> timedelta:
    """Read a span such as 90m, 24h or 7d. Raises click.UsageError."""
    span = re.fullmatch(r"([1-9]\d{0,5})([mhd])", text)
    if span is None:
        raise click.UsageError(f"--window is {text!r}; expected minutes, hours or days, such as 5m")
    return timedelta(**{_UNITS[span[2]]: int(span[1])})


def _grain_is_given() -> bool:
    source = click.get_current_context().get_parameter_source("grain")
    return source is not click.core.ParameterSource.DEFAULT


def _check_period(grain: str, period: str | None) -> None:
    if period is None:
        return
    pattern, example, instant = _SHAPES[grain]
    # Both checks: fromisoformat accepts further shapes, and a shape accepts the 30th of February.
    if not re.fullmatch(pattern, period) or not _is_instant(instant.format(period)):
        raise click.UsageError(f"PERIOD is {period!r}; expected a {grain}, such as {example}")


def _is_instant(instant: str) -> bool:
    try:
        datetime.fromisoformat(instant)
    except ValueError:
        return False
    return True


def _not_yet(fleet: str, grain: Grain, period: str | None) -> str:
    where = "" if period is None else f" of the {grain} {period} or before"
    words = f"work{where} is counted, and nothing of it is published yet; the next tick does it"
    return f"fleets/{fleet}/rollups: {words}"


def _nothing(
    db: firestore.Client, fleet: str, grain: Grain, period: str | None, earlier: list[Rollup]
) -> str:
    if period is not None:
        last = (
            f"the last before it with work is {earlier[0].period}"
            if earlier
            else f"nor before it; {other_fleets(db, fleet)}"
        )
        return f"fleets/{fleet}/rollups: nothing was counted in the {grain} {period}; {last}"
    return f"fleets/{fleet}/rollups: nothing is published; {other_fleets(db, fleet)}"


def _unknown(db: firestore.Client, fleet: str, task: str) -> str:
    near = task_tree.near(db, fleet, task)
    hint = f"near it are {', '.join(near)}" if near else other_fleets(db, fleet)
    return f"fleets/{fleet}/tasks/{task}: not there; {hint}"
