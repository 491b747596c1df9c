"""Closing fleets when the process ends: by itself, or because it was told to."""

from __future__ import annotations

import atexit
import os
import signal
import threading
import weakref
from types import FrameType
from typing import Protocol


class Closes(Protocol):
    """What wants to be closed before the process ends."""

    def close(self) -> None:
        """Write what is left and stop."""


_open: weakref.WeakSet[Closes] = weakref.WeakSet()


def close_on_exit(fleet: Closes) -> None:
    """Close a fleet at the end of the process, SIGTERM included.

    A program that handles SIGTERM itself keeps its handler, and closes its fleets by leaving the
    `with` block or by exiting.
    """
    _open.add(fleet)
    unhandled = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if unhandled and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _told_to_end)


@atexit.register
def _close_all() -> None:
    for fleet in list(_open):
        fleet.close()


def _told_to_end(number: int, _: FrameType | None) -> None:
    _close_all()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)  # so that whoever waits sees what ended it
