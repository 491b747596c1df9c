"""`tachograph usage`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from tachograph.errors import OperatorError
from tachograph_cli.replay.usage.calls import stated_calls
from tachograph_cli.replay.usage.page import page
from tachograph_cli.replay.usage.rates import Rates, rates
from tachograph_cli.replay.usage.stated import Said, StatedCall
from tachograph_cli.terminal.console import Console
from tachograph_cli.terminal.parameters import checked, moment, name
from tachograph_cli.terminal.shown import shown
from tachograph_schema.documents.price_sheet import PriceList, read_prices
from tachograph_schema.pricing.provider_names import WELL_KNOWN
from tachograph_schema.pricing.public_prices import is_route
from tachograph_schema.usage import BUCKETS

SHOWN_LINES = 20
"""Lines that are told of; a damaged folder has thousands."""


@click.command(name="usage")
@click.argument(
    "paths",
    metavar="PATH...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
)
@click.option(
    "--provider", callback=checked(name), help="Who served the calls, such as anthropic or aws."
)
@click.option(
    "--model",
    callback=checked(name),
    help="The model that was asked for, where a response names none.",
)
@click.option(
    "--route", callback=checked(name), help="How it was reached, such as openrouter or local."
)
@click.option(
    "--at",
    metavar="TIME",
    callback=checked(moment),
    help="When a response was made, such as 2026-02-16T18:00Z; by default now.",
)
@click.option(
    "--prices",
    "sheet",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Prices that come before the public list: a document of a fleet's prices/, as JSON.",
)
@click.option(
    "--rates",
    "with_rates",
    is_flag=True,
    help="Show the price of a million tokens of each kind, and what multiplies it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def usage(
    paths: tuple[Path, ...],
    *,
    provider: str | None,
    model: str | None,
    route: str | None,
    at: str | None,
    sheet: Path | None,
    with_rates: bool,
    as_json: bool,
) -> None:
    """Say what each call used and cost, and which list gave the price.

    PATH is a response as JSON, a streamed one, a file of a batch's results or of a response a line,
    a recording of Claude Code, Codex, pi, Gemini CLI, OpenHands or SWE-agent, or a folder of them.
    Nothing is written, and no emulator is needed: it is the reader that `call.record` and `replay`
    use. Exits with 1 where a path states no call.
    """
    said = Said(_moment(at), provider, model, route, None if sheet is None else _prices(sheet))
    _check_route(said)
    reading = _read(paths, said)
    calls = reading.calls
    found = [rates(each, said.prices) for each in calls] if with_rates else None
    if as_json:
        rows = [_row(each) for each in calls]
        for row, each in zip(rows, found or (), strict=False):
            row["rates"] = None if each is None else _rates_json(each)
        click.echo(json.dumps({"calls": rows, "total": total(calls)}))
    elif calls:
        console = Console()
        console.print(page(calls, total(calls), console.width, found))
    for note in reading.notes():
        click.echo(note, err=True)
    if reading.without_calls:
        raise SystemExit(1)


@dataclass(slots=True)
class _Reading:
    """The calls, and what to tell of lines, files and paths that are passed by, a line each."""

    calls: list[StatedCall] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    bad_lines: int = 0
    files: list[str] = field(default_factory=list)
    without_calls: bool = False
    """Whether one of the paths states no call."""

    def notes(self) -> list[str]:
        """Return what is to be told."""
        more = self.bad_lines - len(self.lines)
        rest = [f"{more:,} more lines could not be read as a whole"] if more else []
        return self.lines + rest + self.files


def _read(paths: Iterable[Path], said: Said) -> _Reading:
    reading = _Reading()
    for path in paths:
        states, told = False, False
        for each in stated_calls(path, said):
            if isinstance(each, StatedCall):
                reading.calls.append(each)
                states = states or each.states_use
                continue
            told = True
            if isinstance(each, str):
                reading.files.append(each)
                continue
            reading.bad_lines += 1
            if len(reading.lines) < SHOWN_LINES:
                reading.lines.append(shown(each))
        if not states and not told:
            reading.files.append(f"{shown(path)}: a recording that states no call")
        reading.without_calls |= not states
    return reading


def total(calls: Sequence[StatedCall]) -> dict[str, int]:
    """Return the sums of calls: buckets, cost, and what has no price."""
    sums = {name: sum(getattr(each.call.usage, name) for each in calls) for name in BUCKETS}
    unpriced = [each for each in calls if each.explanation.cost_nanousd is None]
    return {
        "calls": sum(each.call.calls for each in calls),
        **sums,
        "cost_nanousd": sum(each.explanation.cost_nanousd or 0 for each in calls),
        "unpriced_calls": sum(
            each.call.calls or bool(each.call.usage.total_tokens) for each in unpriced
        ),
        "unpriced_tokens": sum(each.call.usage.total_tokens for each in unpriced),
    }


def _row(each: StatedCall) -> dict[str, Any]:
    call, explanation = each.call, each.explanation
    return {
        "place": each.place,
        "name": each.name,
        "at": call.priced_at.isoformat(),
        "calls": call.calls,
        "model": call.model,
        "provider": call.provider,
        "route": call.terms.route,
        "tier": call.terms.tier,
        "geo": call.terms.geo,
        **{name: getattr(call.usage, name) for name in BUCKETS},
        "units": dict(call.units),
        "cost_nanousd": explanation.cost_nanousd,
        "certainty": explanation.certainty,
        "price": explanation.source,
        "tokens_known": each.tokens_known,
        "doubt": each.doubt,
    }


def _rates_json(found: Rates) -> dict[str, Any]:
    per_mtok = {
        each.name: None if (usd := getattr(found, each.name)) is None else float(usd)
        for each in fields(found)
        if each.name != "multipliers"
    }
    times = {word: None if n is None else float(n) for word, n in found.multipliers}
    return {"usd_per_mtok": per_mtok, "multipliers": times}


def _check_route(said: Said) -> None:
    """Refuse a route that decides no price. Raises click.UsageError."""
    own = {row.route.lower() for row in said.prices.rows if row.route} if said.prices else set()
    if said.route is None or said.route.lower() in own or is_route(said.route):
        return
    raise click.UsageError(
        f"--route is {said.route!r}; expected direct, local, a gateway such as litellm, a provider "
        f"of the price list such as {', '.join(WELL_KNOWN)} or openrouter, or a route of --prices"
    )


def _prices(sheet: Path) -> PriceList:
    """Read prices; raises OperatorError where any of them cannot be read."""
    try:
        document = json.loads(sheet.read_bytes())
    except ValueError as refusal:
        raise OperatorError(f"{shown(sheet)} is not JSON: {refusal}") from None
    if not isinstance(document, dict):
        found = f"{shown(sheet)} is a {type(document).__name__}"
        raise OperatorError(f"{found}; expected a map, a price row")
    prices, problems = read_prices({sheet.stem: document})
    if problems:
        raise OperatorError("\n".join(map(str, problems)))
    return prices


def _moment(at: str | None) -> datetime:
    if at is None:
        return datetime.now(UTC)
    moment = datetime.fromisoformat(at)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
