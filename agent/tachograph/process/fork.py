"""Forks: a child begins with nothing of its parent's pending, and with no lock that is held.

The parent writes its own reports. Its threads do not exist in the child, and a lock that one of
them held at the fork would stay held for ever.
"""

from __future__ import annotations

import logging
import os
import weakref
from typing import Protocol

_log = logging.getLogger("tachograph")


class Forkable(Protocol):
    """An object with a lock, a thread or something pending."""

    def forked(self) -> None:
        """Begin anew in a child process; only the calling thread exists there."""


_living: weakref.WeakSet[Forkable] = weakref.WeakSet()


def begins_anew(living: Forkable) -> None:
    """Have `living.forked()` called in every child that this process forks."""
    _living.add(living)


def _forked() -> None:
    for living in list(_living):
        try:
            living.forked()
        except Exception as trouble:  # noqa: BLE001 - one object must not cost the child all others
            _log.warning("%s is not usable in a forked process: %s", type(living), trouble)


os.register_at_fork(after_in_child=_forked)
