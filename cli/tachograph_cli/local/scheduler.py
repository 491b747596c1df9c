"""Jobs that run every few seconds: the tick that Cloud Scheduler calls, and keeping logs small."""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

TICK_EVERY_S = 10.0
TRIM_EVERY_S = 10.0
COPY_EVERY_S = 0.2
JOIN_S = 10.0
FORGET_EVERY_S = 120.0
TICK_TIMEOUT_S = 60.0
TRIM_ABOVE_BYTES = 50_000_000  # a forgotten listener makes the emulator log 2 MB a second
BLOCK_BYTES = 512  # the unit of st_blocks


class PeriodicJob:
    """A thread that calls a function every `every_s` seconds until it is ended."""

    def __init__(self, call: Callable[[], None], every_s: float) -> None:
        self._call = call
        self._every_s = every_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._ended.wait(self._every_s):
            try:
                self._call()
            except FileNotFoundError:
                return  # the run folder is gone: the stack has stopped

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def end(self) -> None:
        """Call the function no more; a call that is under way goes on."""
        self._ended.set()

    def join(self) -> None:
        """Wait for a call that is under way, at most 10 s; a tick ends with the functions."""
        self._thread.join(JOIN_S)


class LogCopy:
    """A copy of a growing file into a stream; each call copies the lines since the last."""

    def __init__(self, log: Path, stream: TextIO) -> None:
        self._log = log
        self._stream = stream
        self._copied_bytes = 0

    def __call__(self) -> None:
        """Copy the new lines."""
        with self._log.open("rb") as file:
            if file.seek(0, os.SEEK_END) < self._copied_bytes:
                self._copied_bytes = 0  # it was emptied
            file.seek(self._copied_bytes)
            fresh = file.read()
        self._copied_bytes += len(fresh)
        self._stream.write(fresh.decode(errors="replace"))
        self._stream.flush()


def tick(functions_url: str, log: Path) -> None:
    """Call the scheduled function, as Cloud Scheduler would; a failure becomes a line of the log.

    Raises FileNotFoundError when the log's folder is gone.
    """
    request = urllib.request.Request(f"{functions_url}/tick", data=b"{}", method="POST")  # noqa: S310 - our own emulator
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=TICK_TIMEOUT_S) as answer:  # noqa: S310 - our own emulator
            answer.read()
    except urllib.error.HTTPError as error:
        with error:
            body = error.read().decode(errors="replace")[:500]
        _note(log, f"tick: {error} {body}")
    except (
        urllib.error.URLError,
        http.client.HTTPException,
        ConnectionError,
        TimeoutError,
    ) as error:
        _note(log, f"tick: {error}")


def forget_coverage(rules_url: str, rules: Path, log: Path) -> None:
    """Load the rules again, so that the emulator forgets every value they have ever seen.

    It keeps those for a report of coverage: 11 MB a minute, more than the documents themselves.
    Raises FileNotFoundError when the log's folder is gone.
    """
    files = [{"name": "security.rules", "content": rules.read_text()}]
    body = json.dumps({"ignore_errors": True, "rules": {"files": files}}).encode()
    request = urllib.request.Request(rules_url, data=body, method="PUT")  # noqa: S310 - our own emulator
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=TICK_TIMEOUT_S) as answer:  # noqa: S310 - our own emulator
            answer.read()
    except (OSError, http.client.HTTPException) as error:
        _note(log, f"rules: {error}")


def _note(log: Path, failure: str) -> None:
    with log.open("a") as file:
        file.write(f"{time.strftime('%H:%M:%S')} {failure}".rstrip() + "\n")


def trim_logs(run: Path) -> None:
    """Empty the logs above 50 MB in a run folder, so that a long demo fills no disk."""
    for log in run.glob("*.log"):
        # Blocks, not length: a log emptied under its writer keeps its length and loses its content.
        if log.stat().st_blocks * BLOCK_BYTES > TRIM_ABOVE_BYTES:
            with log.open("r+b") as file:
                file.truncate(0)
