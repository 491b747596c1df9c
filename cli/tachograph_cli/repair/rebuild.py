"""Rebuilding of shards from the ledger, while events go on arriving.

The missing counters of an hour are computed from entries and shards as of one moment, and added as
increments: an event that is counted meanwhile is in neither side, and increments commute. A repair
leaves an entry of its own, whose key names the earlier repairs of the hour, so that only one of two
simultaneous rebuilds succeeds. That entry belongs to no document's chain and to no hour's sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from google.cloud import firestore

from counting.commit import Entry
from counting.contribution import COLLECTIONS
from counting.ledger import apply, documents_of
from events.change import stamp
from publishing.rollups import mend_total, publish, publish_sums
from repair.history import Chain, chains
from tachograph_cli.repair.hours import Hour, first_whole_hour, hours, moment, published, whole
from tachograph_cli.repair.verify import check_sums
from tachograph_schema.counters.cells import Cells, add, add_up, delta
from tachograph_schema.counters.fit import fit
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.paths import SHARDS, DocumentPath, correction_key
from tachograph_schema.periods import hour_of, hours_before

assert SHARDS not in COLLECTIONS  # noqa: S101 - or a repair would be a document's entry


@dataclass(frozen=True, slots=True)
class Repair:
    """The counters missing from an hour's shards, and whether its rollup is stale."""

    hour: str
    missing: Cells
    stale: bool
    repairs: tuple[str, ...]
    before: Cells
    after: Cells


def repairs(
    db: firestore.Client,
    fleet: str,
    policy: Fleet,
    first: str,
    last: str,
    *,
    since: str,
    forgotten: list[str],
    from_documents: bool = False,
) -> Iterator[Repair]:
    """Yield the repairs of the hours from `first` to `last` that are wrong.

    An hour whose entries the ledger still holds is repaired exactly; `since` is the moment,
    RFC 3339, after which no entry has been removed. An older hour is appended to `forgotten`.
    `from_documents` repairs older hours too: totals are exact then, but all that a document counted
    for in older hours goes into one of them, and deleted documents no longer count.
    """
    at = moment(db, fleet)
    begin = first_whole_hour(since)
    if from_documents and first < begin:
        end = min(last, hours_before(begin, 1))
        yield from _of_documents(db, fleet, policy, first, end, at)
        first = begin
    for hour in hours(db, fleet, first, last, at):
        if not whole(hour, since):
            forgotten.append(hour.hour)
            continue
        repair = _repair(db, fleet, hour, hour.ledger, at)
        if repair.missing or repair.stale:
            yield repair


def mend(db: firestore.Client, fleet: str, policy: Fleet, repair: Repair) -> bool:
    """Add an hour's missing counters; False when another rebuild has. `finish` publishes them."""
    if not repair.missing:
        return _republish(db, fleet, repair.hour)
    path = DocumentPath(fleet, SHARDS, repair.hour)
    now = stamp(moment(db, fleet))
    entry = Entry(
        path=path,
        key=correction_key("rebuild", str(path), *repair.repairs),
        update_time=now,
        hour=repair.hour,
        delta=repair.missing,
        after={},
        spread=repair.hour,
        correction="rebuild",
    )
    return apply(entry, documents_of(policy))


def finish(db: firestore.Client, fleet: str) -> list[str]:
    """Publish the repaired hours and every wrong sum; return the ids of the wrong sums."""
    publish(db, fleet)
    stale = stale_sums(db, fleet)
    days = [name.removeprefix("day_") for name in stale if name.startswith("day_")]
    mondays = [_monday(name.removeprefix("week_")) for name in stale if name.startswith("week_")]
    publish_sums(db, fleet, [*days, *mondays])
    mend_total(db, fleet)
    return stale


def stale_sums(db: firestore.Client, fleet: str) -> list[str]:
    """Return the ids of the days, the weeks and the total that are not the sums of their parts."""
    check = check_sums(db, fleet, moment(db, fleet), set())
    return [name for name, _ in check.findings]


def _monday(week: str) -> str:
    return date.fromisoformat(f"{week}-1").isoformat()


def _repair(db: firestore.Client, fleet: str, hour: Hour, expected: Cells, at: datetime) -> Repair:
    missing = delta(hour.shards, expected)
    stale = not hour.dirty and published(db, fleet, hour.hour, at) != fit(expected).cells
    return Repair(hour.hour, missing, stale, hour.repairs, hour.shards, expected)


def _republish(db: firestore.Client, fleet: str, hour: str) -> bool:
    shards = db.collection("fleets", fleet, SHARDS).where(
        filter=firestore.FieldFilter("hour", "==", hour)
    )
    for shard in shards.limit(1).stream():
        shard.reference.update({"dirty": True})
        return True
    return False


def _of_documents(
    db: firestore.Client, fleet: str, policy: Fleet, first: str, last: str, at: datetime
) -> Iterator[Repair]:
    expected: dict[str, Cells] = {}
    for chain in chains(db, fleet, policy, read_time=at):
        for counted, cells in _by_hour(chain, last):
            if first <= counted <= last:
                expected[counted] = add(expected.get(counted, {}), cells)
    stored = {hour.hour: hour for hour in hours(db, fleet, first, last, at)}
    for name in sorted(expected.keys() | stored.keys()):
        empty = Hour(name, 0, {}, {}, begun="", dirty=False, repairs=(), repaired="")
        hour = stored.get(name, empty)
        repair = _repair(db, fleet, hour, expected.get(name, {}), at)
        if repair.missing or repair.stale:
            yield repair


def _by_hour(chain: Chain, last_unknown: str) -> Iterator[tuple[str, Cells]]:
    """Yield what a document was counted for, by hour: the ledger's entries, and the rest.

    The rest was counted in an hour whose entries are gone: the document's own hour, or the hour of
    its creation where its own is after `last_unknown`.
    """
    for entry in chain.entries:
        yield entry.hour, entry.delta
    if chain.now is not None and hour_of(_created(chain)) <= last_unknown:
        rest = delta(add_up(entry.delta for entry in chain.entries), chain.now.after)
        own = chain.now.hour
        yield (own if own <= last_unknown else hour_of(_created(chain))), rest


def _created(chain: Chain) -> datetime:
    created: datetime = chain.document.create_time  # type: ignore[union-attr]  # there is a state
    return created
