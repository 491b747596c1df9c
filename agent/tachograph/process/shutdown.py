"""Closing fleets when the process ends, by itself or by SIGTERM.

A signal handler runs between any two steps of the main thread, which may hold any lock, and not at
all while that thread is in a call of C. So a thread is told of the signal, and closes the fleets.
"""

from __future__ import annotations

import atexit
import logging
import multiprocessing.util
import os
import signal
import threading
from collections.abc import Mapping
from types import FrameType
from typing import Protocol

from tachograph.process.fork import begins_anew
from tachograph.process.wakeup import Wakeup

_log = logging.getLogger("tachograph")
_PRIORITY = 100
"""Before the finalizers of others: a fleet's last writes need what they end."""
CLOSE_S = 10.0
"""The longest that the last writes of a process may take, unless TACHOGRAPH_CLOSE_S says."""
CHILD_CLOSE_S = 3.0
"""The same for a forked child: what it cannot write stays in the spool, for its parent to write."""
DEAF_S = 1.0
"""How long the main thread may take to end by the signal, before the process ends without it."""
_OVER, _HANDLED = 0, 255
"""Bytes of the pipe that are no signal: the watch is over; `_terminated` was called."""


def close_seconds(environment: Mapping[str, str]) -> float:
    """Return how long the last writes may take, in seconds; raises ValueError for no number."""
    name = "TACHOGRAPH_CLOSE_S"
    text = environment.get(name, str(CLOSE_S))
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= threading.TIMEOUT_MAX:
        raise ValueError(f"{name} is {text!r}; expected seconds, such as {CLOSE_S:g}")
    return seconds


class Closable(Protocol):
    """An object to close before the process ends."""

    def close(self) -> None:
        """Write everything pending and stop; a second call waits for the first."""


class _Exit:
    """The open fleets of this process, and the thread that closes them after a signal."""

    def __init__(self) -> None:
        self.open: set[Closable] = set()
        self.wakeup: Wakeup | None = None
        self.watcher: threading.Thread | None = None
        self.closed = self.finalized = False
        atexit.register(self.close_all)

    def watch(self) -> None:
        """Have a thread wait for the signal, once in a process."""
        if self.wakeup is None:
            self.wakeup = Wakeup()
        self.wakeup.listen()
        if self.watcher is None:
            self.watcher = threading.Thread(
                target=self._wait, args=(self.wakeup,), name="tachograph-exit", daemon=True
            )
            self.watcher.start()

    def stop_watching(self) -> None:
        """Leave the signal as it was found; where that takes the main thread, only from there."""
        watcher, self.watcher = self.watcher, None
        if watcher is None or self.wakeup is None or watcher is threading.current_thread():
            return
        _unhandle()
        self.wakeup.stop()
        self.wakeup.put(_OVER)  # after a signal that came before: the thread still heeds that one
        watcher.join(DEAF_S)

    def close_all(self) -> None:
        """Close every fleet; one that cannot be closed holds up none of the others."""
        for fleet in list(self.open):
            try:
                fleet.close()
            except Exception as trouble:  # noqa: BLE001 - the other fleets are to be closed as well
                _log.warning("%s was not closed: %s", fleet, trouble)

    def at_exit(self) -> None:
        """Close every fleet at the end of this process, once.

        A child of `multiprocessing` calls its finalizers, and nothing that `atexit` has.
        """
        if not self.finalized:
            self.finalized = True
            multiprocessing.util.Finalize(None, self.close_all, exitpriority=_PRIORITY)

    def forked(self) -> None:
        """Begin anew in a child: the thread is its parent's, and nothing is to be closed yet."""
        _unhandle()
        self.watcher = None
        self.closed = self.finalized = False

    def _wait(self, wakeup: Wakeup) -> None:
        while not _told_to_end(said := wakeup.get()):
            if said == _OVER:
                return
        try:
            self.close_all()
        finally:
            self.closed = True
            # The main thread gives the process the end that its parent expects of the signal.
            signal.pthread_kill(_main(), signal.SIGTERM)
            threading.Event().wait(DEAF_S)
            os._exit(128 + signal.SIGTERM)


_exit = _Exit()
begins_anew(_exit)


def close_on_exit(fleet: Closable) -> None:
    """Close a fleet at the end of the process, SIGTERM included, unless `forget` is called before.

    The fleet is kept alive until then, because a program may hold no more of it than a task.

    A program that handles SIGTERM itself keeps its handler, and closes its fleets by leaving the
    `with` block or by exiting.
    """
    _exit.open.add(fleet)
    _exit.at_exit()
    handler = signal.getsignal(signal.SIGTERM)
    if handler is signal.SIG_DFL and threading.current_thread() is threading.main_thread():
        handler = _terminated
        signal.signal(signal.SIGTERM, handler)
    if handler is _terminated:
        _exit.watch()


def forget(fleet: Closable) -> None:
    """Let go of a fleet that is closed; the thread ends with the last one."""
    _exit.open.discard(fleet)
    if not _exit.open:
        _exit.stop_watching()


def _terminated(number: int, _: FrameType | None) -> None:
    if _exit.open and _exit.watcher and _exit.wakeup and not _exit.closed:
        _exit.wakeup.put(_HANDLED)
        return
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)  # so that the parent process sees the signal that ended it


def _told_to_end(said: int) -> bool:
    """Whether the signal is ours to heed; a handler of the application may have called ours."""
    return said == _HANDLED or (said == signal.SIGTERM and _is_handled())


def _is_handled() -> bool:
    return signal.getsignal(signal.SIGTERM) is _terminated


def _unhandle() -> None:
    if _is_handled() and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _main() -> int:
    main = threading.main_thread().ident
    assert main is not None  # noqa: S101 - it runs
    return main
