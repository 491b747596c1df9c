"""Making the shards say what the ledger says, while events go on arriving.

What an hour lacks is computed from entries and shards as of one moment, and added as increments: an
event that is counted meanwhile is in neither side, and increments commute. The repair leaves an
entry of its own under a key that names the repairs before it, so of two rebuilds of one hour at
once, one is refused. It is no part of any document's chain, nor of the hour's sum.
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
from tachograph_schema.counters.dimensions import bounded
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.paths import SHARDS, DocumentPath, correction_key
from tachograph_schema.periods import hour_of, hours_before

assert SHARDS not in COLLECTIONS  # noqa: S101 - or a repair would be a document's entry


@dataclass(frozen=True, slots=True)
class Repair:
    """What an hour's shards lack, and whether what is published differs from what they will be."""

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
    """Yield the hours from `first` to `last` that are not what they should be.

    From the ledger, exactly, those it holds whole, no entry having been removed since `since`; the
    others are named in `forgotten`. `from_documents` has those, too: totals are exact, but what a
    document that is still there counted for then is all put in one hour, and what has been deleted
    since is taken away.
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
    """Add what an hour lacks; False when another rebuild has. It is published by `finish`."""
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
    """Publish what was mended, and every sum that is not one; return which were not."""
    publish(db, fleet)
    stale = stale_sums(db, fleet)
    days = [name.removeprefix("day_") for name in stale if name.startswith("day_")]
    mondays = [_monday(name.removeprefix("week_")) for name in stale if name.startswith("week_")]
    publish_sums(db, fleet, [*days, *mondays])
    mend_total(db, fleet)
    return stale


def stale_sums(db: firestore.Client, fleet: str) -> list[str]:
    """Name the days, the weeks and the total that are not the sums of their parts."""
    check = check_sums(db, fleet, moment(db, fleet), set())
    return [name for name, _ in check.findings]


def _monday(week: str) -> str:
    return date.fromisoformat(f"{week}-1").isoformat()


def _repair(db: firestore.Client, fleet: str, hour: Hour, expected: Cells, at: datetime) -> Repair:
    missing = delta(hour.shards, expected)
    stale = not hour.dirty and published(db, fleet, hour.hour, at) != bounded(expected)
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
        for hour, cells in _by_hour(chain, last):
            if first <= hour <= last:
                expected[hour] = add(expected.get(hour, {}), cells)
    found = {hour.hour: hour for hour in hours(db, fleet, first, last, at)}
    for name in sorted(expected.keys() | found.keys()):
        there = found.get(
            name, Hour(name, 0, {}, {}, begun="", dirty=False, repairs=(), repaired="")
        )
        repair = _repair(db, fleet, there, expected.get(name, {}), at)
        if repair.missing or repair.stale:
            yield repair


def _by_hour(chain: Chain, last_unknown: str) -> Iterator[tuple[str, Cells]]:
    """Tell by hour what a document was counted for: as the ledger says, and the rest.

    The rest was counted in hours the ledger has forgotten: the document's own, or, where it has
    gone on since, the one it was made in.
    """
    for entry in chain.entries:
        yield entry.hour, entry.delta
    if chain.now is not None and hour_of(_made(chain)) <= last_unknown:
        rest = delta(add_up(entry.delta for entry in chain.entries), chain.now.after)
        own = chain.now.hour
        yield (own if own <= last_unknown else hour_of(_made(chain))), rest


def _made(chain: Chain) -> datetime:
    made: datetime = chain.document.create_time  # type: ignore[union-attr]  # there is a state
    return made
