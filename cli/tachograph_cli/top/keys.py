"""Keys pressed at a terminal, without waiting for Enter."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class Keyboard:
    """The keys pressed at a terminal; without a terminal there are none."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    def pressed(self, timeout_s: float) -> str:
        """Return the keys that are pressed within `timeout_s`, or nothing."""
        if self._descriptor is None:
            select.select([], [], [], timeout_s)
            return ""
        ready, _, _ = select.select([self._descriptor], [], [], timeout_s)
        return os.read(self._descriptor, 64).decode(errors="ignore") if ready else ""


@contextmanager
def keyboard() -> Iterator[Keyboard]:
    """Read keys one by one while the block runs, and leave the terminal as it was."""
    try:
        import termios  # noqa: PLC0415 - POSIX only; elsewhere Ctrl-C quits
        import tty  # noqa: PLC0415
    except ImportError:
        yield Keyboard(None)
        return
    if not sys.stdin.isatty():
        yield Keyboard(None)
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield Keyboard(descriptor)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
