"""The one commit of an event: its ledger entry and the increments it stands for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from google.api_core.exceptions import (
    Aborted,
    AlreadyExists,
    DeadlineExceeded,
    InternalServerError,
    InvalidArgument,
    ResourceExhausted,
    ServiceUnavailable,
)
from google.api_core.retry import Retry, if_exception_type
from google.cloud.firestore_v1.types import CommitRequest

from counting.commit import Documents, Entry, Message
from counting.contribution import Contribution, tree_delta
from events.change import Change
from runtime.cache import Cache
from runtime.firestore import api, metadata, root
from runtime.settings import settings
from tachograph_schema.counters.cells import delta
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.periods import reported_hour

MAX_SPILLS = 16
"""Shards tried beyond a full one: each holds 1 MiB of counters, many more than a rollup shows."""
_FOLDED = ("names", "agents")
"""An event whose hour is full, after all those shards, tells no names apart, then no agents."""
_APART = 32
"""The rounds of shards between those and the usual ones, so that no large event reaches there."""
_TRANSIENT = (
    Aborted,
    DeadlineExceeded,
    InternalServerError,
    ResourceExhausted,
    ServiceUnavailable,
)
_full: Cache[tuple[str, str], int] = Cache(max_entries=1000)
"""By fleet and hour: how many rounds of shards this process has found full."""


def record(change: Change, before: Contribution, after: Contribution, fleet: Fleet) -> bool:
    """Count one event, exactly once: True if it was counted now, False if it had been before.

    Writes ledger/{key} by creation, increments in one document of shards/ (one more for each 500
    cells), and for a subtask in its trees/{root}, in one commit that reads nothing; a second
    delivery finds the entry and changes nothing. Fields that could not be read leave
    rejected/{key} in the same commit. A write that changes no counter writes nothing. Raises the
    transient errors of `_TRANSIENT` when retrying did not help.
    """
    version = change.after
    if version is None:  # retention deletes documents; what they counted for stays
        return False
    cells = delta(before.cells, after.cells)
    trees = tree_delta(change.path.document, before, after)
    rejected = after.problems if after.problems != before.problems else ()
    if not cells and not trees and not rejected:
        return False
    entry = Entry(
        path=change.path,
        key=change.key,
        update_time=version.update_time,
        hour=reported_hour(after.reported_at, version.written_at),
        delta=cells,
        after=after.cells,
        spread=after.agent or str(change.path),
        trees=trees,
        created=version.created,
        tree=after.tree,
    )
    documents = documents_of(fleet)
    problems = map(str, rejected)
    refused = (
        [documents.rejected(entry.path, entry.key, entry.update_time, version.written_at, problems)]
        if rejected
        else []
    )
    return apply(entry, documents, refused)


def reject(change: Change, why: str, fleet: Fleet) -> None:
    """Write rejected/{key} for an event that cannot be counted at all."""
    if change.after is not None:
        at, stamp = change.after.written_at, change.after.update_time
        _commit([documents_of(fleet).rejected(change.path, change.key, stamp, at, (why,))])


def apply(entry: Entry, documents: Documents, extra: Iterable[Message] = ()) -> bool:
    """Commit an entry under its key, in shards that have room; False if it had been before.

    Where none has room any more, the entry still counts for the fleet and the agent, and says so.
    """
    return apply_together([entry], documents, extra)


def apply_together(
    entries: Sequence[Entry], documents: Documents, extra: Iterable[Message] = ()
) -> bool:
    """Commit entries of one document, of one or more hours, all or none; as `apply`."""
    hours = [(entry.path.fleet, entry.hour) for entry in entries]
    others = list(extra)
    spill = max((_full.get(hour) or 0 for hour in hours), default=0)
    while True:
        try:
            counted = (write for entry in entries for write in _writes(entry, documents, spill))
            return _commit([*counted, *others])
        except InvalidArgument as refusal:
            if "size" not in refusal.message or spill >= MAX_SPILLS + len(_FOLDED):
                raise
            spill += 1
            for hour in hours:
                _full.put(hour, spill)


def _writes(entry: Entry, documents: Documents, spill: int) -> list[Message]:
    """Return an entry's writes; beyond MAX_SPILLS it counts in full for fleet and agent alone."""
    beyond = spill - MAX_SPILLS
    if beyond <= 0:
        return documents.counted(entry, spill)
    folded = replace(entry, folded=_FOLDED[beyond - 1])
    return documents.counted(folded, MAX_SPILLS + _APART * beyond)


def documents_of(fleet: Fleet) -> Documents:
    """Return what builds the writes of a fleet, as its owner wants them spread and kept."""
    now = datetime.now(UTC)
    return Documents(root(), now, shards=fleet.shard_count, keep_days=fleet.ledger_days)


def _commit(writes: list[Message]) -> bool:
    request = CommitRequest.pb()(database=root(), writes=writes)
    # A commit whose answer was lost is tried again as it is: if it had landed, its one creation
    # fails.
    retry = Retry(
        if_exception_type(*_TRANSIENT), initial=0.05, maximum=2.0, timeout=settings().retry_seconds
    )
    try:
        api().commit(
            request=CommitRequest.wrap(request), retry=retry, timeout=10.0, metadata=metadata()
        )
    except AlreadyExists:
        return False
    return True
