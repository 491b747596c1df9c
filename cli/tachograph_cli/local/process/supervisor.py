"""Run one command so that no process of it outlives the parent of this one.

    python supervisor.py [--remove DIRECTORY] COMMAND...

The emulators are a tree: node starts java in a session of its own, and each function in a shell. A
signal to the top misses the leaves, and a parent that is killed ends none of them. The supervisor
holds the read end of its parent's pipe as standard input. The pipe ends when the parent closes it
or is gone. The supervisor then interrupts the command, waits, and ends every process that is still
below it. It runs as a file, with the standard library only, so that it starts in milliseconds.
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
from pathlib import Path

# firebase-tools stops in about 1 s, but ignores a signal in the 100 ms after it began to listen for
# them, and handles none while it compiles the Auth emulator's schema (6 s): so it is interrupted
# twice.
PATIENCE_S = (6.0, 8.0)
SWEEP_S = 3.0  # for the remaining processes: so long after SIGTERM, and so long after SIGKILL
STOPPED_WITHIN_S = sum(PATIENCE_S) + 2 * SWEEP_S
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def main(arguments: list[str]) -> int:
    """Run the command until it ends or standard input does; return its exit status."""
    remove, command = (
        (arguments[1], arguments[2:]) if arguments[0] == "--remove" else (None, arguments)
    )
    adopt_orphans()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A handler, not SIG_IGN: the command would inherit an ignored signal, but no handler.
        signal.signal(number, lambda *_: None)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    below: set[int] = set()
    stopped = threading.Event()
    threading.Thread(target=stop_at_end_of_input, args=(child, below, stopped), daemon=True).start()
    status = child.wait()
    sweep(below)
    # A command that ended by itself leaves its logs, which say why.
    if remove is not None and stopped.is_set():
        shutil.rmtree(remove, ignore_errors=True)
    return status if status >= 0 else 128 - status


def stop_at_end_of_input(
    child: subprocess.Popen[bytes], below: set[int], stopped: threading.Event
) -> None:
    """Wait for the end of standard input, then interrupt the child twice, and at last kill it.

    Adds every process below this one to `below`, and sets `stopped` first.
    """
    while os.read(0, 4096):
        pass
    stopped.set()
    below |= descendants(os.getpid())
    for patience_s in PATIENCE_S:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue
        return
    child.kill()


def sweep(below: set[int]) -> None:
    """End every process that still runs below this one or is in `below`: SIGTERM, then SIGKILL."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        signalled: set[int] = set()
        deadline = time.monotonic() + SWEEP_S
        while time.monotonic() < deadline:
            reap()
            running = (descendants(os.getpid()) | below) & set(parents())
            if not running:
                return
            for pid in running - signalled:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    continue
            signalled |= running
            time.sleep(0.05)


def descendants(pid: int) -> set[int]:
    """Return the ids of every process below one."""
    children: dict[int, list[int]] = {}
    for child, parent in parents().items():
        children.setdefault(parent, []).append(child)
    below: set[int] = set()
    queue = [pid]
    while queue:
        fresh = [child for child in children.get(queue.pop(), []) if child not in below]
        below.update(fresh)
        queue += fresh
    return below


def parents() -> dict[int, int]:
    """Return the parent of every running process, without the ended ones that nobody has reaped."""
    if Path("/proc/self/stat").exists():
        return dict(filter(None, map(_proc_stat, Path("/proc").glob("[0-9]*"))))
    rows = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True
    ).stdout
    split = [row.split() for row in rows.splitlines()]
    return {int(pid): int(parent) for pid, parent, state in split if not state.startswith("Z")}


def adopt_orphans() -> None:
    """Become the parent of every orphan below us, where the system offers it (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap() -> None:
    """Reap the adopted processes that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        return


def _proc_stat(process: Path) -> tuple[int, int] | None:
    try:
        # "pid (name) state parent ...": the name may hold blanks and brackets, so split after its
        # last bracket.
        state, parent = (
            (process / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
        )
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return None
    return None if state == "Z" else (int(process.name), int(parent))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
