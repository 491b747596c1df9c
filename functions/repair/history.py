"""Reading a fleet's ledger beside its documents, one document at a time, in constant memory."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from google.cloud import firestore

from counting.contribution import COLLECTIONS, contribution
from events.change import Version, stamp
from repair.gaps import Counted, State
from runtime.firestore import fields_of, pages
from tachograph_schema.counters.scopes import canonical_cells
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.paths import FLEETS, LEDGER, DocumentPath, parse_path
from tachograph_schema.periods import reported_hour

if TYPE_CHECKING:
    _Snapshot = firestore.DocumentSnapshot[Any]


@dataclass(frozen=True, slots=True)
class Chain:
    """The ledger entries of one document, and the document itself, if it still exists.

    Where a document has more entries than are wanted at once, each part of the chain begins with
    the entries of the version that the part before ended with, and the last holds the document.
    """

    path: DocumentPath
    entries: tuple[Counted, ...]
    document: _Snapshot | None
    now: State | None
    begun: frozenset[str] = frozenset()
    """The lives of the document that have entries in the parts before."""
    overlap: int = 0
    """How many of the entries the part before had, too."""
    ends: bool = True

    @property
    def reads(self) -> int:
        """How many documents were read for it."""
        return len(self.entries) - self.overlap + (self.document is not None)


def chains(
    db: firestore.Client,
    fleet: str,
    policy: Fleet,
    *,
    after: str = "",
    read_time: datetime | None = None,
    most: int | None = None,
) -> Iterator[Chain]:
    """Yield every document that is counted or in the ledger, in the order of their paths.

    Both are read in that order, a page at a time, and merged: one read for each entry and each
    document. Begins behind the path `after`. A document with more than `most` entries comes in
    parts, because an agent decides how often it writes, and not how much memory that takes.
    """
    ledger = ((entry.get("path"), entry) for entry in _ledger(db, fleet, after, read_time))
    documents = (
        (str(DocumentPath(fleet, collection, found.id)), found)
        for collection in COLLECTIONS
        for found in _documents(db, fleet, collection, after, read_time)
    )
    for path, found in groupby(
        heapq.merge(ledger, documents, key=itemgetter(0)), key=itemgetter(0)
    ):
        parsed = parse_path(path)
        if parsed.collection not in COLLECTIONS:  # a repair of the shards, by rebuild
            continue
        yield from _parts(parsed, (snapshot for _, snapshot in found), policy, most)


def _parts(
    path: DocumentPath, snapshots: Iterable[_Snapshot], policy: Fleet, most: int | None
) -> Iterator[Chain]:
    entries: list[Counted] = []
    document, begun, overlap = None, frozenset[str](), 0
    for snapshot in snapshots:
        if snapshot.reference.path == str(path):
            document = snapshot
            continue
        entry = counted(snapshot)
        if (
            most
            and len(entries) >= max(most, overlap + 1)
            and entry.update_time != entries[-1].update_time
        ):
            yield Chain(path, tuple(entries), None, None, begun, overlap, ends=False)
            begun |= {earlier.created for earlier in entries}
            entries = [e for e in entries if e.update_time == entries[-1].update_time]
            overlap = len(entries)
        entries.append(entry)
    now = state(path, document, policy)
    yield Chain(path, tuple(entries), document, now, begun, overlap)


def counted(entry: _Snapshot) -> Counted:
    """Read a ledger entry."""
    fields = fields_of(entry)
    return Counted(
        parse_path(fields["path"]),
        fields["update_time"],
        fields["hour"],
        canonical_cells(json.loads(fields["after"])),
        fields.get("created", ""),
        fields.get("tree"),
        canonical_cells(json.loads(fields["delta"])),
        json.loads(fields.get("trees", "{}")),
        fields.get("correction"),
    )


def state(path: DocumentPath, document: _Snapshot | None, policy: Fleet) -> State | None:
    """Return the counters of a document as it stands."""
    if document is None or not document.exists:
        return None
    at = document.update_time
    version = Version(fields_of(document), version_of(at), at, version_of(document.create_time))
    counts = contribution(path.collection, version, policy)
    hour = reported_hour(counts.reported_at, at)
    return State(
        path,
        version.update_time,
        hour,
        counts.cells,
        version.created,
        counts.tree,
        problems=counts.problems,
    )


def version_of(update_time: Any) -> str:  # noqa: ANN401 - DatetimeWithNanoseconds
    """Write a snapshot's instant as its event does."""
    return stamp(update_time, update_time.nanosecond)


def _ledger(
    db: firestore.Client, fleet: str, after: str, read_time: datetime | None
) -> Iterator[_Snapshot]:
    ordered = db.collection("fleets", fleet, LEDGER).order_by("path").order_by("update_time")
    if after:
        ordered = ordered.where(filter=firestore.FieldFilter("path", ">", after))
    return pages(ordered, read_time)


def _documents(
    db: firestore.Client, fleet: str, collection: str, after: str, read_time: datetime | None
) -> Iterator[_Snapshot]:
    within = f"{FLEETS}/{fleet}/{collection}/"
    if after > within and not after.startswith(within):
        return iter(())
    ref = db.collection("fleets", fleet, collection)
    ordered = ref.order_by("__name__")
    if after.startswith(within):
        last = ref.document(after.removeprefix(within))
        ordered = ordered.where(filter=firestore.FieldFilter("__name__", ">", last))
    return pages(ordered, read_time)
