"""sweeps/now: the search for events that never came, and the counting of their changes.

A pass reads the whole ledger and every document in the order of their paths, one round an hour, and
begins at most once a day. It costs one read for each entry and each document, and a commit for each
gap.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from google.api_core.exceptions import AlreadyExists, FailedPrecondition, InvalidArgument
from google.cloud import firestore

from counting.commit import Entry
from counting.ledger import apply, documents_of
from events.change import stamp
from repair.gaps import Gap, lost
from repair.history import chains
from runtime.cache import Cache
from runtime.firestore import document, unchanged
from runtime.policy import MAX_FLEETS
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.documents.ledger import Sweep
from tachograph_schema.paths import NOW, SWEEPS, DocumentPath
from tachograph_schema.periods import hour_of

_log = logging.getLogger(__name__)
RETRY_WINDOW = timedelta(hours=26)
"""Eventarc tries for 24 hours: what is missing after that does not come."""
MAX_READS = 10_000
"""Documents read in one round, at most about: some 7 seconds, and 240,000 reads a day."""
MAX_AT_ONCE = 500
"""Entries of one document that are in memory together: each may be 30 kB there."""
MAX_OF_DOCUMENT = 20_000
"""Entries of one document that a round reads; a command reads them all."""
PASS_EVERY = timedelta(days=1)
_tried: Cache[str, str] = Cache(MAX_FLEETS)
"""By fleet: the hour whose round this process has tried to take."""


@dataclass(frozen=True, slots=True)
class SweepResult:
    """How much one round read, found and closed."""

    reads: int
    found: int
    closed: int
    cursor: str
    """The last document that was looked at; empty when the pass is through."""


def sweep_if_due(
    db: firestore.Client, fleet: str, policy: Fleet, now: datetime
) -> SweepResult | None:
    """Do this hour's round, unless another process does or the day's pass is through."""
    if not _tried.change(fleet, hour_of(now)):
        return None
    ref = marker(db, fleet)
    snapshot = ref.get()
    previous = Sweep.model_validate(snapshot.to_dict()) if snapshot.exists else None
    begun = next_round(previous, policy, now)
    if begun is None:
        return None
    try:
        if previous is None:
            ref.create(begun.model_dump())
        else:
            ref.update(begun.model_dump(), option=unchanged(snapshot))
    except (AlreadyExists, FailedPrecondition):
        return None
    swept = sweep(
        db, fleet, policy, now=now, known_since=known_since(begun, policy, now), after=begun.cursor
    )
    ref.update({"cursor": swept.cursor, "closed": firestore.Increment(swept.closed)})
    return swept


def next_round(previous: Sweep | None, policy: Fleet, now: datetime) -> Sweep | None:
    """Return the state with which this hour's round begins; None when no round is due."""
    if previous is None:
        return Sweep(
            hour=hour_of(now),
            cursor="",
            began_at=now,
            ledger_days=policy.ledger_days,
            known_since="",
            closed=0,
        )
    resting = not previous.cursor and now < previous.began_at + PASS_EVERY
    if previous.hour == hour_of(now) or resting:
        return None
    # Entries from before they were to be kept longer go at their own time.
    longer = policy.ledger_days > previous.ledger_days
    changes = {
        "hour": hour_of(now),
        "ledger_days": policy.ledger_days,
        "known_since": stamp(now) if longer else previous.known_since,
        "began_at": previous.began_at if previous.cursor else now,
    }
    return previous.model_copy(update=changes)


def known_since(previous: Sweep | None, policy: Fleet, now: datetime) -> str:
    """Return since when no entry has been removed from the ledger."""
    kept = stamp(now - timedelta(days=policy.ledger_days))
    if previous is None:
        return kept
    if policy.ledger_days > previous.ledger_days:
        return stamp(now)
    return max(kept, previous.known_since)


def sweep(
    db: firestore.Client,
    fleet: str,
    policy: Fleet,
    *,
    now: datetime,
    known_since: str,
    after: str = "",
    age: timedelta = RETRY_WINDOW,
    max_reads: int | None = MAX_READS,
) -> SweepResult:
    """Close the gaps that are older than `age`, from the document behind `after` on.

    An operator may say `age` 0 and `max_reads` None: of an event that is still on its way, what is
    then counted early is taken back by a later sweep, see gaps.
    """
    reads = found = closed = of_document = 0
    cursor, old = after, stamp(now - age)
    parts = chains(db, fleet, policy, after=after, most=MAX_AT_ONCE)
    while (chain := next(parts, None)) is not None:
        reads, of_document = reads + chain.reads, of_document + chain.reads
        for gap in lost(chain.entries, chain.now, known_since, chain.begun):
            if gap.later.update_time <= old:
                found += 1
                closed += _close(gap, policy)
        if not chain.ends and max_reads is not None and of_document >= MAX_OF_DOCUMENT:
            _log.error("%s has too many entries to be swept here: tachograph sweep", chain.path)
            parts = chains(db, fleet, policy, after=str(chain.path), most=MAX_AT_ONCE)
        elif not chain.ends:
            continue
        cursor, of_document = str(chain.path), 0
        if max_reads is not None and reads >= max_reads:
            return SweepResult(reads, found, closed, cursor)
    return SweepResult(reads, found, closed, "")


def marker(db: firestore.Client, fleet: str) -> firestore.DocumentReference:
    """Return where a fleet's sweeps say how far they have come."""
    return document(db, DocumentPath(fleet, SWEEPS, NOW))


def read_marker(db: firestore.Client, fleet: str) -> Sweep | None:
    """Read it."""
    snapshot = marker(db, fleet).get()
    return Sweep.model_validate(snapshot.to_dict()) if snapshot.exists else None


def _close(gap: Gap, policy: Fleet) -> bool:
    """Count a gap's change; False when it was counted before, or when Firestore refuses it."""
    path, later = gap.later.path, gap.later
    entry = Entry(
        path=path,
        key=gap.key,
        update_time=later.update_time,
        hour=later.hour,
        delta=gap.delta,
        after=later.after,
        spread=str(path),
        trees=gap.trees,
        created=later.created,
        tree=later.tree,
        correction="sweep",
    )
    try:
        closed = apply(entry, documents_of(policy))
    except InvalidArgument as refusal:  # the event was refused for the same reason
        _log.error("%s: its gap before %s stays: %s", path, later.update_time, refusal.message)
        return False
    _log.warning("%s: an event before %s never came; closed: %s", path, later.update_time, closed)
    return closed
