"""Forks: a child begins with nothing of its parent's pending, and with no lock that is held.

The parent writes its own reports. Its threads do not exist in the child, and a lock that one of
them held at the fork would stay held for ever. gRPC holds such locks during a call, and a child
that Python clears of that call waits for them before its first line. So a fork waits for the calls
of other threads, and they for it; and it holds the locks that a thread takes for an instant while
it reads from a stream, which no fork could wait for.

Python drops the signals that a child gets before its first line, so SIGTERM is held up until then.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

_log = logging.getLogger("tachograph")
LOCK_S = 5.0
"""How long it waits for a lock that is taken for an instant."""
WAIT_S = 30.0
"""How long a fork waits for calls that the network holds up; its child may hang in one of them."""


class Forkable(Protocol):
    """An object with a lock, a thread or something pending."""

    def forked(self) -> None:
        """Begin anew in a child process; only the calling thread exists there."""


_living: weakref.WeakSet[Forkable] = weakref.WeakSet()


def begins_anew(living: Forkable) -> None:
    """Have `living.forked()` called in every child that this process forks."""
    _living.add(living)


_T = TypeVar("_T")
_locks: weakref.WeakKeyDictionary[Any, Callable[[Any], threading.Condition | None]] = (
    weakref.WeakKeyDictionary()
)


def locked_over_forks(owner: _T, lock_of: Callable[[_T], threading.Condition | None]) -> None:
    """Have every fork hold `lock_of(owner)`, which may be None, so that no other thread does."""
    _locks[owner] = lock_of


class _Calls:
    """The calls of gRPC that are under way."""

    def __init__(self) -> None:
        self.awaited = False
        self.reset()

    def reset(self) -> None:
        """Begin with none: in a child, the threads that made them do not exist."""
        self._number = 0
        self._forking = False
        self._changed = threading.Condition(threading.Lock())

    def begin(self) -> None:
        """Add a call, after a fork that is waiting."""
        with self._changed:
            self._changed.wait_for(lambda: not self._forking)
            self._number += 1

    def end(self) -> None:
        """Take a call away."""
        with self._changed:
            self._number -= 1
            self._changed.notify_all()

    def before_fork(self) -> None:
        """Wait for the calls under way, and hold up others until the fork is done."""
        with self._changed:
            self._forking = True
            self._changed.wait_for(lambda: self._number == 0, WAIT_S)

    def after_fork(self) -> None:
        """Let others begin."""
        with self._changed:
            self._forking = False
            self._changed.notify_all()


_calls = _Calls()
_fork = threading.local()


@contextmanager
def call() -> Iterator[None]:
    """Make a call of gRPC, never in the middle of a fork."""
    _calls.begin()
    try:
        yield
    finally:
        _calls.end()


def wait_for_calls() -> None:
    """Have every fork wait for the calls under way, from now on.

    To be called when gRPC has registered its own hook: hooks run in reverse, and gRPC's parks the
    threads that would finish those calls.
    """
    if not _calls.awaited:
        _calls.awaited = True
        os.register_at_fork(before=_calls.before_fork, after_in_parent=_calls.after_fork)


def _before() -> None:
    locks = [lock_of(owner) for owner, lock_of in list(_locks.items())]
    _fork.held = [lock for lock in locks if lock is not None and lock.acquire(timeout=LOCK_S)]
    _fork.before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _after() -> None:
    for lock in _fork.held:
        lock.release()
    signal.pthread_sigmask(signal.SIG_SETMASK, _fork.before)


def _forked() -> None:
    _calls.reset()
    for living in list(_living):
        try:
            living.forked()
        except Exception as trouble:  # noqa: BLE001 - one object must not cost the child all others
            _log.warning("%s is not usable in a forked process: %s", type(living), trouble)
    _after()


# Registered before gRPC's, so they run after it, when its own threads stand still.
os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_forked)
