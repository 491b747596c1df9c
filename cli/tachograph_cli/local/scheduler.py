"""What the cloud does and a laptop does not: the minute's tick, and keeping logs small."""

from __future__ import annotations

import http.client
import threading
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

TICK_EVERY_S = 10.0
TRIM_EVERY_S = 10.0
FOLLOW_EVERY_S = 0.2
TICK_TIMEOUT_S = 60.0
TRIM_ABOVE_BYTES = 50_000_000  # a forgotten listener makes the emulator log 2 MB a second
BLOCK_BYTES = 512  # the unit of st_blocks


class Chore:
    """A thread that does one thing every so often until the block ends."""

    def __init__(self, do: Callable[[], None], every_s: float) -> None:
        self._do = do
        self._every_s = every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._over.wait(self._every_s):
            try:
                self._do()
            except FileNotFoundError:
                return  # the run folder is gone: the stack has stopped

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        # No join: a tick may be waiting for a function, and ends with the functions.


class Follow:
    """Copy what is new in a growing file, each time it is called."""

    def __init__(self, log: Path, to: TextIO) -> None:
        self._log = log
        self._to = to
        self._copied = 0

    def __call__(self) -> None:
        """Copy the new lines."""
        with self._log.open("rb") as file:
            file.seek(self._copied)
            fresh = file.read()
        self._copied += len(fresh)
        self._to.write(fresh.decode(errors="replace"))
        self._to.flush()


def tick(functions_url: str, log: Path) -> None:
    """Call the scheduled function, as Cloud Scheduler would; a failure is a line in the log."""
    request = urllib.request.Request(f"{functions_url}/tick", data=b"{}", method="POST")  # noqa: S310 - our own emulator
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=TICK_TIMEOUT_S) as answer:  # noqa: S310 - our own emulator
            answer.read()
    except (
        urllib.error.URLError,
        http.client.HTTPException,
        ConnectionError,
        TimeoutError,
    ) as error:
        said = (
            error.read().decode(errors="replace")[:500]
            if isinstance(error, urllib.error.HTTPError)
            else ""
        )
        with log.open("a") as file:
            file.write(f"{time.strftime('%H:%M:%S')} tick: {error} {said}".rstrip() + "\n")


def trim_logs(run: Path) -> None:
    """Empty the debug logs that have grown too big, so that a long demo does not fill the disk."""
    for log in run.glob("*-debug.log"):
        # Blocks, not length: a log emptied under its writer keeps its length and loses its content.
        if log.stat().st_blocks * BLOCK_BYTES > TRIM_ABOVE_BYTES:
            with log.open("r+b") as file:
                file.truncate(0)
