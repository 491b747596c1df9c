"""Pure: the table of sessions."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from rich.table import Table
from rich.text import Text

from tachograph_cli.terminal import fmt
from tachograph_cli.terminal.shown import shortened
from tachograph_cli.top.header import STATES
from tachograph_cli.top.sparklines import context_bar, left_style
from tachograph_cli.top.view import Row, age

_DATE = re.compile(r"-\d{8}$")
"""The date behind some models' names."""
_SLOW, _SLOWER = timedelta(minutes=2), timedelta(minutes=10)
_BAR_CHARS = (8, 14, 24)
_FITS_FROM = (100, 130)
"""The widths of a page from which on the second and the third of three widths fit."""


Justify = Literal["left", "right"]


class Column(NamedTuple):
    """One column, with its width on a narrow, a wider and the widest page; None: the rest."""

    name: str
    write: Callable[[Row, datetime, int], Text]
    """Write a session's value at a moment, in so many characters."""
    chars: tuple[int, int, int] | None
    right: bool = False


def table(rows: Sequence[Row], width: int, now: datetime) -> Table:
    """Draw the sessions, a line each, in the given order."""
    fits = sum(width >= least for least in _FITS_FROM)
    bar = _BAR_CHARS[fits]
    columns = [c for c in _COLUMNS if _has(c, rows)]
    made = Table.grid(padding=(0, 1, 0, 0), expand=True)
    made.add_column(width=bar + 5, no_wrap=True)
    for column in columns:
        justify: Justify = "right" if column.right else "left"
        chars = column.chars[fits] if column.chars else None
        ratio = None if chars else 1
        made.add_column(width=chars, ratio=ratio, no_wrap=True, justify=justify)
    made.add_row(
        Text("context left", "dim"),
        *(Text(c.name, "dim", justify="right" if c.right else "left") for c in columns),
    )
    for row in rows:
        left = Text.assemble(_left(row), context_bar(row.left_pct, row.threshold_pct, bar))
        made.add_row(left, *(c.write(row, now, c.chars[fits] if c.chars else 0) for c in columns))
    return made


def _has(column: Column, rows: Sequence[Row]) -> bool:
    """Tell whether a column has values: few agents know their tokens per second."""
    if column.name != "tok/s":
        return True
    return any(row.session.tokens_per_s is not None for row in rows)


def _left(row: Row) -> Text:
    if row.left_pct is None:
        return Text("  –  ", "dim")  # noqa: RUF001 - the dashboard's dash
    return Text.assemble((f"{row.left_pct:3.0f}%", left_style(row.left_pct)), " ")


def _state(row: Row, _: datetime, __: int) -> Text:
    return Text(row.state, STATES.get(row.state, ""))


def _agent(row: Row, _: datetime, chars: int) -> Text:
    generation = f" ·{row.session.generation}" if row.session.generation else ""
    # In its middle, because agents' names differ at the end.
    name = shortened(row.session.agent_id or row.session_id, chars - len(generation))
    return Text.assemble((name, "bold"), (generation, "dim"))


def _model(row: Row, _: datetime, __: int) -> Text:
    model = row.session.model
    if model is None:
        return Text(fmt.UNKNOWN, "dim")
    return Text(_DATE.sub("", model.removeprefix("claude-")))


def _task(row: Row, _: datetime, __: int) -> Text:
    session = row.session
    if session.state == "waiting" and session.waiting_for:
        return Text.assemble(session.task_id or "", (f"  for {session.waiting_for}", "dim"))
    return Text(session.task_id or fmt.UNKNOWN, "" if session.task_id else "dim")


def _cost(row: Row, _: datetime, __: int) -> Text:
    cost = row.session.cost_nanousd
    return Text(fmt.UNKNOWN, "dim") if cost is None else Text(fmt.money(cost))


def _speed(row: Row, _: datetime, __: int) -> Text:
    speed = row.session.tokens_per_s
    return Text(fmt.UNKNOWN, "dim") if speed is None else Text(fmt.count(speed))


def _moved(row: Row, now: datetime, _: int) -> Text:
    still = age(row.moved_at, now)
    if still is None:
        return Text(fmt.UNKNOWN, "dim")
    at_work = row.state in ("active", "stuck")
    slow = "red" if still > _SLOWER else "yellow" if still > _SLOW else ""
    return Text(fmt.ago(still), slow if at_work else "dim")


_COLUMNS = (
    Column("state", _state, (7, 8, 8)),
    Column("agent", _agent, (13, 18, 24)),
    Column("model", _model, (11, 16, 22)),
    Column("task", _task, None),
    Column("cost", _cost, (7, 8, 9), right=True),
    Column("tok/s", _speed, (5, 5, 6), right=True),
    Column("quiet", _moved, (6, 7, 7), right=True),
)
