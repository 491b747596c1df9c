"""Run one command in the foreground, as a shell would: signals and exit status passed on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from tachograph_cli.local.process import table
from tachograph_cli.local.process.supervisor import sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType

    from tachograph_cli.local.process.table import Process

NOT_FOUND, NOT_EXECUTABLE = 127, 126  # what a shell returns for a command that it cannot run
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CHECK_EVERY_S = 0.5


def run(
    command: Sequence[str], env: Mapping[str, str], check: Callable[[], None] = lambda: None
) -> int:
    """Run the command to its end in an environment and return its exit status.

    As in a shell, that is 128 + n when signal n ended it, 127 when there is no such command, and
    126 when it is no program. `check` is called twice a second; where it raises, the command is
    ended with everything below it, and the exception goes on.
    """
    top: Process | None = None

    def forward(number: int, _: FrameType | None) -> None:
        # A terminal's Ctrl-C has already reached the child, which is in our process group.
        if top is not None and not (number == signal.SIGINT and _in_foreground()):
            table.send(top, signal.Signals(number))

    before = {number: signal.signal(number, forward) for number in FORWARDED}
    try:
        try:
            child = subprocess.Popen(command, env=dict(env))
        except OSError as error:
            return _not_run(command[0], error)
        top = table.identify(child.pid)
        status = _wait(child, check)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return status if status >= 0 else 128 - status


def missing(command: str) -> bool:
    """Tell whether there is no such program on PATH or at that path."""
    return shutil.which(command) is None


def _not_run(command: str, error: OSError) -> int:
    found = "no such command" if isinstance(error, FileNotFoundError) else error.strerror
    sys.stderr.write(f"{command}: {found}; expected a program on PATH or its path\n")
    return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE


def _wait(child: subprocess.Popen[bytes], check: Callable[[], None]) -> int:
    while True:
        try:
            return child.wait(CHECK_EVERY_S)
        except subprocess.TimeoutExpired:
            pass
        try:
            check()
        except BaseException:
            _end(child)
            raise


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child and everything below it."""
    top = table.identify(child.pid)
    processes = table.descendants(child.pid) | ({top} if top else set())

    def remaining() -> set[Process]:
        child.poll()  # reaps it
        return processes

    sweep(remaining)
    child.wait()


def _in_foreground() -> bool:
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False
