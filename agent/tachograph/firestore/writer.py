"""The thread that writes documents in the background, each the less often the longer it lasts."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from math import inf
from typing import Generic, Protocol, TypeVar

from google.api_core.exceptions import (
    Forbidden,
    GoogleAPICallError,
    RetryError,
    Unauthorized,
)

from tachograph.firestore.document import Document, UnwritableError
from tachograph.firestore.pace import due_s, retry_wait_s
from tachograph.process.fork import begins_anew
from tachograph.process.warnings import words_of

_log = logging.getLogger("tachograph")
BACKLOG = 256
"""Documents that may wait to be written before the start of another task waits a little."""


class Heartbeat(Protocol):
    """The pending fields of a document that is kept alive."""

    def beat(self) -> None:
        """Add a sign of life to the pending fields."""


class Dated(Protocol):
    """A document that keeps the monotonic time of its last write."""

    written_s: float


D = TypeVar("D", bound=Dated)


class Heartbeats(Generic[D]):
    """The documents to write even when nothing changes. Not thread-safe."""

    def __init__(self) -> None:
        self._alive: dict[D, tuple[Heartbeat, float]] = {}
        self.next_s = inf
        """When the next may be due, by the monotonic clock; none is due before."""

    def keep(self, document: D, pending: Heartbeat, every_s: float) -> None:
        """Call `pending.beat` whenever the document was not written for `every_s` seconds."""
        self._alive[document] = (pending, every_s)
        self.next_s = min(self.next_s, document.written_s + every_s)

    def let_go(self, document: D) -> None:
        """Forget a document."""
        self._alive.pop(document, None)

    def due(self, now_s: float) -> list[D]:
        """Return the documents that were silent for too long, after their beats."""
        if now_s < self.next_s:
            return []
        late: list[D] = []
        self.next_s = inf
        for document, (pending, every_s) in self._alive.items():
            due_s = document.written_s + every_s
            if due_s <= now_s:
                pending.beat()
                late.append(document)
                due_s = now_s + every_s
            self.next_s = min(self.next_s, due_s)
        return late


class Writer:
    """The thread that writes documents when they are due. Trouble is logged and tried again.

    The thread starts with the first document, in a forked child too: `started` is called then.
    """

    def __init__(self, interval_s: float, started: Callable[[], None] = lambda: None) -> None:
        self._interval_s = interval_s
        self._started = started
        self._begin()
        begins_anew(self)

    def _begin(self) -> None:
        self._due: dict[Document, float] = {}
        self._beats: Heartbeats[Document] = Heartbeats()
        self._writing: Document | None = None
        self._refusals: dict[Document, int] = {}
        self._closing = self._closed = False
        self._flushing = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @property
    def used(self) -> bool:
        """Whether this process has had a document written."""
        return self._thread is not None

    def forked(self) -> None:
        """Begin with nothing to write in a child: the parent writes what it was told."""
        self._begin()

    def soon(
        self,
        document: Document,
        *,
        now: bool = False,
        promptly: bool = False,
        wait_s: float | None = None,
        within_s: float = inf,
    ) -> None:
        """Have a document written: after `wait_s` seconds, by default the interval, at its pace.

        `within_s` is the longest that its pace may hold it back. `promptly` has it written after
        the interval whatever its pace, and `now` at once: what others wait for.
        """
        if self._thread is None:
            self._start()
        if not (now or promptly) and self._due.get(document, inf) < time.monotonic() + within_s:
            return  # at each call: without the lock, for what is said before is written with it
        with self._changed:
            # Reports that come now are in the spool, for the next process. What a write itself
            # brings, as the fill and the cost of a session, is nowhere else.
            if self._closing and threading.current_thread() is not self._thread:
                return
            now_s = time.monotonic()
            wait_s = self._interval_s if wait_s is None else wait_s
            if now or self._flushing:
                due = now_s
            elif promptly:
                due = now_s + wait_s
            else:
                due = due_s(now_s, wait_s, document.written_s, self._interval_s, document.writes)
                due = min(due, now_s + max(wait_s, within_s))
            self._due[document] = min(due, self._due.get(document, due))
            self._changed.notify_all()

    def keep_alive(self, document: Document, pending: Heartbeat, every_s: float) -> None:
        """Call `pending.beat` and write whenever the document was silent for `every_s` seconds."""
        with self._changed:
            self._beats.keep(document, pending, every_s)
            self._changed.notify_all()

    def let_go(self, document: Document) -> None:
        """Keep a document alive no more."""
        with self._changed:
            self._beats.let_go(document)

    def make_room(self, timeout_s: float) -> bool:
        """Wait up to `timeout_s` seconds while more documents are due than BACKLOG; True if not."""
        with self._changed:
            return self._changed.wait_for(self._has_room, timeout_s)

    def flush(self, timeout_s: float) -> bool:
        """Write everything that waits; False when a write remains after `timeout_s` seconds."""
        with self._changed:
            if self._thread is None:
                return True
            self._due = dict.fromkeys(self._due, 0.0)
            self._flushing += 1
            self._changed.notify_all()
            flushed = self._changed.wait_for(self._idle, timeout_s)
            self._flushing -= 1
            return flushed

    def close(self, timeout_s: float) -> bool:
        """Write everything that waits now, and take nothing more; False when a write remains.

        The thread ends after the write it is at.
        """
        with self._changed:
            self._closing = True
        try:
            return self.flush(timeout_s)
        finally:
            with self._changed:
                self._closed = True
                self._changed.notify_all()

    def join(self, timeout_s: float) -> None:
        """Wait up to `timeout_s` seconds for the end of the thread, after `close`."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _start(self) -> None:
        with self._changed:
            if self._thread is not None or self._closing:
                return
            self._thread = threading.Thread(target=self._run, name="tachograph", daemon=True)
            self._thread.start()
        self._started()

    def _has_room(self) -> bool:
        soon_s = time.monotonic() + self._interval_s  # those that last wait for their pace alone
        return sum(due <= soon_s for due in self._due.values()) <= BACKLOG

    def _idle(self) -> bool:
        return not self._due and self._writing is None

    def _run(self) -> None:
        while (document := self._next()) is not None:
            again = refused = False
            try:
                document.flush()
            except UnwritableError as refusal:
                _log.warning("%s; it is left out", refusal)
            except (GoogleAPICallError, RetryError) as trouble:
                again, refused = True, isinstance(trouble, Forbidden | Unauthorized)
                _log.warning("%s is not written yet: %s", document.path, trouble)
            except Exception as trouble:  # noqa: BLE001 - the thread writes for all other documents
                again = True
                _log.warning("%s is not written yet: %s", document.path, words_of(trouble))
            finally:
                with self._changed:
                    self._writing = None
                    refusals = self._refusals.pop(document, 0)
                    if refused:
                        self._refusals[document] = refusals + 1
                    if again and not self._closed:
                        wait_s = retry_wait_s(self._interval_s, refusals if refused else 0)
                        again_s = time.monotonic() + wait_s
                        self._due[document] = min(again_s, self._due.get(document, inf))
                    self._changed.notify_all()

    def _next(self) -> Document | None:
        """Wait for the document that is due first and take it; None when it is time to end."""
        with self._changed:
            while not self._closed:
                now_s = time.monotonic()
                for silent in self._beats.due(now_s):
                    self._due[silent] = now_s  # whatever its pace: its session would be lost
                first = min(self._due, key=self._due.__getitem__, default=None)
                if first is not None and self._due[first] <= now_s:
                    del self._due[first]
                    self._writing = first
                    return first
                next_s = self._beats.next_s if first is None else self._due[first]
                next_s = min(next_s, self._beats.next_s)
                self._changed.wait(None if next_s == inf else next_s - now_s)
            return None
