"""Reserved ports: two stacks that start at once must not choose the same ones.

Seconds pass between the choice of a port and the emulator that listens on it, so each stack locks a
file for each of its ports. A lock ends with its process, however that ends. Other programs do not
look at the locks; the stack starts again where one of them takes its port.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path


class Reservation:
    """The ports that one stack has reserved."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(tempfile.gettempdir()) / f"tachograph-ports-{os.getuid()}"
        self._locks: dict[int, int] = {}

    def take(self, port: int) -> bool:
        """Reserve a port; False when another stack has it."""
        if port in self._locks:
            return True
        self._folder.mkdir(mode=0o700, exist_ok=True)
        lock = os.open(self._folder / str(port), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        self._locks[port] = lock
        return True

    def release(self) -> None:
        """Give all of them up."""
        while self._locks:
            os.close(self._locks.popitem()[1])
