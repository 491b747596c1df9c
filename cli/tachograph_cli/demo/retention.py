"""Retention in an emulator, which has none: what a long demo no longer needs goes.

The emulator holds every version of a document of the last 5 minutes in memory, and frees the older
ones only when the document changes again. Deleting alone frees nothing: a document is emptied, and
deleted 6 minutes later. Tasks and sessions stay, because their counters would go with them.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.cloud import firestore
from google.cloud.firestore import FieldFilter

from tachograph_schema.paths import FLEETS, LEDGER, SHARDS, SWEEPS
from tachograph_schema.periods import hour_of

if TYPE_CHECKING:
    Reference = firestore.DocumentReference
    Snapshot = firestore.DocumentSnapshot[Any]

KEEP = timedelta(hours=1)
"""The age of ledger entries that go; in the cloud it is 90 days."""
VERSIONS = timedelta(minutes=6)
"""The time after which the emulator no longer needs a version."""
AT_ONCE = 400  # of the 500 writes that one commit may have
EVERY_S = 60.0


class Retention:
    """The passes over one fleet; each reads and writes at most some hundred documents."""

    def __init__(self, db: firestore.Client, fleet: str) -> None:
        """`db` is a client of an emulator that no rule binds."""
        self._db = db
        self._fleet = db.document(FLEETS, fleet)
        self._emptied: deque[tuple[datetime, Reference]] = deque()
        self._ended_hours: set[str] = set()

    def run(self) -> None:
        """Make a pass each minute; one that fails is made again by the next."""
        while True:
            time.sleep(EVERY_S)
            with suppress(GoogleAPICallError, RetryError):
                self.pass_over(datetime.now(UTC))

    def pass_over(self, now: datetime) -> None:
        """Delete what was emptied, empty old ledger entries, and free old versions of shards."""
        self._delete(now)
        self._empty(now)
        self._free_versions(now)

    def _delete(self, now: datetime) -> None:
        batch = self._db.batch()
        for _ in range(min(AT_ONCE, len(self._emptied))):
            emptied_at, reference = self._emptied[0]
            if now - emptied_at < VERSIONS:
                break
            batch.delete(reference)
            self._emptied.popleft()
        batch.commit()

    def _empty(self, now: datetime) -> None:
        """Empty entries; the sweep's document says since when the ledger is whole."""
        marker = self._fleet.collection(SWEEPS).document("now")
        sweep = marker.get()
        if not sweep.exists:
            return  # no tick has made a round yet
        entries = self._fleet.collection(LEDGER).order_by("hour").limit(AT_ONCE).stream()
        old = [entry for entry in entries if _created(entry) < now - KEEP]
        if not old:
            return
        known_since = (now - KEEP).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        marker.update({"known_since": max(sweep.get("known_since"), known_since)})
        batch = self._db.batch()
        for entry in old:
            batch.set(entry.reference, {})
            self._emptied.append((now, entry.reference))
        batch.commit()

    def _free_versions(self, now: datetime) -> None:
        """Change the shards of hours that have ended once; no function and no reader heeds it."""
        current = hour_of(now - VERSIONS)
        shards = self._fleet.collection(SHARDS)
        from_last = FieldFilter("hour", ">=", max(self._ended_hours, default=""))
        ended = shards.where(filter=from_last).where(filter=FieldFilter("hour", "<", current))
        batch, hours = self._db.batch(), []
        for shard in ended.order_by("hour").limit(AT_ONCE).stream():
            hours.append(shard.get("hour"))
            if hours[-1] not in self._ended_hours:
                batch.update(shard.reference, {"freed_at": now})
        batch.commit()
        whole = hours if len(hours) < AT_ONCE else [hour for hour in hours if hour != hours[-1]]
        self._ended_hours.update(whole)


def _created(snapshot: Snapshot) -> datetime:
    created: datetime = snapshot.create_time
    return created
