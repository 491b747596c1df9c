"""Run one command so that no process of it outlives the parent of this one.

    python -m tachograph_cli.local.process.supervisor SIGNAL DIRECTORY COMMAND...

The emulators are a tree: node starts java in a session of its own, and each function in a shell. A
signal to the top misses the leaves, and a parent that is killed ends none of them. The supervisor
holds the read end of its parent's pipe as standard input. The pipe ends when the parent closes it
or is gone. The supervisor then sends the command SIGNAL, waits, ends every process that is still
below it, and removes DIRECTORY unless that is empty text. It imports the standard library only, so
that it starts in milliseconds.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

from tachograph_cli.local.process import table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tachograph_cli.local.process.table import Process

# firebase-tools stops in about 1 s, but ignores a signal in the 100 ms after it began to listen for
# them, and handles none while it compiles the Auth emulator's schema (6 s): so it is interrupted
# twice.
PATIENCE_S = (6.0, 8.0)
SWEEP_S = 3.0  # for the remaining processes: so long after SIGTERM, and so long after SIGKILL
STOPPED_WITHIN_S = sum(PATIENCE_S) + 2 * SWEEP_S
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h


def main(arguments: list[str]) -> int:
    """Run the command until it ends or standard input does; return its exit status."""
    ending, remove, command = signal.Signals[arguments[0]], arguments[1], arguments[2:]
    _prctl(PR_SET_CHILD_SUBREAPER, 1)  # orphans below us become our children
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A handler, not SIG_IGN: the command would inherit an ignored signal, but no handler.
        signal.signal(number, lambda *_: None)
    # The command is asked to end also where this process is killed.
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        preexec_fn=lambda: _prctl(PR_SET_PDEATHSIG, ending),  # noqa: PLW1509 - no thread yet
    )
    below: set[Process] = set()
    stopped = threading.Event()
    top = table.identify(child.pid)  # before anybody waits for it, so that the id is its own
    threading.Thread(
        target=stop_at_end_of_input, args=(child, top, ending, below, stopped), daemon=True
    ).start()
    status = child.wait()

    def remaining() -> set[Process]:
        _reap()
        return table.descendants(os.getpid()) | below

    sweep(remaining)
    # A command that ended by itself leaves its logs, which say why.
    if remove and stopped.is_set():
        shutil.rmtree(remove, ignore_errors=True)
    return status if status >= 0 else 128 - status


def stop_at_end_of_input(
    child: subprocess.Popen[bytes],
    top: Process | None,
    ending: signal.Signals,
    below: set[Process],
    stopped: threading.Event,
) -> None:
    """Wait for the end of standard input, then send the child `ending` twice, and at last kill it.

    `top` is the child's process, None where it has ended. It is not signalled by its id, because
    the main thread may just have reaped it. Adds every process below this one to `below`, and sets
    `stopped` first.
    """
    while os.read(0, 4096):
        pass
    stopped.set()
    below |= table.descendants(os.getpid())
    for patience_s in PATIENCE_S:
        if top is None or not table.send(top, ending):
            return
        try:
            child.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue
        return
    if top is not None:
        table.send(top, signal.SIGKILL)


def sweep(processes: Callable[[], Iterable[Process]]) -> None:
    """End every running one of the processes, which are asked for again: SIGTERM, then SIGKILL."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        signalled: set[Process] = set()
        deadline = time.monotonic() + SWEEP_S
        while time.monotonic() < deadline:
            remaining = set(processes()) & table.running().keys()
            if not remaining:
                return
            for process in remaining - signalled:
                table.send(process, number)
            signalled |= remaining
            time.sleep(0.05)


def _prctl(option: int, value: int) -> None:
    """Set an attribute of this process, where the system has it (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _reap() -> None:
    """Reap the adopted processes that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
