"""The files that keep reports until they have landed, so that a killed process loses none.

A line is in a mapped file before `record` returns. The kernel keeps the file's pages after the
process is killed; only a power failure of the machine loses them. The line is copied without a
system call, because around one Python lets other threads run and may wait milliseconds for its
turn. A file belongs to the process that holds its lock, and the kernel frees the lock of a dead
process.
"""

from __future__ import annotations

import hashlib
import logging
import mmap
import os
import secrets
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from tachograph.process.fork import begins_anew
from tachograph.reports.spool_files import END, alone_in, check_folder, locked, set_aside, take

_log = logging.getLogger("tachograph")
SETTING = "TACHOGRAPH_SPOOL"
OFF = "off"
SEGMENT_BYTES = 1 << 18
"""A full file stays until all of it has landed. Its blocks are allotted when it is made, because a
mapped page without a block on a full disk would kill the process."""
_CLOSED = -1
_TRIES = 10


class Segment:
    """One file, under the lock of this process; a forked child only lets go of it."""

    def __init__(self, path: Path, file: int) -> None:
        self.path, self.file = path, file
        self.waiting = 0
        """Lines in it that have not landed."""
        self._map: mmap.mmap | None = None
        self._used = 0

    def allot(self, size_bytes: int) -> None:
        """Make room for lines; raises OSError where the disk has none."""
        missing = size_bytes
        while missing:
            missing -= os.write(self.file, bytes(missing))
        self._map = mmap.mmap(self.file, size_bytes)
        # The first write to a page takes up to milliseconds on a busy disk: now, not at a call.
        self._map[:: mmap.PAGESIZE] = bytes(len(range(0, size_bytes, mmap.PAGESIZE)))

    def append(self, line: bytes) -> bool:
        """Add a line; False where it does not fit."""
        end = self._used + len(line)
        if self._map is None or end >= len(self._map):
            return False
        self._map[self._used : end + 1] = line + END
        self._used = end
        self.waiting += 1
        return True

    def empty(self) -> None:
        """Begin at the front again; bytes behind the first end mark are not read."""
        if self._map is not None:
            self._map[:1] = END
        self._used = 0

    def leave(self) -> None:
        """Let go of the file in a forked child: the parent has it locked, and goes on with it."""
        if self._map is not None:
            self._map.close()
            self._map = None
        file, self.file = self.file, _CLOSED
        if file != _CLOSED:
            os.close(file)

    def set_aside(self) -> None:
        """Rename a file that cannot be used, and give up its lock."""
        set_aside(self.path)
        self.let_go(remove=False)

    def let_go(self, *, remove: bool) -> None:
        """Give up the lock; a file to remove goes first, so that no process takes it in between."""
        with suppress(OSError):
            if remove:
                self.path.unlink()
        self.leave()


class Spool:
    """The files of one fleet, on this machine. Trouble with them is a warning, once."""

    def __init__(self, folder: Path | None) -> None:
        """`folder` is None for no spool at all."""
        self._folder = folder
        self._open: set[Segment] = set()
        self._reset()
        begins_anew(self)

    def _reset(self) -> None:
        self._current: Segment | None = None
        self._lock = threading.Lock()

    def forked(self) -> None:
        """Begin a file of its own in a child, and let go of the parent's."""
        left, self._open = self._open, set()
        self._reset()
        for segment in left:
            segment.leave()

    @property
    def on(self) -> bool:
        """Whether lines are kept at all."""
        return self._folder is not None

    def keep(self, line: bytes) -> Segment | None:
        """Keep a line; returns the segment to pass to `landed`."""
        if self._folder is None:
            return None
        with self._lock:
            try:
                return self._keep(line)
            except (OSError, ValueError) as trouble:  # a map that is closed raises ValueError
                self._give_up(trouble)
                return None

    def landed(self, segments: Iterable[Segment | None]) -> None:
        """Forget a line of each of the segments; a file without any is emptied or removed."""
        with self._lock:
            for segment in segments:
                if segment is not None:
                    segment.waiting -= 1
                    self._tidy(segment)

    def close(self) -> None:
        """Let go of all files; lines that have not landed are for the next process.

        A line that is kept after this is in another file, which this process has until it ends.
        """
        with self._lock:
            left, self._open, self._current = self._open, set(), None
            for segment in left:
                segment.let_go(remove=not segment.waiting)

    def take_over(self) -> Iterator[tuple[Segment, bytes]]:
        """Take the files of processes that are gone, with their content.

        The caller sets `waiting` to the number of lines, and calls `landed` for each of them. One
        process at a time takes files: the files of one that is gone go together.
        """
        try:
            folder = self._existing()
            if folder is None:
                return
            with alone_in(folder) as alone:
                paths = sorted(folder.glob("*.jsonl")) if alone else []
                found = [(path, taken) for path in paths if (taken := take(path)) is not None]
        except OSError as trouble:
            self._give_up(trouble)
            return
        for path, (file, content) in found:
            segment = Segment(path, file)
            self._open.add(segment)
            yield segment, content

    def drop(self, segment: Segment, *, damaged: bool = False) -> None:
        """Remove a file that holds nothing of use, or set it aside where it should."""
        self._open.discard(segment)
        if damaged:
            segment.set_aside()
        else:
            segment.let_go(remove=True)

    def _existing(self) -> Path | None:
        """Return the folder if there is one; raises OSError where it is not this user's alone."""
        if self._folder is None or not os.path.lexists(self._folder):
            return None
        check_folder(self._folder)
        return self._folder

    def _keep(self, line: bytes) -> Segment:
        segment = self._current
        if segment is not None and segment.append(line):
            return segment
        segment = self._current = self._begin(max(SEGMENT_BYTES, len(line) + len(END)))
        segment.append(line)
        return segment

    def _begin(self, size_bytes: int) -> Segment:
        folder = self._folder
        assert folder is not None  # noqa: S101 - None only where nothing is kept
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_folder(folder)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
        for _ in range(_TRIES):
            path = folder / f"{os.getpid()}-{secrets.token_hex(4)}.jsonl"
            file = os.open(path, flags, 0o600)
            if locked(file):
                segment = Segment(path, file)
                try:
                    segment.allot(size_bytes)
                except OSError:  # the disk is full
                    segment.let_go(remove=True)
                    raise
                self._open.add(segment)
                return segment
            os.close(file)  # another process took the empty file for one of a dead process
        raise OSError(f"{folder}: no file could be locked in {_TRIES} tries")

    def _tidy(self, segment: Segment) -> None:
        if segment.waiting:
            return
        if segment is self._current:
            segment.empty()
        else:
            self._open.discard(segment)
            segment.let_go(remove=True)

    def _give_up(self, trouble: Exception) -> None:
        _log.warning(
            "%s: %s; a process that is killed loses what it has not written; set %s to a folder, "
            "or to %s",
            self._folder,
            trouble,
            SETTING,
            OFF,
        )
        self._folder = None


def spool_folder(environment: Mapping[str, str], *parts: str) -> Path | None:
    """Return the folder for a fleet, named by `parts`: in TACHOGRAPH_SPOOL, or the user's cache.

    None where that is `off`.
    """
    setting = environment.get(SETTING)
    if setting == OFF:
        return None
    root = Path(setting) if setting else _cache(environment) / "tachograph" / "spool"
    name = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    return root / f"{parts[-1]}-{name}"


def _cache(environment: Mapping[str, str]) -> Path:
    cache = environment.get("XDG_CACHE_HOME")
    if cache:
        return Path(cache)
    try:
        home = Path.home()
    except RuntimeError:  # a user without a home
        return Path(tempfile.gettempdir()) / f"tachograph-{os.getuid()}"
    return home / "Library" / "Caches" if sys.platform == "darwin" else home / ".cache"
