"""`tachograph report` and `tachograph cost`."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import click
from google.api_core.exceptions import GoogleAPICallError, PermissionDenied, RetryError
from google.auth.exceptions import GoogleAuthError
from google.cloud import firestore
from rich.console import Console

from tachograph.firestore.client import connect
from tachograph_cli.report import published, report_page
from tachograph_cli.report import report as reports
from tachograph_cli.report.cost import bill as bills
from tachograph_cli.report.cost import bill_page, task_tree
from tachograph_schema.paths import check_fleet_name
from tachograph_schema.periods import Grain

DEFAULT_DAYS = 7
MAX_PERIODS = 400
_SHAPES = {
    "hour": (r"\d{4}-\d{2}-\d{2}T\d{2}", "2026-02-16T18", "{}"),
    "day": (r"\d{4}-\d{2}-\d{2}", "2026-02-16", "{}"),
    "week": (r"\d{4}-W\d{2}", "2026-W08", "{}-1"),
}
_WEATHER = (GoogleAPICallError, RetryError, GoogleAuthError)
_fleet = click.option("--fleet", required=True, help="The fleet's name.")
_json = click.option("--json", "as_json", is_flag=True, help="Print raw numbers, as JSON.")


@click.command()
@click.argument("grain", type=click.Choice(list(_SHAPES)), default="day")
@click.argument("period", required=False)
@_fleet
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

    It reads one published document for each hour, day or week.
    """  # noqa: D301 - the \b is click's mark of lines to keep as they are
    _check_period(grain, period)
    n = last or (1 if period is not None or _said_grain() else DEFAULT_DAYS)
    db = _client(fleet)
    try:
        rollups = published.latest(db, fleet, grain, n, period)
        if not rollups or (period is not None and last is None and rollups[0].period != period):
            raise click.ClickException(_nothing(db, fleet, grain, period, rollups))
    except _WEATHER as trouble:
        raise click.ClickException(f"fleets/{fleet}/rollups: {trouble}") from trouble
    found = reports.report(fleet, rollups)
    if as_json:
        _print_json(reports.as_json(found))
    else:
        console = Console(highlight=False)
        console.print(report_page.page(found, console.width, datetime.now(UTC)))


@click.command()
@click.argument("task")
@_fleet
@click.option("--all", "everything", is_flag=True, help="Show every subtask, the cheapest as well.")
@_json
def cost(task: str, fleet: str, *, everything: bool, as_json: bool) -> None:
    """Say what a task cost with everything it spawned, and where the money went.

    TASK may be any task of a tree; the whole tree is shown.
    """
    db = _client(fleet)
    try:
        found = task_tree.read(db, fleet, task)
        if found is None:
            raise click.ClickException(_unknown(db, fleet, task))
    except _WEATHER as trouble:
        raise click.ClickException(f"fleets/{fleet}/tasks/{task}: {trouble}") from trouble
    made = bills.bill(found)
    if as_json:
        _print_json(bills.as_json(made))
    else:
        console = Console(highlight=False)
        console.print(bill_page.page(made, console.width, everything=everything))


def _said_grain() -> bool:
    source = click.get_current_context().get_parameter_source("grain")
    return source is not click.core.ParameterSource.DEFAULT


def _check_period(grain: str, period: str | None) -> None:
    if period is None:
        return
    pattern, example, instant = _SHAPES[grain]
    # Both: fromisoformat knows more shapes than we have, and a shape knows no 30th of February.
    if not re.fullmatch(pattern, period) or not _there_is(instant.format(period)):
        raise click.UsageError(f"PERIOD is {period!r}; expected a {grain}, such as {example}")


def _there_is(instant: str) -> bool:
    try:
        datetime.fromisoformat(instant)
    except ValueError:
        return False
    return True


def _client(fleet: str) -> firestore.Client:
    try:
        check_fleet_name(fleet)
    except ValueError as error:
        raise click.UsageError(f"--fleet: {error}") from error
    return connect(fleet=fleet)


def _nothing(
    db: firestore.Client, fleet: str, grain: Grain, period: str | None, before: list[Any]
) -> str:
    if period is not None:
        last = f"the last before it with work is {before[0].period}" if before else "nor before it"
        return f"fleets/{fleet}/rollups: nothing was counted in the {grain} {period}; {last}"
    return f"fleets/{fleet}/rollups: nothing is published; {_fleets_there(db, fleet)}"


def _unknown(db: firestore.Client, fleet: str, task: str) -> str:
    near = task_tree.near(db, fleet, task)
    hint = f"near it are {', '.join(near)}" if near else _fleets_there(db, fleet)
    return f"fleets/{fleet}/tasks/{task}: not there; {hint}"


def _fleets_there(db: firestore.Client, fleet: str) -> str:
    try:
        others = [name for name in published.fleets(db) if name != fleet]
    except PermissionDenied:  # who belongs to one fleet is not told of others
        return "this identity may not see which other fleets there are"
    return f"other fleets here: {', '.join(others)}" if others else "there is no other fleet here"


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
