"""Threads and processes that outlive the test which started them."""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

GRACE_S = 5.0
"""The time in which threads may still end after the last test, such as a closed listener's."""
_TRACKER = "multiprocessing.resource_tracker"
"""Python's own, which ends with the process."""


class ThreadWatch:
    """Notes which test started which thread, and names those that never ended."""

    def __init__(self) -> None:
        self._started: defaultdict[str, list[threading.Thread]] = defaultdict(list)

    @contextmanager
    def during(self, test: str) -> Iterator[None]:
        """Note the threads that start in the block and have not ended with it."""
        before = set(threading.enumerate())
        yield
        self._started[test] += set(threading.enumerate()) - before

    def left_behind(self, grace_s: float = GRACE_S) -> dict[str, list[str]]:
        """Return the names of the threads that still run after `grace_s` seconds, by test."""
        deadline = time.monotonic() + grace_s
        while (running := self._running()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return running

    def _running(self) -> dict[str, list[str]]:
        alive = {
            test: sorted(thread.name for thread in threads if thread.is_alive())
            for test, threads in self._started.items()
        }
        return {test: names for test, names in alive.items() if names}


def children() -> list[str]:
    """Return the commands of this process's children, with their pids; Linux alone tells."""
    found = Path(f"/proc/self/task/{os.getpid()}/children")
    pids = found.read_text().split() if found.exists() else []
    commands = {pid: _command(pid) for pid in pids}
    return [f"{pid} {words}" for pid, words in commands.items() if _TRACKER not in words]


def _command(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:  # gone meanwhile
        return ""
