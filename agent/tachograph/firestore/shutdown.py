"""Closing fleets when the process ends, by itself or by SIGTERM."""

from __future__ import annotations

import atexit
import os
import signal
import threading
from types import FrameType
from typing import Protocol


class Closable(Protocol):
    """An object to close before the process ends."""

    def close(self) -> None:
        """Write everything pending and stop."""


_open: set[Closable] = set()


def close_on_exit(fleet: Closable) -> None:
    """Close a fleet at the end of the process, SIGTERM included, unless `forget` is called before.

    The fleet is kept alive until then, because a program may hold no more of it than a task.

    A program that handles SIGTERM itself keeps its handler, and closes its fleets by leaving the
    `with` block or by exiting.
    """
    _open.add(fleet)
    unhandled = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if unhandled and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _terminated)


def forget(fleet: Closable) -> None:
    """Let go of a fleet that is closed."""
    _open.discard(fleet)


@atexit.register
def _close_all() -> None:
    for fleet in list(_open):
        fleet.close()


def _terminated(number: int, _: FrameType | None) -> None:
    _close_all()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)  # so that the parent process sees the signal that ended it
