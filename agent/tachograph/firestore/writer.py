"""Documents written in the background: at most once a second each, and never by guessing.

A document is written with a precondition on the version this process wrote last, so the common case
reads nothing. Where somebody else wrote in between, it is read, and what has not landed is added to
what is there.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from math import inf
from typing import Any, Protocol

from google.api_core.exceptions import (
    AlreadyExists,
    FailedPrecondition,
    GoogleAPICallError,
    NotFound,
    PermissionDenied,
    RetryError,
)
from google.cloud import firestore

from tachograph.firestore.heartbeats import Heartbeats

_log = logging.getLogger("tachograph")
MAX_CONFLICTS = 20
BACKLOG = 256
"""Documents that may wait to be written before whoever begins another waits a little."""

OnWrite = Callable[[str, Any, Mapping[str, Any]], None]
"""Called with the path, the update time and the fields of every write."""


class Pending(Protocol):
    """What is still to be said of one document."""

    def next_fields(self, landed: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Return what to write over `landed` (None: there is no document); None for nothing."""

    def wrote(self) -> None:
        """Forget what `next_fields` returned last: it is in the database."""


class Document:
    """One document that this process writes, and the version of it that the process knows."""

    def __init__(
        self, client: firestore.Client, path: str, pending: Pending, on_write: OnWrite
    ) -> None:
        self.path = path
        self._client = client
        self._pending = pending
        self._on_write = on_write
        self._lock = threading.Lock()
        self._landed: dict[str, Any] | None = None
        self._version: Any = None
        self.written_s = time.monotonic()
        """When it was written last, or begun with."""

    @property
    def landed(self) -> Mapping[str, Any]:
        """The document as this process knows it; nothing before it has written or read it."""
        return self._landed or {}

    def know(self, landed: dict[str, Any], version: object) -> None:
        """Take the document as this process has just read or written it."""
        self._landed, self._version = landed, version

    def flush(self) -> None:
        """Write what is pending; raises what Firestore raised when it could not be written."""
        with self._lock:
            conflicts = 0
            while (fields := self._pending.next_fields(self._landed)) is not None:
                try:
                    self._write(fields)
                except (AlreadyExists, FailedPrecondition, NotFound, PermissionDenied) as refusal:
                    conflicts += 1
                    known = self._version
                    self._read()
                    # The rules are asked about what is there, before the version is looked at.
                    denied = isinstance(refusal, PermissionDenied) and self._version == known
                    if denied and self._shrinks():
                        continue
                    if denied or conflicts > MAX_CONFLICTS:
                        raise
                else:
                    self._pending.wrote()

    def _write(self, fields: dict[str, Any]) -> None:
        ref = self._client.document(self.path)
        if self._landed is None:
            result = ref.create(fields)
            self._landed = {}
        else:
            unchanged = self._client.write_option(last_update_time=self._version)
            result = ref.update(fields, option=unchanged)
        self._landed.update(fields)
        self._version = result.update_time
        self.written_s = time.monotonic()
        self._on_write(self.path, result.update_time, fields)

    def _shrinks(self) -> bool:
        shrink: Callable[[], bool] | None = getattr(self._pending, "shrink", None)
        return shrink is not None and shrink()

    def _read(self) -> None:
        found = self._client.document(self.path).get()
        self._landed = found.to_dict() if found.exists else None
        self._version = found.update_time


class Writer:
    """The thread that writes documents when they are due. Trouble is logged and tried again."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._due: dict[Document, float] = {}
        self._beats: Heartbeats[Document] = Heartbeats()
        self._writing: Document | None = None
        self._closing = False
        self._flushing = 0
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="tachograph", daemon=True)
        self._thread.start()

    def soon(self, document: Document, *, now: bool = False, within_s: float | None = None) -> None:
        """Have a document written: within the interval or `within_s`, or as soon as may be."""
        with self._changed:
            if now or within_s is not None or document not in self._due:
                wait_s = self._interval_s if within_s is None else within_s
                due_s = time.monotonic() + (0 if now or self._flushing else wait_s)
                self._due[document] = min(due_s, self._due.get(document, due_s))
                self._changed.notify_all()

    def keep_alive(self, document: Document, beat: Callable[[], None], every_s: float) -> None:
        """Have `beat` say something of a document whenever it was not written for so long."""
        with self._changed:
            self._beats.keep(document, beat, every_s)
            self._changed.notify_all()

    def let_go(self, document: Document) -> None:
        """Keep a document alive no more."""
        with self._changed:
            self._beats.let_go(document)

    def make_room(self, timeout_s: float) -> None:
        """Wait a little where documents come faster than they can be written."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._due) <= BACKLOG, timeout_s)

    def flush(self, timeout_s: float) -> bool:
        """Write everything that waits; False when something is left after the timeout."""
        with self._changed:
            self._due = dict.fromkeys(self._due, 0.0)
            self._flushing += 1
            self._changed.notify_all()
            flushed = self._changed.wait_for(self._idle, timeout_s)
            self._flushing -= 1
            return flushed

    def close(self, timeout_s: float) -> bool:
        """Write everything and end the thread; False when something was left unwritten."""
        flushed = self.flush(timeout_s)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout_s)
        return flushed

    def _idle(self) -> bool:
        return not self._due and self._writing is None

    def _run(self) -> None:
        while (document := self._next()) is not None:
            try:
                document.flush()
            except (GoogleAPICallError, RetryError) as trouble:
                _log.warning("%s is not written yet: %s", document.path, trouble)
                with self._changed:
                    self._due.setdefault(document, time.monotonic() + self._interval_s)
            finally:
                with self._changed:
                    self._writing = None
                    self._changed.notify_all()

    def _next(self) -> Document | None:
        """Wait for the document that is due first and take it; None when it is time to end."""
        with self._changed:
            while not self._closing:
                now_s = time.monotonic()
                for silent in self._beats.due(now_s):
                    self._due.setdefault(silent, now_s)
                first = min(self._due, key=self._due.__getitem__, default=None)
                if first is not None and self._due[first] <= now_s:
                    del self._due[first]
                    self._writing = first
                    return first
                next_s = self._beats.next_s if first is None else self._due[first]
                next_s = min(next_s, self._beats.next_s)
                self._changed.wait(None if next_s == inf else next_s - now_s)
            return None
