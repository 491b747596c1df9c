"""The contributions of writes, computed again: the rollups are compared with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from google.cloud import firestore

from counting.contribution import contribution
from events.change import Version as Counted
from publishing.rollups import publish
from support.wire.events import Version, Write
from tachograph_schema.counters.cells import Cells, add, delta
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.paths import ROLLUPS, DocumentPath, parse_path
from tachograph_schema.periods import reported_hour


def cells_of(path: str, version: Version | None) -> Cells:
    """Return what one version of a document counts for."""
    counted = None if version is None else _counted(version)
    return contribution(parse_path(path).collection, counted, Fleet()).cells


def hours_of(writes: Iterable[Write]) -> dict[str, Cells]:
    """Return what writes add up to by the hour, each taken once."""
    hours: dict[str, Cells] = {}
    for write in writes:
        if write.after is None:
            continue
        counted = contribution(parse_path(write.path).collection, _counted(write.after), Fleet())
        hour = reported_hour(counted.reported_at, write.after.written_at)
        change = delta(cells_of(write.path, write.before), counted.cells)
        hours[hour] = add(hours.get(hour, {}), change)
    return {hour: cells for hour, cells in hours.items() if cells}


def published(db: firestore.Client, fleet: str) -> dict[str, Cells]:
    """Publish what is dirty and return every rollup's counters by its id."""
    publish(db, fleet)
    rollups = db.collection("fleets", fleet, ROLLUPS).stream()
    found: dict[str, dict[str, Any]] = {doc.id: doc.to_dict() or {} for doc in rollups}
    return {name: doc["c"] for name, doc in found.items() if doc["c"]}


def rollup(db: firestore.Client, fleet: str, name: str) -> dict[str, Any]:
    """Return one published rollup."""
    return db.document(str(DocumentPath(fleet, ROLLUPS, name))).get().to_dict() or {}


def _counted(version: Version) -> Counted:
    return Counted(version.fields, "", version.written_at)


def of_grain(rollups: Mapping[str, Cells], grain: str) -> dict[str, Cells]:
    """Return the published rollups of one grain, by period."""
    return {
        name.partition("_")[2]: c for name, c in rollups.items() if name.startswith(f"{grain}_")
    }
