"""Pure: the page as it is drawn at a moment, at any size of terminal."""

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
"""From how many lines of a terminal on there is room for how many signals below the sessions."""
_LEAST_ROWS = 3


def frame(view: View, sort: str, width: int, height: int | None, now: datetime) -> RenderableType:
    """Draw a view; `height` lines of it, or all there is."""
    inner = width - 2
    beside = inner >= BESIDE
    chars = inner - _BESIDE_CHARS - _GAP_CHARS if beside else inner
    head = [*header(view, inner, now), *_trouble(view), Text()]
    told = _signals(view, now)
    lines = next(n for least, n in _SIGNAL_LINES if height is None or height >= least)
    below: list[RenderableType] = [Text(), *told[: lines + 1]] if lines and not beside else []
    # Sessions have a line that names the columns; the foot has two.
    taken = len(head) + 1 + len(below) + 2
    room = len(view.rows) if height is None else max(_LEAST_ROWS, height - taken)
    found = _sessions(view, sort, chars, room, now)
    if beside:
        side = Table.grid(padding=(0, _GAP_CHARS, 0, 0))
        side.add_column(width=chars)
        side.add_column(width=_BESIDE_CHARS)
        side.add_row(found, Group(*(told if height is None else told[: room + 1])))
        found = side
    return Padding(Group(*head, found, *below, *_foot(view, sort, room)), (0, 1))


def _sessions(view: View, sort: str, chars: int, room: int, now: datetime) -> RenderableType:
    if view.rows:
        return sessions.table(ranked(view.rows, sort)[:room], chars, now)
    listening = "sessions" in view.unheard or "further sessions" in view.unheard
    words = "Listening ..." if listening else "No session is open."
    return Text("" if "sessions" in view.trouble else words, "dim")


def _signals(view: View, now: datetime) -> list[RenderableType]:
    head = Text("latest signals", "dim")
    if view.signals:
        return [head, *(signals.line(signal, now) for signal in view.signals)]
    words = "Listening ..." if "signals" in view.unheard else "No session was told anything."
    return [head, Text("" if "signals" in view.trouble else words, "dim")]


def _trouble(view: View) -> list[RenderableType]:
    told = {name: words for name, words in view.trouble.items() if name != "live" or view.live}
    lines: list[RenderableType] = [Text(f"{name}: {words}", "red") for name, words in told.items()]
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
