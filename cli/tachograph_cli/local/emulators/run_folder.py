"""The throw-away folder of one stack, under a lock for as long as the stack lives.

The kernel frees the lock of a killed process, so a folder without one belongs to nobody: the next
start removes it. The emulators' supervisor holds the lock too, and gives it up last.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from functools import partial
from pathlib import Path

from tachograph_cli.local.process import table
from tachograph_cli.local.process.supervisor import sweep

PREFIX = "tachograph-"
LOCK = "stack.lock"
TEMPORARY, SPOOL = "tmp", "spool"


def make() -> tuple[Path, int]:
    """Make a folder for a stack; return it with its lock, an open file."""
    run = Path(tempfile.mkdtemp(prefix=PREFIX))
    # Locked before it has its name, so that no other start takes it for an abandoned one.
    unnamed = run / f"{LOCK}.new"
    lock = os.open(unnamed, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    unnamed.rename(run / LOCK)
    return run, lock


def keep(run: Path) -> None:
    """Let the folder stay after its stack, for a person to read its logs."""
    (run / LOCK).unlink(missing_ok=True)


def remove_abandoned(parent: Path | None = None) -> list[Path]:
    """End and remove what killed stacks left behind; return their folders.

    A process belongs to such a stack if its temporary folder is the stack's: no other has that.
    """
    removed = []
    for path in (parent or Path(tempfile.gettempdir())).glob(f"{PREFIX}*/{LOCK}"):
        if path.is_symlink() or path.parent.is_symlink() or not _is_ours(path):
            continue
        lock = _locked(path)
        if lock is None:
            continue
        try:
            temporary = str(path.parent / TEMPORARY)
            sweep(partial(table.with_setting, "TMPDIR", temporary))
            shutil.rmtree(path.parent, ignore_errors=True)
            removed.append(path.parent)
        finally:
            os.close(lock)
    return removed


def _is_ours(path: Path) -> bool:
    try:
        return path.stat().st_uid == path.parent.stat().st_uid == os.getuid()
    except FileNotFoundError:
        return False


def _locked(path: Path) -> int | None:
    """Take the lock; None where a stack that lives has it, or it is gone meanwhile."""
    try:
        lock = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock
