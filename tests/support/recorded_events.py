"""Real writes of documents, with the events that they make; no function reacts to them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from google.cloud import firestore

from counting.contribution import contribution, tree_row
from counting.ledger import record
from events.change import Change, stamp
from events.change import Version as Changed
from repair.gaps import Counted, Gap, State
from runtime import firestore as connections
from runtime.policy import policy
from support.wire.events import Version, Write
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.paths import DocumentPath, parse_path
from tachograph_schema.periods import reported_hour


class Recorder:
    """Writes a fleet's documents and records the event of each write, in their order."""

    def __init__(self, db: firestore.Client, fleet: str) -> None:
        for connection in (connections.db, connections.api, connections.metadata, connections.root):
            connection.cache_clear()
        self.db, self.fleet = db, fleet
        self.writes: list[Write] = []
        self._now: dict[str, Version] = {}

    def write(self, document: str, fields: Mapping[str, Any], collection: str = "tasks") -> Write:
        """Replace a document and return the write."""
        path = str(DocumentPath(self.fleet, collection, document))
        at: Any = self.db.document(path).set(dict(fields)).update_time
        before = self._now.get(path)
        created_at = at if before is None else before.created_at
        self._now[path] = Version(fields, at, created_at)
        return self._event(path, before, self._now[path])

    def delete(self, document: str, collection: str = "tasks") -> Write:
        """Delete a document and return the write."""
        path = str(DocumentPath(self.fleet, collection, document))
        self.db.document(path).delete()
        return self._event(path, self._now.pop(path), None)

    def _event(self, path: str, before: Version | None, after: Version | None) -> Write:
        self.writes.append(Write(path, before, after))
        return self.writes[-1]


def deliver(write: Write) -> bool:
    """Count an event as roll_up does, in this process; False where it was counted before."""
    path = parse_path(write.path)
    change = Change(path, changed(write.before), changed(write.after))
    fleet = policy(path.fleet)
    before, after = (
        contribution(path.collection, version, fleet) for version in (change.before, change.after)
    )
    return record(change, before, after, fleet)


def state_of(write: Write) -> State:
    """Return the counters of a document in the state that a write left."""
    path = parse_path(write.path)
    version = changed(write.after)
    assert version is not None
    counted = contribution(path.collection, version, Fleet())
    hour = reported_hour(counted.reported_at, version.written_at)
    return State(path, version.update_time, hour, counted.cells, version.created, counted.tree)


def closing(gap: Gap) -> Counted:
    """Return the entry that a sweep makes of a gap."""
    later = gap.later
    return Counted(
        later.path,
        later.update_time,
        later.hour,
        later.after,
        later.created,
        later.tree,
        gap.delta,
        gap.trees,
        "sweep",
    )


def trees_of(write: Write) -> dict[str, dict[str, int]]:
    """Return a document's counters in its tree, by root, in the state that a write left."""
    state = state_of(write)
    return tree_row(state.path.document, state.tree, state.after)


def changed(version: Version | None) -> Changed | None:
    if version is None:
        return None
    created = version.created_at
    return Changed(
        version.fields,
        _stamp(version.written_at),
        version.written_at,
        "" if created is None else _stamp(created),
    )


def _stamp(at: datetime) -> str:
    return stamp(at, getattr(at, "nanosecond", at.microsecond * 1000))
