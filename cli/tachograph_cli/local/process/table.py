"""The processes of this machine, each known by its id and the moment it started.

The system gives the id of an ended process to another one, so an id that was noted earlier may be a
stranger's by now. A signal is sent only to the process that was noted.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_STARTED = 19  # field 22 of proc_pid_stat(5), counted from the one after the name


class Process(NamedTuple):
    """One process: no other has ever had both its id and its start."""

    pid: int
    started: str


def running() -> dict[Process, int]:
    """Return the parent's id of each running process, without those that ended unreaped."""
    if (_PROC / "self" / "stat").exists():
        return dict(filter(None, (_stat(int(entry.name)) for entry in _PROC.glob("[0-9]*"))))
    return _listed("-A")


def identify(pid: int) -> Process | None:
    """Return the process that has this id now; None where there is none, or it has ended."""
    if (_PROC / "self" / "stat").exists():
        row = _stat(pid)
        return row[0] if row else None
    return next(iter(_listed("-p", str(pid))), None)


def descendants(pid: int) -> set[Process]:
    """Return every process below one."""
    children: dict[int, list[Process]] = {}
    for process, parent in running().items():
        children.setdefault(parent, []).append(process)
    below: set[Process] = set()
    queue = [pid]
    while queue:
        fresh = [child for child in children.get(queue.pop(), []) if child not in below]
        below.update(fresh)
        queue += [child.pid for child in fresh]
    return below


def with_setting(name: str, value: str) -> set[Process]:
    """Return this user's processes that were started with this environment variable (Linux)."""
    wanted = os.fsencode(f"{name}={value}")
    found = set()
    for process in running():
        try:
            environment = (_PROC / str(process.pid) / "environ").read_bytes()
        except OSError:  # ended, or another user's
            continue
        if wanted in environment.split(b"\0"):
            found.add(process)
    return found


def send(process: Process, number: signal.Signals) -> bool:
    """Send a signal to this process; False where it has ended, whoever has its id now.

    On Linux no other process can take the id between the look and the signal.
    """
    if sys.platform != "linux":
        return identify(process.pid) == process and _kill(process.pid, number)
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    try:
        # The handle is of one process for good; that is the noted one if it still has the id.
        if identify(process.pid) != process:
            return False
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


def _kill(pid: int, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def _stat(pid: int) -> tuple[Process, int] | None:
    try:
        # "pid (name) state parent ...": the name may hold blanks and brackets, so split after its
        # last bracket.
        fields = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, parent = fields[:2]
    return None if state in "ZX" else (Process(pid, fields[_STARTED]), int(parent))


def _listed(*selection: str) -> dict[Process, int]:
    """Return what `ps` lists: on macOS, which has no /proc."""
    rows = subprocess.run(
        ["ps", *selection, "-o", "pid=,ppid=,stat=,lstart="],
        capture_output=True,
        text=True,
        check=False,  # ps fails where it lists nothing
    ).stdout
    split = [row.split(maxsplit=3) for row in rows.splitlines()]
    return {
        Process(int(pid), started): int(parent)
        for pid, parent, state, started in split
        if not state.startswith("Z")
    }
