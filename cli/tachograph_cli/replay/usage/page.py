"""Pure: the calls that were read, as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tachograph_cli.replay.usage.stated import StatedCall
from tachograph_cli.terminal import fmt
from tachograph_cli.terminal.widgets import figure, table

_COLUMNS = ("call", "in", "read", "written", "out", "cost", "price")


def page(calls: Sequence[StatedCall], total: Mapping[str, int]) -> RenderableType:
    """Lay calls out, a line each, then what gave their prices, and their sums.

    Calls with the same model, terms and price share a note, so that a line fits into a terminal.
    """
    rows = table(*_COLUMNS)
    notes: dict[str, int] = {}
    for each in calls:
        usage, cost = each.call.usage, each.explanation.cost_nanousd
        note = notes.setdefault(_why(each), len(notes) + 1)
        rows.add_row(
            Text(each.name),
            _exact(usage.tokens_in),
            _exact(usage.cache_read_tokens),
            _exact(usage.cache_write_tokens),
            _exact(usage.tokens_out),
            Text(fmt.UNKNOWN if cost is None else _dollars(cost), "yellow" if cost is None else ""),
            Text(f"({note})", "yellow" if cost is None else "dim"),
        )
    return Group(rows, _notes(notes), Padding(_sums(total), (1, 0, 0, 0)))


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


def _exact(n: int) -> Text:
    """Write a count with all its digits: who asks here doubts a number."""
    return Text(f"{n:,}", "" if n else "dim")


def _dollars(nanousd: int) -> str:
    return f"${Decimal(nanousd).scaleb(-9).normalize():,f}"


def _sums(total: Mapping[str, int]) -> RenderableType:
    lines = [
        figure(_dollars(total["cost_nanousd"]), fmt.counted(total["calls"], "call")),
        figure(f"{total['tokens_in']:,}", "tokens in that no cache held"),
        figure(f"{total['cache_read_tokens']:,}", "read from a cache"),
        figure(f"{total['cache_write_tokens']:,}", "written to a cache"),
        figure(f"{total['tokens_out']:,}", "tokens out"),
    ]
    if total["unpriced_calls"]:
        tokens = f"{total['unpriced_tokens']:,}"
        words = f"without a price, {tokens} tokens: their cost is unknown, not nothing"
        lines.append(figure(fmt.count(total["unpriced_calls"]), words))
    return Group(*lines)
