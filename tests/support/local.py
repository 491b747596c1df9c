"""`tachograph local` and `demo` as processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tachograph_cli.local.stack import Stack

SOON_S = 120


@contextmanager
def started(
    command: list[str],
    folder: Path,
    sigint: signal.Handlers = signal.SIG_DFL,
    env: Mapping[str, str] = os.environ,
) -> Iterator[subprocess.Popen[str]]:
    """Start a command with this disposition of SIGINT, which a child inherits if it is ignored.

    A shell ignores SIGINT in a background command. The process is gone at the end, also of a test
    that fails: Python warns of a process without an end in whichever test collects it.
    """
    before = signal.signal(signal.SIGINT, sigint)
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(env),
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        try:
            yield process
        finally:
            process.kill()


def local(*arguments: str) -> list[str]:
    """Return the command `tachograph local` with these arguments."""
    return [sys.executable, "-m", "tachograph_cli.main", "local", *arguments]


def wait_for(holds: Callable[[], bool], stack: Stack | None = None) -> None:
    """Wait until something holds; fail where it does not soon."""
    deadline = time.monotonic() + SOON_S
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {SOON_S} s; {stack.last_lines() if stack else os.times()}")
        time.sleep(0.05)
