"""Documents written for real, and the events that those writes make; nothing reacts to a write."""

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
    """Writes a fleet's documents and keeps the events, in the order of the writes."""

    def __init__(self, db: firestore.Client, fleet: str) -> None:
        for connection in (connections.db, connections.api, connections.metadata, connections.root):
            connection.cache_clear()
        self.db, self.fleet = db, fleet
        self.writes: list[Write] = []
        self._now: dict[str, Version] = {}

    def write(self, document: str, fields: Mapping[str, Any], collection: str = "tasks") -> Write:
        """Write a document, all of it."""
        path = str(DocumentPath(self.fleet, collection, document))
        at: Any = self.db.document(path).set(dict(fields)).update_time
        before = self._now.get(path)
        created_at = at if before is None else before.created_at
        self._now[path] = Version(fields, at, created_at)
        return self._event(path, before, self._now[path])

    def delete(self, document: str, collection: str = "tasks") -> Write:
        """Delete a document."""
        path = str(DocumentPath(self.fleet, collection, document))
        self.db.document(path).delete()
        return self._event(path, self._now.pop(path), None)

    def _event(self, path: str, before: Version | None, after: Version | None) -> Write:
        self.writes.append(Write(path, before, after))
        return self.writes[-1]


def deliver(write: Write) -> bool:
    """Count an event as roll_up does, in this process; False if it had been before."""
    path = parse_path(write.path)
    change = Change(path, changed(write.before), changed(write.after))
    fleet = policy(path.fleet)
    before, after = (
        contribution(path.collection, version, fleet) for version in (change.before, change.after)
    )
    return record(change, before, after, fleet)


def state_of(write: Write) -> State:
    """Say what a document counts for as a write left it."""
    path = parse_path(write.path)
    version = changed(write.after)
    assert version is not None
    found = contribution(path.collection, version, Fleet())
    hour = reported_hour(found.reported_at, version.written_at)
    return State(path, version.update_time, hour, found.cells, version.created, found.tree)


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
    """Return by root what a document counts for in a tree, as a write left it."""
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
