"""Run one command in the foreground, as a shell would: signals and exit status passed on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType

NOT_FOUND = 127  # what a shell returns for a command that is not there
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(command: Sequence[str], env: Mapping[str, str]) -> int:
    """Run the command to its end in an environment and return its exit status.

    As in a shell, that is 128 + n when signal n ended it, and 127 when there is no such command.
    """
    child: subprocess.Popen[bytes] | None = None

    def forward(number: int, _: FrameType | None) -> None:
        # A terminal's Ctrl-C has already reached the child, which is in our process group.
        if child is not None and not (number == signal.SIGINT and _in_foreground()):
            child.send_signal(number)

    before = {number: signal.signal(number, forward) for number in FORWARDED}
    try:
        child = subprocess.Popen(command, env=dict(env))
        status = child.wait()
    except FileNotFoundError:
        sys.stderr.write(f"{command[0]}: no such command; expected a program on PATH or its path\n")
        return NOT_FOUND
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return status if status >= 0 else 128 - status


def _in_foreground() -> bool:
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False
