"""Reserved ports: held from their choice until the emulators listen on them.

Seconds pass in between. Each stack locks a file for each of its ports, so that two stacks never
choose the same one; a lock ends with its process, however that ends. Other programs do not look at
the locks: for them the port itself is bound until it is handed over (Linux). A bound port is given
to no program that asks for any port, and refused to most that ask for it; an emulator gets it,
because both sides set SO_REUSEADDR. The stack starts again where a program takes it all the same.
"""

from __future__ import annotations

import fcntl
import os
import socket
import sys
import tempfile
from pathlib import Path

from tachograph_cli.local.emulators.workspace import HOST


class Reservation:
    """The ports that one stack has reserved."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or _shared() / f"tachograph-ports-{os.getuid()}"
        self._locks: dict[int, int] = {}
        self._bound: dict[int, socket.socket] = {}

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
        self._bind(port)
        return True

    def hand_over(self) -> None:
        """Let go of the bound ports, now that the emulators listen; the locks stay."""
        while self._bound:
            self._bound.popitem()[1].close()

    def release(self) -> None:
        """Give all of them up."""
        self.hand_over()
        while self._locks:
            os.close(self._locks.popitem()[1])

    def _bind(self, port: int) -> None:
        if sys.platform != "linux":
            return  # elsewhere a bound port is refused to the emulator, too
        holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind((HOST, port))
        except OSError:  # taken this moment; the emulators' own look at it will say so
            holder.close()
        else:
            self._bound[port] = holder


def _shared() -> Path:
    """Return the folder of all stacks of this machine, also of those with a TMPDIR of their own."""
    shared = Path("/tmp")  # noqa: S108 - locks alone, in a folder that this user owns
    return shared if os.access(shared, os.W_OK) else Path(tempfile.gettempdir())
