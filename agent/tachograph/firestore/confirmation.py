"""Knowing that the writes of this process have been counted and published."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.cloud import firestore

from tachograph.process.fork import begins_anew
from tachograph_schema.paths import LEDGER, SHARDS, TASKS, DocumentPath, ledger_key

_PAGE = 300
_LOOK_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class Settled:
    """How far the functions have come."""

    counted: int
    """Writes that are in the ledger."""
    pending: int
    """Writes that are not, yet."""
    published: bool
    """Whether the rollups hold everything that was counted."""


class UncountedWrites:
    """The writes of reports by this process whose ledger entries have not been seen.

    The ledger is asked for a page of 300 whenever 600 have gathered. So memory stays small, and a
    writer that runs ahead of the functions is held back.
    """

    def __init__(self, client: firestore.Client, fleet: str) -> None:
        self._client, self._fleet = client, fleet
        self._waiting: deque[str] = deque()
        self._counted = 0
        self._lock = threading.Lock()
        begins_anew(self)

    def forked(self) -> None:
        """Begin anew in a child: the parent waits for its own writes."""
        self._lock, self._waiting = threading.Lock(), deque()

    def wrote(self, path: str, update_time: Any, fields: Mapping[str, Any]) -> None:  # noqa: ANN401 - DatetimeWithNanoseconds
        """Remember one write, where it reports of a task."""
        if f"/{TASKS}/" not in path or "reports" not in fields:
            return
        stamp = datetime.fromtimestamp(update_time.timestamp(), UTC)
        nanos = update_time.nanosecond
        key = ledger_key(path, f"{stamp:%Y-%m-%dT%H:%M:%S}.{nanos:09d}Z")
        with self._lock:
            self._waiting.append(key)
            if len(self._waiting) >= 2 * _PAGE:
                self._look()

    def settle(self, timeout_s: float) -> Settled:
        """Wait until everything is counted and published, or `timeout_s` seconds have passed."""
        deadline = time.monotonic() + timeout_s
        published = False
        while not (published := self._look_all() and self._published()):
            if time.monotonic() > deadline:
                break
            time.sleep(_LOOK_EVERY_S)
        return Settled(self._counted, len(self._waiting), published)

    def _look_all(self) -> bool:
        with self._lock:
            for _ in range(-(-len(self._waiting) // _PAGE)):
                self._look()
            return not self._waiting

    def _look(self) -> None:
        """Read the oldest page's ledger entries; those that do not exist yet go to the end."""
        page = [self._waiting.popleft() for _ in range(min(_PAGE, len(self._waiting)))]
        refs = [self._client.document(str(DocumentPath(self._fleet, LEDGER, key))) for key in page]
        counted = {
            entry.id for entry in self._client.get_all(refs, field_paths=["hour"]) if entry.exists
        }
        self._counted += len(counted)
        self._waiting.extend(key for key in page if key not in counted)

    def _published(self) -> bool:
        shards = self._client.collection("fleets", self._fleet, SHARDS)
        dirty = shards.where(filter=firestore.FieldFilter("dirty", "==", value=True))
        return not dirty.limit(1).get()
