"""Parts of a page: tables, figures and bars, in the terminal's own colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from rich import box
from rich.table import Table
from rich.text import Text

from tachograph_cli.terminal import fmt
from tachograph_schema.counters.names import OTHER, UNKNOWN

WIDE = 110
"""The width from which on a page has room for the columns that 80 characters leave out."""
_BAR_CHARS = 10
_NAME_CHARS = 28
_GOOD, _FAIR = 0.95, 0.8


def table(*columns: str, first: int = 1) -> Table:
    """Return an empty table of numbers with a line below its head.

    The `first` columns hold words. A column without a name holds a drawing.
    """
    rows = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    rows.border_style = rows.header_style = "dim"
    for n, column in enumerate(columns):
        words = n < first or not column
        rows.add_column(
            column,
            justify="left" if words else "right",
            no_wrap=True,
            overflow="ellipsis",
            max_width=_NAME_CHARS if n < first else None,
        )
    return rows


def bar(share: float, style: str = "blue", chars: int = _BAR_CHARS) -> Text:
    """Draw a share as a bar of `chars` characters, in halves; a small one is half a character."""
    halves = round(max(0.0, min(1.0, share)) * chars * 2) or int(share > 0)
    drawn = "━" * (halves // 2) + "╸" * (halves % 2)
    return Text(drawn.ljust(chars), style)


def interval(low: float, rate: float, high: float, chars: int = 17) -> Text:
    """Draw an interval of a rate, and the rate in it, on a scale from 0 to 100 %."""
    a, at, b = (min(chars - 1, int(share * chars)) for share in (low, rate, high))
    cells = ["━" if a <= n <= b else "─" for n in range(chars)]
    cells[at] = "●"
    drawn = Text("".join(cells))
    drawn.stylize("dim")
    drawn.stylize("not dim blue", a, b + 1)
    return drawn


def figure(number: str, meaning: str) -> Text:
    """Write a headline number with its meaning."""
    return Text.assemble((f"{number:>8}", "bold"), f"  {meaning}")


Figure: TypeAlias = tuple[str, str, str]
"""A number, its style, and its meaning."""


def figures(rows: Sequence[Figure]) -> Table:
    """Return numbers with their meanings, a line each."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(overflow="fold")
    for number, style, meaning in rows:
        grid.add_row(Text(number, style), meaning)
    return grid


def warned(n: int) -> str:
    """Return the style of a number that should be 0."""
    return "bold yellow" if n > 0 else "bold green"


def named(name: str) -> Text:
    """Write a value's name; an unknown one and the rest of many are words."""
    words = {UNKNOWN: "unknown", OTHER: "others"}.get(name)
    return Text(name) if words is None else Text(words, "dim italic")


def model_words(name: str) -> str:
    """Write a model's name in a sentence."""
    return {UNKNOWN: "an unknown model", OTHER: "other models"}.get(name, name)


def number(n: float, style: str = "") -> Text:
    """Write a count; zero is dim."""
    return Text(fmt.count(n), style if n else "dim")


def rate(success: float | None) -> Text:
    """Write a success rate: green from 95 %, yellow from 80 %, red below."""
    if success is None:
        return Text(fmt.UNKNOWN, "dim")
    style = "green" if success >= _GOOD else "yellow" if success >= _FAIR else "red"
    return Text(fmt.share(success), style)
