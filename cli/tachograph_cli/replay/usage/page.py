"""Pure: the calls that were read, as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tachograph_cli.replay.usage.rates import Rates
from tachograph_cli.replay.usage.stated import StatedCall
from tachograph_cli.terminal import fmt
from tachograph_cli.terminal.shown import shortened
from tachograph_cli.terminal.widgets import figure, table

_COLUMNS = ("call", "in", "read", "written", "out", "cost", "price")
_RATES = ("$ per million tokens", "calls", "in", "read", "written", "for 1 h", "out", "terms")
_BUCKETS = ("tokens_in", "cache_read_tokens", "cache_write_tokens", "tokens_out")
_NAME_CELLS = (12, 60)
"""The fewest and the most cells of a call's name."""
_GAP_CELLS = 2


def page(
    calls: Sequence[StatedCall],
    total: Mapping[str, int],
    width: int,
    rates: Sequence[Rates | None] | None = None,
) -> RenderableType:
    """Lay calls out, a line each, and their sums, then what gave their prices.

    Calls with the same model, terms and price share a note, so that a line fits into a terminal.
    `rates` are the calls', where they are asked for.
    """
    notes: dict[str, int] = {}
    numbers = [notes.setdefault(_why(each), len(notes) + 1) for each in calls]
    parts = [_table(calls, total, numbers, width), _notes(notes)]
    if rates is not None:
        parts.append(Padding(_rates_table(calls, numbers, rates, width), (1, 0, 0, 0)))
    words = _words(calls, total)
    if rates is None:
        words.append(Text("--rates shows the price of each kind of token.", "dim"))
    return Group(*parts, Padding(Group(*words), (1, 0, 0, 0)))


def _table(
    calls: Sequence[StatedCall], total: Mapping[str, int], numbers: Sequence[int], width: int
) -> Table:
    cells = [_cells(each, number) for each, number in zip(calls, numbers, strict=True)]
    sums = [Text(f"{total[name]:,}") for name in _BUCKETS]
    names = [each.name for each in calls] + [_calls(total["calls"])]
    rows = _fitted(
        _COLUMNS, names, [*cells, [*sums, Text(_dollars(total["cost_nanousd"])), Text()]], width
    )
    rows.rows[-1].style = "bold"
    return rows


def _fitted(
    columns: Sequence[str], names: Sequence[str], cells: Sequence[Sequence[Text]], width: int
) -> Table:
    """Lay numbers out beside names, which alone are shortened where the width is too small."""
    rows = table(*columns)
    taken = 0
    for n, column in enumerate(rows.columns[1:]):
        column.min_width = max(len(columns[n + 1]), *(row[n].cell_len for row in cells))
        taken += _GAP_CELLS + column.min_width
    fewest, most = _NAME_CELLS
    room = rows.columns[0].max_width = max(fewest, min(most, width - taken))
    for name, row in zip(names, cells, strict=True):
        rows.add_row(Text(shortened(name, room)), *row)
    return rows


def _cells(each: StatedCall, number: int) -> list[Text]:
    usage, cost = each.call.usage, each.explanation.cost_nanousd
    style = "yellow" if cost is None else ""
    return [
        *(_exact(getattr(usage, name) if each.tokens_known else None) for name in _BUCKETS),
        Text(fmt.UNKNOWN if cost is None else _dollars(cost), style),
        Text(f"({number})", style or "dim"),
    ]


def _notes(notes: Mapping[str, int]) -> RenderableType:
    rows = Table.grid(padding=(0, 1))
    rows.add_column(justify="right")
    rows.add_column(overflow="fold")
    for words, number in notes.items():
        rows.add_row(Text(f"({number})", "dim"), Text(words))
    return Padding(rows, (1, 0, 0, 0))


def _why(each: StatedCall) -> str:
    terms, explanation = each.call.terms, each.explanation
    words = [each.call.model or "unknown model", explanation.certainty, explanation.source]
    words += [word for word in (terms.tier, terms.geo) if word]
    words += [fmt.counted(each.call.calls, "call")] if each.call.calls > 1 else []
    words += [f"{n} {unit.replace('_', ' ')}" for unit, n in each.call.units.items()]
    words += [each.doubt] if each.doubt else []
    return " · ".join(words)


def _rates_table(
    calls: Sequence[StatedCall],
    numbers: Sequence[int],
    rates: Sequence[Rates | None],
    width: int,
) -> RenderableType:
    """Lay the rates out, a line for each note and length of prompt that has its own."""
    lines: dict[tuple[int, str, Rates], int] = {}
    for each, number, found in zip(calls, numbers, rates, strict=True):
        if found is not None:
            key = (number, each.call.model or "", found)
            lines[key] = lines.get(key, 0) + each.call.calls
    if not lines:
        return Text("No list gave any of these prices.", "dim")
    names = [f"({number}) {model}" for number, model, _ in lines]
    cells = [[Text(f"{n:,}"), *_rate_cells(found)] for (_, _, found), n in lines.items()]
    return _fitted(_RATES, names, cells, width)


def _rate_cells(found: Rates) -> list[Text]:
    by_hour = found.cache_write_1h != found.cache_write_5m
    prices = (
        found.tokens_in,
        found.cache_read,
        found.cache_write_5m,
        found.cache_write_1h if by_hour else None,
        found.tokens_out,
    )
    terms = ", ".join(_times(*each) for each in found.multipliers)
    return [*map(_rate, prices), Text(terms)]


def _rate(usd: Decimal | None) -> Text:
    return Text(fmt.UNKNOWN, "dim") if usd is None else Text(_plain(usd))


def _times(word: str, ratio: Decimal | None) -> str:
    return word if ratio is None else f"{word} ×{_plain(ratio)}"  # noqa: RUF001 - the sign for it


def _plain(number: Decimal) -> str:
    return f"{round(number, 6).normalize():,f}"


def _exact(n: int | None) -> Text:
    """Write a count with all its digits: who asks here doubts a number."""
    return Text(fmt.UNKNOWN, "yellow") if n is None else Text(f"{n:,}", "" if n else "dim")


def _calls(n: int) -> str:
    return f"{n:,} call" if n == 1 else f"{n:,} calls"


def _dollars(nanousd: int) -> str:
    return f"${Decimal(nanousd).scaleb(-9).normalize():,f}"


def _words(calls: Sequence[StatedCall], total: Mapping[str, int]) -> list[Text]:
    """Say of the sums what their columns do not."""
    lines = []
    written, hour = total["cache_write_tokens"], total["cache_write_1h_tokens"]
    if written:
        words = f"of the tokens written to a cache are for an hour, {written - hour:,} for less"
        lines.append(figure(f"{hour:,}", words))
    if unknown := sum(each.call.calls for each in calls if not each.tokens_known):
        verb = "states" if unknown == 1 else "state"
        lines.append(figure(fmt.count(unknown), f"{verb} no tokens: they are unknown, not none"))
    if total["unpriced_calls"]:
        tokens = f"{total['unpriced_tokens']:,}"
        words = f"without a price, {tokens} tokens: their cost is unknown, not nothing"
        lines.append(figure(fmt.count(total["unpriced_calls"]), words))
    return lines
