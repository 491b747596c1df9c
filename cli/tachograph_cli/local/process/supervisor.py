"""Run one command so that nothing of it outlives whoever asked for it.

    python supervisor.py [--remove DIRECTORY] COMMAND...

The emulators are a tree: node starts java in a session of its own, and each function in a shell. A
signal to the top loses the leaves, and a parent that is killed loses them all. The keeper stands
between: it holds the read end of its parent's pipe as standard input, and when that ends, because
the parent closed it or is gone, however it went, the keeper interrupts the command, waits, and ends
whatever is left below it. It runs as a file, with the standard library only, so that it starts in
milliseconds.
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
# them, and cannot hear any while it compiles the Auth emulator's schema (6 s): so it is asked
# twice.
PATIENCE_S = (6.0, 8.0)
SWEEP_S = 3.0  # for what is left after that: asked to end for so long, and killed for so long
STOPPED_WITHIN_S = sum(PATIENCE_S) + 2 * SWEEP_S
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def main(arguments: list[str]) -> int:
    """Keep the command until it ends or standard input does; return its exit status."""
    remove, command = (
        (arguments[1], arguments[2:]) if arguments[0] == "--remove" else (None, arguments)
    )
    adopt_orphans()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A handler, not SIG_IGN: what is ignored here would stay ignored in the command.
        signal.signal(number, lambda *_: None)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    known: set[int] = set()
    asked = threading.Event()
    threading.Thread(target=stop_at_end_of_input, args=(child, known, asked), daemon=True).start()
    status = child.wait()
    sweep(known)
    # A command that ended by itself leaves its logs to whoever asks why.
    if remove is not None and asked.is_set():
        shutil.rmtree(remove, ignore_errors=True)
    return status if status >= 0 else 128 - status


def stop_at_end_of_input(
    child: subprocess.Popen[bytes], known: set[int], asked: threading.Event
) -> None:
    """Wait for the end of standard input, then interrupt the child, and at last kill it."""
    while os.read(0, 4096):
        pass
    asked.set()
    known |= descendants(os.getpid())
    for patience_s in PATIENCE_S:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue
        return
    child.kill()


def sweep(known: set[int]) -> None:
    """End what still runs below us, and of `known`: first asked, then killed."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        asked: set[int] = set()
        deadline = time.monotonic() + SWEEP_S
        while time.monotonic() < deadline:
            reap()
            left = (descendants(os.getpid()) | known) & set(parents())
            if not left:
                return
            for pid in left - asked:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    continue
            asked |= left
            time.sleep(0.05)


def descendants(pid: int) -> set[int]:
    """List every process below this one."""
    children: dict[int, list[int]] = {}
    for child, parent in parents().items():
        children.setdefault(parent, []).append(child)
    found: set[int] = set()
    queue = [pid]
    while queue:
        fresh = [child for child in children.get(queue.pop(), []) if child not in found]
        found.update(fresh)
        queue += fresh
    return found


def parents() -> dict[int, int]:
    """Map every running process to its parent; the dead that nobody has reaped yet do not count."""
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
    """Take note of the adopted that have ended."""
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
