"""The files of the spool as they are found, whoever has put them there.

Anything that is no file of this user's own is set aside by another name. So it is looked at once,
and a person can look at it later.
"""

from __future__ import annotations

import fcntl
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_log = logging.getLogger("tachograph")
MAX_BYTES = 64 << 20
"""A file is of 256 kB, or of one longer line."""
END = b"\0"
"""Behind the last line."""
DAMAGED = ".damaged"
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class DamagedFileError(Exception):
    """A file that no spool of this user has written."""


def take(path: Path) -> tuple[int, bytes] | None:
    """Lock a file and read it; None where another process has it, or where it is none of ours."""
    try:
        return _opened(path)
    except DamagedFileError as damage:
        found = str(damage)
    except (FileNotFoundError, BlockingIOError):  # gone meanwhile
        return None
    except OSError as trouble:  # a symbolic link, a folder, no permission
        found = str(trouble.strerror)
    _log.warning("%s: %s; expected a file of the spool; it is set aside", path, found)
    set_aside(path)
    return None


def set_aside(path: Path) -> None:
    """Rename a file to `*.damaged`, which nothing takes up."""
    with suppress(OSError):  # then the next process finds it again, and goes on as this one does
        path.rename(path.with_name(path.name + DAMAGED))


def locked(file: int) -> bool:
    """Lock a file; False where another process holds it, or where it has been removed."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(file).st_nlink > 0


@contextmanager
def alone_in(folder: Path) -> Iterator[bool]:
    """Be the only process that takes files; False where another is. Raises OSError."""
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield locked(lock)
    finally:
        os.close(lock)


def check_folder(folder: Path) -> None:
    """Raise OSError for a folder that others could plant a file in, or read one."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(f"{folder}: no folder")
    if found.st_uid != os.geteuid():
        raise PermissionError(f"{folder}: of user {found.st_uid}; expected one of {os.geteuid()}")
    if found.st_mode & _OTHERS_WRITE:
        mode = stat.S_IMODE(found.st_mode)
        raise PermissionError(f"{folder}: mode {mode:o}; expected one that others cannot write to")
    above = folder.parent.stat()
    if above.st_mode & stat.S_IWOTH and not above.st_mode & stat.S_ISVTX:
        raise PermissionError(f"{folder.parent}: everybody may rename what is in it")


def _opened(path: Path) -> tuple[int, bytes] | None:
    # Without O_NONBLOCK a pipe would be waited for.
    file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    keep = False
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise DamagedFileError("no ordinary file")
        if found.st_uid != os.geteuid() or found.st_nlink > 1:
            raise DamagedFileError("of another user, or by another name too")
        if found.st_size > MAX_BYTES:
            raise DamagedFileError(f"of {found.st_size} bytes, above {MAX_BYTES}")
        if not locked(file):
            return None
        with os.fdopen(os.dup(file), "rb") as content:
            data = content.read(MAX_BYTES).partition(END)[0]
        keep = True
        return file, data
    finally:
        if not keep:
            os.close(file)
