"""Verification: ledger, shards, rollups and documents compared, each with its exact difference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from google.cloud import firestore

from events.change import stamp
from publishing.rollups import TOTAL
from repair.gaps import State, lost, restated
from repair.history import chains
from repair.sweep import MAX_AT_ONCE, RETRY_WINDOW, known_since, read_marker
from runtime.firestore import pages
from tachograph_cli.repair.hours import hours, moment, published, published_rollup, whole
from tachograph_schema.counters.cells import Cells, add, add_up, delta
from tachograph_schema.counters.fit import fit
from tachograph_schema.counters.names import FLEET
from tachograph_schema.counters.scopes import canonical_cells
from tachograph_schema.counters.size import saturated_cells
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.paths import REJECTED, ROLLUPS, SHARDS
from tachograph_schema.periods import day_of, rollup_id, week_of

if TYPE_CHECKING:
    _Snapshot = firestore.DocumentSnapshot[Any]

MAX_FINDINGS = 1000
_LAST = "9999"


@dataclass
class Check:
    """One promise, how many things were compared with it, and which of them break it."""

    name: str
    promise: str
    noun: str
    looked: int = 0
    wrong: int = 0
    waiting: int = 0
    """Things that may still come right: events on their way, hours that are not published yet."""
    forgotten: int = 0
    """Things that cannot be compared any more, because the ledger has removed their entries."""
    difference: Cells = field(default_factory=dict)
    """The sum of all differences: stored minus expected."""
    findings: list[tuple[str, Cells]] = field(default_factory=list)
    """The place and the size of each difference, the first 1,000."""

    def compare(self, where: str, stored: Cells, expected: Cells) -> None:
        """Count one comparison, and note its difference, if any."""
        self.looked += 1
        self.note(where, delta(expected, stored))

    def note(self, where: str, difference: Cells) -> None:
        """Note a difference, if it is one."""
        if difference:
            self.wrong += 1
            self.difference = add(self.difference, difference)
            if len(self.findings) < MAX_FINDINGS:
                self.findings.append((where, difference))


@dataclass
class LetGo:
    """The fields that could not be read, in the documents as they stand, and so count for nothing.

    Bad fields break no promise, since each costs itself alone; they are named, so that whoever
    wrote them can mend them.
    """

    documents: int = 0
    fields: int = 0
    findings: list[tuple[str, str]] = field(default_factory=list)
    """The document and the problem of each, the first 1,000."""

    def add(self, state: State) -> None:
        """Note what could not be read of a document."""
        self.documents += bool(state.problems)
        self.fields += len(state.problems)
        room = MAX_FINDINGS - len(self.findings)
        self.findings += [(str(state.path), str(p)) for p in state.problems[:room]]


@dataclass
class Verification:
    """The result of all checks."""

    fleet: str
    as_of: datetime
    known_since: str
    checks: list[Check]
    restated: int
    """The number of documents counted by other labels, tiers or prices than today's."""
    let_go: LetGo

    @property
    def holds(self) -> bool:
        """Whether every check holds."""
        return not any(check.wrong for check in self.checks)


def verify(
    db: firestore.Client, fleet: str, policy: Fleet, *, all_ages: bool = False
) -> Verification:
    """Check the ledger, the shards, the rollups and the documents against each other.

    `all_ages` takes events that may still be on their way as lost. Everything is read as of one
    moment, which Firestore keeps for an hour: two reads for each ledger entry, and one for each
    document, shard and rollup. One hour's counters are in memory at a time.
    """
    at = moment(db, fleet)
    since = known_since(read_marker(db, fleet), policy, at)
    young = at if all_ages else at - RETRY_WINDOW
    let_go = LetGo()
    chain, documents, restatements = _check_chains(db, fleet, policy, at, since, young, let_go)
    shards, rollups, unpublished = _check_hours(db, fleet, at, since)
    sums = check_sums(db, fleet, at, unpublished)
    checks = [chain, documents, shards, rollups, sums]
    return Verification(fleet, at, since, checks, restatements, let_go)


def _check_chains(
    db: firestore.Client,
    fleet: str,
    policy: Fleet,
    at: datetime,
    since: str,
    young: datetime,
    let_go: LetGo,
) -> tuple[Check, Check, int]:
    chain = Check("ledger", "no event is missing between two entries", "entries")
    documents = Check("documents", "the last entry is how the document stands", "documents")
    restatements = 0
    refused = _refused(db, fleet, at)
    for link in chains(db, fleet, policy, read_time=at, most=MAX_AT_ONCE):
        chain.looked += len(link.entries) - link.overlap
        if link.now is not None:
            documents.looked += 1
            let_go.add(link.now)
        restatements += bool(restated(link.entries, link.now))
        for gap in lost(link.entries, link.now, since, link.begun):
            check = documents if gap.later is link.now else chain
            if gap.later.update_time > stamp(young) and gap.key not in refused:
                check.waiting += 1
            else:
                trees = {f"tree:{root}": row for root, row in gap.trees.items()}
                check.note(str(link.path), delta(gap.delta | trees, {}))
    return chain, documents, restatements


def _refused(db: firestore.Client, fleet: str, at: datetime) -> set[str]:
    """Return the events that left an entry in `rejected/`: of those no retry is on its way."""
    rejected = db.collection("fleets", fleet, REJECTED).select([]).order_by("__name__")
    return {entry.id for entry in pages(rejected, at)}


def _check_hours(
    db: firestore.Client, fleet: str, at: datetime, since: str
) -> tuple[Check, Check, set[str]]:
    """Check the hours whose entries the ledger still holds, and return the unpublished hours.

    An older hour is counted as forgotten, never as right.
    """
    shards = Check("shards", "an hour is the sum of its ledger entries", "hours")
    rollups = Check("rollups", "what is published is that sum", "hours")
    unpublished = set()
    for hour in hours(db, fleet, "", _LAST, at):
        if not whole(hour, since):
            shards.forgotten += 1
            rollups.forgotten += 1
            continue
        shards.compare(hour.hour, hour.shards, hour.ledger)
        if hour.dirty:
            rollups.waiting += 1
            unpublished.add(hour.hour)
        else:
            rollups.compare(hour.hour, published(db, fleet, hour.hour, at), fit(hour.ledger).cells)
    dirty = db.collection("fleets", fleet, SHARDS).where(
        filter=firestore.FieldFilter("dirty", "==", value=True)
    )
    older = {shard.get("hour") for shard in dirty.select(["hour"]).stream(read_time=at)}
    return shards, rollups, unpublished | older


def check_sums(db: firestore.Client, fleet: str, at: datetime, unpublished: set[str]) -> Check:
    """Check that days, weeks and the total are sums; those of `unpublished` hours wait."""
    check = Check("sums", "days, weeks and the total are the sums of their parts", "periods")
    total: Cells = {}

    def of_days() -> Iterator[tuple[str, Cells]]:
        nonlocal total
        for hour, cells in _rollups(db, fleet, "hour", at):
            total = add(total, {FLEET: cells.get(FLEET, {})})
            yield day_of(hour), cells

    days = {day_of(hour) for hour in unpublished}
    weeks = {week_of(hour) for hour in unpublished}
    of_weeks = ((week_of(day), cells) for day, cells in _rollups(db, fleet, "day", at))
    for grain, parts, waiting in (("day", of_days(), days), ("week", of_weeks, weeks)):
        for period, same in groupby(parts, key=lambda part: part[0]):
            expected = fit(add_up(cells for _, cells in same)).cells
            if period in waiting:
                check.waiting += 1
            else:
                name = rollup_id(grain, period)  # type: ignore[arg-type]  # of the tuple above
                check.compare(name, published_rollup(db, fleet, name, at), expected)
    name = rollup_id("total", TOTAL)
    check.compare(name, published_rollup(db, fleet, name, at), saturated_cells(total))
    return check


def _rollups(
    db: firestore.Client, fleet: str, grain: str, at: datetime
) -> Iterator[tuple[str, Cells]]:
    """Yield the published counters of a grain by period, newest first, as its index has them."""
    of_grain = db.collection("fleets", fleet, ROLLUPS).where(
        filter=firestore.FieldFilter("grain", "==", grain)
    )
    newest = of_grain.order_by("period", direction=firestore.Query.DESCENDING)
    for rollup in pages(newest, at):
        yield rollup.get("period"), canonical_cells(rollup.get("c"))
