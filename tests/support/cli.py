"""Commands of `tachograph`: in this process as from a terminal, and as processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from runtime.policy import _policies
from tachograph_cli.local.stack import Stack
from tachograph_cli.main import main

SOON_S = 120


def run(*arguments: str) -> Result:
    """Run a command; the environment of this process says where Firestore is."""
    _policies().clear()  # another process remembers nothing
    result = CliRunner(env={"COLUMNS": "120"}).invoke(main, arguments)
    if result.exception is not None:
        unexpected = result.exception.__cause__
        if unexpected is not None or not isinstance(result.exception, SystemExit):
            raise unexpected or result.exception
    return result


def verified(fleet: str, *arguments: str) -> dict[str, Any]:
    """Return the result of `tachograph verify`, whose exit status has to agree with it."""
    result = run("verify", "--fleet", fleet, "--json", *arguments)
    verification: dict[str, Any] = json.loads(result.output)
    assert result.exit_code == (0 if verification["holds"] else 1)
    return verification


def wrong(fleet: str, *arguments: str) -> dict[str, int]:
    """Return the number of differences of each check that fails."""
    checks = verified(fleet, *arguments)["checks"]
    return {name: check["wrong"] for name, check in checks.items() if check["wrong"]}


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
