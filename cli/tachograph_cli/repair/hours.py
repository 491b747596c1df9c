"""The counters of each hour in the ledger, the shards and the rollups, as of one moment."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from google.cloud import firestore

from counting.contribution import COLLECTIONS
from events.change import stamp
from runtime.firestore import pages
from tachograph_schema.counters.cells import Cells, add, add_into, prune
from tachograph_schema.counters.dimensions import as_counted
from tachograph_schema.counters.scopes import canonical_cells
from tachograph_schema.paths import LEDGER, ROLLUPS, SHARDS, parse_path
from tachograph_schema.periods import hour_of, rollup_id

if TYPE_CHECKING:
    _Snapshot = firestore.DocumentSnapshot[Any]


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour in the ledger and in the shards."""

    hour: str
    entries: int
    ledger: Cells
    shards: Cells
    begun: str
    """The creation of the first of its shards, RFC 3339; empty where there is none."""
    dirty: bool
    """Whether there are changes that are not published yet."""
    repairs: tuple[str, ...]
    """The ids of the entries that rebuilds left; `entries` and `ledger` leave them out."""
    repaired: str
    """The creation of the first of those, RFC 3339; empty where there is none."""


def whole(hour: Hour, since: str) -> bool:
    """Tell whether the ledger still holds every entry of an hour.

    `since` is the moment, RFC 3339, after which no entry has been removed. An hour is whole where
    it began later, or where its first shard is younger: imported history has shards younger than
    its hour. Shards that a rebuild made prove nothing about entries.
    """
    counted = bool(hour.begun) and (not hour.repaired or hour.begun < hour.repaired)
    return hour.hour >= first_whole_hour(since) or (counted and hour.begun >= since)


def first_whole_hour(since: str) -> str:
    """Return the first hour all of whose entries are younger than `since`, RFC 3339."""
    return hour_of(datetime.fromisoformat(since[:19] + "+00:00") + timedelta(hours=1))


def moment(db: firestore.Client, fleet: str) -> datetime:
    """Return the database's present; all reads as of that moment see one state."""
    at: datetime = db.document("fleets", fleet).get(["name"]).read_time
    return at


def hours(db: firestore.Client, fleet: str, first: str, last: str, at: datetime) -> Iterator[Hour]:
    """Yield every hour of the ledger or the shards from `first` to `last`, one at a time.

    Hours are such as 2026-02-16T18; everything is read as of the moment `at`.
    """
    entries = _of_hours(db, fleet, LEDGER, first, last).select(["hour", "delta", "folded", "path"])
    shards = _of_hours(db, fleet, SHARDS, first, last)
    merged = heapq.merge(
        ((entry.get("hour"), entry) for entry in pages(entries, at)),
        ((shard.get("hour"), shard) for shard in pages(shards, at)),
        key=itemgetter(0),
    )
    for hour, snapshots in groupby(merged, key=itemgetter(0)):
        yield _hour(hour, (snapshot for _, snapshot in snapshots))


def published(db: firestore.Client, fleet: str, hour: str, at: datetime) -> Cells:
    """Return an hour's published counters, as of the moment `at`."""
    return published_rollup(db, fleet, rollup_id("hour", hour), at)


def published_rollup(db: firestore.Client, fleet: str, name: str, at: datetime) -> Cells:
    """Return the counters of a rollup by its id, such as day_2026-02-16, as of the moment `at`."""
    [rollup] = db.get_all([db.document("fleets", fleet, ROLLUPS, name)], read_time=at)
    return canonical_cells((rollup.to_dict() or {}).get("c", {}))


def _hour(hour: str, snapshots: Iterable[_Snapshot]) -> Hour:
    ledger: Cells = {}
    shards: Cells = {}
    entries, begun, repaired, dirty, repairs = 0, "", "", False, []
    for snapshot in snapshots:
        fields = snapshot.to_dict() or {}
        if "c" in fields or "dirty" in fields:
            shards = add(shards, canonical_cells(fields.get("c", {})))
            dirty = dirty or bool(fields.get("dirty"))
            created = stamp(snapshot.create_time)
            begun = min(begun or created, created)
        elif parse_path(fields["path"]).collection in COLLECTIONS:
            delta = canonical_cells(json.loads(fields["delta"]))
            add_into(ledger, as_counted(delta, fields.get("folded")))
            entries += 1
        else:
            repairs.append(snapshot.id)
            created = stamp(snapshot.create_time)
            repaired = min(repaired or created, created)
    ids = tuple(sorted(repairs))
    return Hour(hour, entries, prune(ledger), shards, begun, dirty, ids, repaired)


def _of_hours(
    db: firestore.Client, fleet: str, collection: str, first: str, last: str
) -> firestore.Query:
    return (
        db.collection("fleets", fleet, collection)
        .where(filter=firestore.FieldFilter("hour", ">=", first))
        .where(filter=firestore.FieldFilter("hour", "<=", last))
        .order_by("hour")
    )
