"""A pipe that tells a thread of a signal at once, also while the main thread is deaf to it.

Python runs a handler in the main thread, between two steps of it. A main thread that computes in C
runs none, nor does one that had just begun to sleep when the signal came: that sleep is not cut
short. What `signal.set_wakeup_fd` names is written to by the signal itself.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading

from tachograph.process.fork import begins_anew


class Wakeup:
    """The signals that come while this process listens, one byte each."""

    def __init__(self) -> None:
        self._read, self._write = _pipe()
        self._tells = False
        begins_anew(self)

    def listen(self) -> None:
        """Have signals told, where Python lets this thread ask for it and nobody else has."""
        if threading.current_thread() is threading.main_thread():
            other = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
            self._tells = other in {-1, self._write}
            if not self._tells:
                signal.set_wakeup_fd(other)

    def stop(self) -> None:
        """Undo `listen`, unless somebody else has listened since."""
        if self._tells and threading.current_thread() is threading.main_thread():
            self._tells = False
            other = signal.set_wakeup_fd(-1)
            if other != self._write:
                signal.set_wakeup_fd(other)

    def put(self, number: int) -> None:
        """Tell of a signal; also from a signal's handler, as it waits for no lock."""
        with contextlib.suppress(BlockingIOError):  # full: whoever reads has enough to read
            os.write(self._write, bytes([number]))

    def get(self) -> int:
        """Wait for the next signal and return its number."""
        return os.read(self._read, 1)[0]

    def forked(self) -> None:
        """Begin anew in a child: the pipe is its parent's."""
        self.stop()
        os.close(self._read)
        os.close(self._write)
        self._read, self._write = _pipe()
        self._tells = False


def _pipe() -> tuple[int, int]:
    read, write = os.pipe()
    os.set_blocking(write, False)
    return read, write
