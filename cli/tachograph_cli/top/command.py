"""`tachograph top`: a fleet at work, in the terminal."""

from __future__ import annotations

import logging
import threading
from contextlib import closing
from datetime import UTC, datetime
from time import monotonic

import click
from google.cloud import firestore
from rich.console import Console
from rich.live import Live

from tachograph_cli.terminal.command_line import fleet_client, fleet_option
from tachograph_cli.top.frame import frame
from tachograph_cli.top.keys import Keyboard, keyboard
from tachograph_cli.top.listeners import Listening
from tachograph_cli.top.view import SORTS, View, next_sort

REDRAW_S = 1.0
"""Ages grow without anybody writing."""
_LEAST_S = 0.1
ONCE_WAIT_S = 30.0
_Q, _S = "q", "s"


@click.command()
@fleet_option
@click.option("--once", is_flag=True, help="Print the page once; so it is when piped.")
def top(fleet: str, *, once: bool) -> None:
    """Watch a fleet at work: sessions, the context they have left, signals and burn.

    Everything is pushed by listeners, nothing is polled. q quits, s changes the order.
    """
    db = fleet_client(fleet)
    # What the listeners' library has to say would be written across the page; the page says it.
    logging.getLogger("google").addHandler(logging.NullHandler())
    console = Console(highlight=False)
    if once or not console.is_terminal:
        _print_once(console, db, fleet)
    else:
        _watch(console, db, fleet)


def _print_once(console: Console, db: firestore.Client, fleet: str) -> None:
    answered = threading.Event()
    with closing(Listening(db, fleet, answered.set)) as listening:
        view = heard(listening, answered, ONCE_WAIT_S)
    console.print(frame(view, next(iter(SORTS)), console.width, None, datetime.now(UTC)))
    if view.trouble or view.unheard:
        raise click.exceptions.Exit(1)


def heard(listening: Listening, answered: threading.Event, timeout_s: float) -> View:
    """Wait until every listener has answered or was refused, or none can; return what is known."""
    deadline = monotonic() + timeout_s
    view = listening.view()
    while view.unheard and not view.offline_since and (left := deadline - monotonic()) > 0:
        answered.wait(left)
        answered.clear()
        view = listening.view()
    return view


def _watch(console: Console, db: firestore.Client, fleet: str) -> None:
    changed = threading.Event()
    sort = next(iter(SORTS))
    with (
        closing(Listening(db, fleet, changed.set)) as listening,
        keyboard() as keys,
        Live(console=console, screen=True, auto_refresh=False) as screen,
    ):
        try:
            while True:
                now = datetime.now(UTC)
                listening.again(now)
                size = console.size
                page = frame(listening.view(), sort, size.width, size.height, now)
                screen.update(page, refresh=True)
                pressed = _until_something(keys, changed)
                if _Q in pressed.lower():
                    return
                for _ in range(pressed.lower().count(_S)):
                    sort = next_sort(sort)
        except KeyboardInterrupt:
            return


def _until_something(keys: Keyboard, changed: threading.Event) -> str:
    """Wait for a key, a change or the next second; return the keys."""
    deadline = monotonic() + REDRAW_S
    while (left := deadline - monotonic()) > 0:
        pressed = keys.pressed(min(left, _LEAST_S))
        if pressed or changed.is_set():
            changed.clear()
            return pressed
    return ""
