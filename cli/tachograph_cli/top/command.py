"""`tachograph top`."""

from __future__ import annotations

import logging
import threading
from contextlib import closing
from datetime import UTC, datetime
from time import monotonic

import click
from google.cloud import firestore
from rich.live import Live

from tachograph_cli.local.process.signals import unwinding
from tachograph_cli.terminal.command_line import fleet_client, fleet_option
from tachograph_cli.terminal.console import Console
from tachograph_cli.terminal.fleets import other_fleets
from tachograph_cli.top.frame import frame
from tachograph_cli.top.keys import Keyboard, keyboard
from tachograph_cli.top.listeners import FleetListeners
from tachograph_cli.top.view import SORTS, View, next_sort

REDRAW_S = 1.0
"""The interval of redrawing, because ages grow without a change."""
_KEY_WAIT_S = 0.1
ONCE_WAIT_S = 30.0
_Q, _S = "q", "s"


@click.command()
@fleet_option
@click.option("--once", is_flag=True, help="Print the page once; so it is when piped.")
def top(fleet: str, *, once: bool) -> None:
    """Watch a fleet at work: sessions, the context they have left, signals and burn.

    Everything is pushed by listeners, nothing is polled. q quits, s changes the order. Printed
    once, it exits with 1 where nothing of the fleet is there, or not all of it could be read.
    """
    db = fleet_client(fleet)
    # Without a handler, warnings of the listeners' library are printed across the page.
    logging.getLogger("google").addHandler(logging.NullHandler())
    console = Console()
    with unwinding():
        if once or not console.is_terminal:
            _print_once(console, db, fleet)
        else:
            _watch(console, db, fleet)


def _print_once(console: Console, db: firestore.Client, fleet: str) -> None:
    answered = threading.Event()
    with closing(FleetListeners(db, fleet, answered.set)) as listeners:
        view = first_view(listeners, answered, ONCE_WAIT_S)
    console.print(frame(view, next(iter(SORTS)), console.width, None, datetime.now(UTC)))
    if view.errors or view.pending:
        raise click.exceptions.Exit(1)
    if view.live is None and not view.rows and not view.signals:
        raise click.ClickException(f"fleets/{fleet}: nothing is there; {other_fleets(db, fleet)}")


def first_view(listeners: FleetListeners, answered: threading.Event, timeout_s: float) -> View:
    """Return the view once every listener has answered or was refused, or the network is down.

    `answered` is set at every change. After `timeout_s` the view is returned as it is.
    """
    deadline = monotonic() + timeout_s
    view = listeners.view()
    while view.pending and not view.offline_since and (rest_s := deadline - monotonic()) > 0:
        answered.wait(rest_s)
        answered.clear()
        view = listeners.view()
    return view


def _watch(console: Console, db: firestore.Client, fleet: str) -> None:
    changed = threading.Event()
    sort = next(iter(SORTS))
    with (
        closing(FleetListeners(db, fleet, changed.set)) as listeners,
        keyboard() as keys,
        Live(console=console, screen=True, auto_refresh=False) as screen,
    ):
        try:
            while True:
                now = datetime.now(UTC)
                listeners.retry(now)
                size = console.size
                page = frame(listeners.view(), sort, size.width, size.height, now)
                screen.update(page, refresh=True)
                pressed = _wait(keys, changed)
                if _Q in pressed.lower():
                    return
                for _ in range(pressed.lower().count(_S)):
                    sort = next_sort(sort)
        except KeyboardInterrupt:
            return


def _wait(keys: Keyboard, changed: threading.Event) -> str:
    """Wait for a key, a change or the next redrawing; return the keys."""
    deadline = monotonic() + REDRAW_S
    while (rest_s := deadline - monotonic()) > 0:
        pressed = keys.pressed(min(rest_s, _KEY_WAIT_S))
        if pressed or changed.is_set():
            changed.clear()
            return pressed
    return ""
