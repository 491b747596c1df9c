"""Pure: the page at a moment, for any size of terminal."""

from __future__ import annotations

from datetime import datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from tachograph_cli.terminal import fmt
from tachograph_cli.top import sessions, signals
from tachograph_cli.top.header import header
from tachograph_cli.top.view import View, ranked

BESIDE = 150
"""From this width on, signals stand beside the sessions; below, under them."""
_BESIDE_CHARS = 66
_GAP_CHARS = 3
_SIGNAL_LINES = ((32, 5), (22, 3), (0, 0))
"""Lines of a terminal from which on so many signals fit below the sessions."""
_LEAST_ROWS = 3


def frame(view: View, sort: str, width: int, height: int | None, now: datetime) -> RenderableType:
    """Draw a view, `width` characters wide; `height` is in lines, and None shows everything."""
    inner = width - 2
    beside = inner >= BESIDE
    chars = inner - _BESIDE_CHARS - _GAP_CHARS if beside else inner
    head = [*header(view, inner, now), *_errors(view), Text()]
    latest = _signals(view, now)
    lines = next(n for least, n in _SIGNAL_LINES if height is None or height >= least)
    below: list[RenderableType] = [Text(), *latest[: lines + 1]] if lines and not beside else []
    # The sessions have a line with the columns' names; the foot has two lines.
    taken = len(head) + 1 + len(below) + 2
    room = len(view.rows) if height is None else max(_LEAST_ROWS, height - taken)
    page = _sessions(view, sort, chars, room, now)
    if beside:
        side = Table.grid(padding=(0, _GAP_CHARS, 0, 0))
        side.add_column(width=chars)
        side.add_column(width=_BESIDE_CHARS)
        side.add_row(page, Group(*(latest if height is None else latest[: room + 1])))
        page = side
    return Padding(Group(*head, page, *below, *_foot(view, sort, room)), (0, 1))


def _sessions(view: View, sort: str, chars: int, room: int, now: datetime) -> RenderableType:
    if view.rows:
        return sessions.table(ranked(view.rows, sort)[:room], chars, now)
    listening = "sessions" in view.pending or "further sessions" in view.pending
    words = "Listening ..." if listening else "No session is open."
    return Text("" if "sessions" in view.errors else words, "dim")


def _signals(view: View, now: datetime) -> list[RenderableType]:
    head = Text("latest signals", "dim")
    if view.signals:
        return [head, *(signals.line(signal, now) for signal in view.signals)]
    words = "Listening ..." if "signals" in view.pending else "No session was told anything."
    return [head, Text("" if "signals" in view.errors else words, "dim")]


def _errors(view: View) -> list[RenderableType]:
    errors = {name: words for name, words in view.errors.items() if name != "live" or view.live}
    lines: list[RenderableType] = [
        Text(f"{name}: {words}", "red") for name, words in errors.items()
    ]
    return [Text(), *lines] if lines else []


def _foot(view: View, sort: str, room: int) -> list[RenderableType]:
    shown = min(room, len(view.rows))
    opened = max(len(view.rows), sum((view.live or {}).get("sessions", {}).values()))
    some = f"{shown} of {fmt.counted(opened, 'session')}" if shown < opened else ""
    keys = Text.assemble(
        ("q", "bold"), (" quits  ", "dim"), ("s", "bold"), (f" sorts: {sort}", "dim")
    )
    line = Table.grid(expand=True)
    line.add_column(no_wrap=True)
    line.add_column(justify="right", no_wrap=True)
    line.add_row(keys, Text(some, "dim"))
    return [Rule(style="bright_black"), line]
