"""One document that this process writes, with a precondition on the version it wrote last.

The common case reads nothing. Where another process wrote in between, the document is read, and
only the fields that have not landed are added to it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any, Protocol

from google.api_core.exceptions import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
)
from google.cloud import firestore
from google.cloud.firestore_v1._helpers import encode_dict

from tachograph.firestore.pace import BACKGROUND
from tachograph.process.fork import begins_anew, call
from tachograph.process.warnings import words_of

_log = logging.getLogger("tachograph")
MAX_CONFLICTS = 20


class UnwritableError(Exception):
    """Fields that no attempt can write, and that nothing can be taken from."""


class Pending(Protocol):
    """The fields of one document that are not written yet."""

    def next_fields(self, landed: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Return the fields to write over `landed` (None: no document); None for nothing."""

    def wrote(self) -> None:
        """Forget the fields that `next_fields` returned last: they are in the database."""


class WriteObserver(Protocol):
    """Learns of every write of a process."""

    def wrote(self, path: str, update_time: Any, fields: Mapping[str, Any]) -> None:  # noqa: ANN401
        """Note a write, by its path, its update time and its fields."""


class CreateOnly:
    """Fields of a document that is only ever created; an existing one stays as it is."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = dict(fields)

    def next_fields(self, landed: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Return the fields, unless the document exists."""
        return self._fields if landed is None else None

    def wrote(self) -> None:
        """Do nothing: the document exists now."""


class Document:
    """One document, and the version of it that this process wrote or read last."""

    def __init__(
        self,
        client: firestore.Client,
        path: str,
        pending: Pending,
        observer: WriteObserver | None = None,
    ) -> None:
        self.path = path
        self._client = client
        self._pending = pending
        self._observer = observer
        self._lock = threading.Lock()
        self._landed: dict[str, Any] | None = None
        self._version: Any = None
        self.written_s = time.monotonic()
        """When it was written last, or else made, by the monotonic clock."""
        self.writes = 0
        """How often this process has written it."""
        begins_anew(self)

    @property
    def landed(self) -> Mapping[str, Any]:
        """The fields as this process wrote or read them last; none before that."""
        return self._landed or {}

    def read_as(self, landed: dict[str, Any], version: object) -> None:
        """Take the fields and the version that this process has just read or written."""
        self._landed, self._version = landed, version

    def forked(self) -> None:
        """Begin anew in a child: another thread of the parent may have held the lock."""
        self._lock = threading.Lock()

    def flush(self) -> None:
        """Write everything pending; raises Firestore's error where that is impossible.

        A part of it that cannot be written at all is set aside with a warning. Raises
        UnwritableError where that leaves nothing.
        """
        with self._lock:
            conflicts = 0
            self._ask("begin_flush")
            if self._version is None and self._ask("reads_first"):
                self._read()
            while (fields := self._next_fields()) is not None:
                try:
                    self._write(fields)
                except (AlreadyExists, FailedPrecondition, NotFound, PermissionDenied) as refusal:
                    conflicts += 1
                    version = self._version
                    self._read()
                    # The rules look at the stored document before the version is compared.
                    denied = isinstance(refusal, PermissionDenied) and self._version == version
                    if denied and self._ask("shrink"):
                        continue
                    if denied or conflicts > MAX_CONFLICTS:
                        raise
                except InvalidArgument as refusal:
                    self._set_aside(refusal)
                except Exception as trouble:
                    if _encodable(fields):  # so it is no fault of theirs
                        raise
                    self._set_aside(trouble)
                else:
                    self._pending.wrote()

    def _next_fields(self) -> dict[str, Any] | None:
        while True:
            try:
                return self._pending.next_fields(self._landed)
            except Exception as trouble:  # noqa: BLE001 - of whatever an agent has said
                self._set_aside(trouble)

    def _set_aside(self, trouble: Exception) -> None:
        """Take the part that cannot be written out of what is pending; what follows it goes on."""
        if self._ask("shrink"):
            return
        words = words_of(trouble)
        if not self._ask("set_aside"):
            raise UnwritableError(f"{self.path} cannot be written: {words}") from trouble
        _log.warning("%s: a part cannot be written and is left out: %s", self.path, words)

    def _write(self, fields: dict[str, Any]) -> None:
        reference = self._client.document(self.path)
        if self._landed is None:
            result = reference.create(fields, retry=BACKGROUND)
            self._landed = {}
        else:
            unchanged = self._client.write_option(last_update_time=self._version)
            result = reference.update(fields, option=unchanged, retry=BACKGROUND)
        self._landed.update(fields)
        self._version = result.update_time
        self.written_s = time.monotonic()
        self.writes += 1
        if self._observer is not None:
            self._observer.wrote(self.path, result.update_time, fields)

    def _ask(self, name: str) -> bool:
        """Ask the pending fields for what only some kinds of them can do; False where not."""
        able = getattr(self._pending, name, None)
        return able is not None and bool(able())

    def _read(self) -> None:
        with call():
            snapshot = self._client.document(self.path).get()
        self._landed = snapshot.to_dict() if snapshot.exists else None
        self._version = snapshot.update_time


def _encodable(fields: Mapping[str, Any]) -> bool:
    """Tell whether the client can put fields on the wire, wherever it would send them."""
    try:
        encode_dict({name: value for name, value in fields.items() if not _is_transform(value)})
    except Exception:  # noqa: BLE001 - whatever the client raises, it is a refusal
        return False
    return True


def _is_transform(value: object) -> bool:
    return type(value).__module__.endswith(".transforms")
