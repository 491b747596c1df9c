"""Corrections, through the ledger, of tasks whose cost differs by today's prices.

docs/decisions/0007-repricing.md has the reasons.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from google.api_core.exceptions import FailedPrecondition
from google.cloud import firestore
from google.cloud.firestore_v1 import _helpers

from counting.commit import Entry
from counting.contribution import contribution, tree_row
from counting.ledger import apply_together, documents_of
from events.change import Version
from repair.gaps import Counted, lost
from repair.history import Chain, chains, version_of
from repair.sweep import known_since, read_marker
from tachograph_cli.repair.hours import moment
from tachograph_cli.repair.price_difference import repriced_fields, spread, states_cost
from tachograph_schema.counters.cells import Cells, add_up, delta
from tachograph_schema.counters.names import FLEET
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.documents.task import Task
from tachograph_schema.parsing import parse
from tachograph_schema.paths import TASKS, correction_key
from tachograph_schema.periods import day_of, reported_hour


@dataclass(frozen=True, slots=True)
class Correction:
    """The change that today's prices make to one task: its counters, and its document."""

    chain: Chain
    before: Cells
    after: Cells
    entries: list[Entry]
    fields: dict[str, Any] = field(default_factory=dict)
    """The changed fields of the document, where it states its cost."""


@dataclass(frozen=True, slots=True)
class Uncounted:
    """A task with writes that are not counted yet; it can be corrected once they are."""

    path: str


def corrections(
    db: firestore.Client, fleet: str, policy: Fleet, first: str, last: str
) -> Iterator[Correction | Uncounted]:
    """Yield the correction of every task with usage counted on a day from `first` to `last`.

    Days are such as 2026-02-16. A task is priced as a whole, although it may have worked on other
    days too. Reads the ledger and the documents once, as of one moment.
    """
    at = moment(db, fleet)
    since = known_since(read_marker(db, fleet), policy, at)
    for chain in chains(db, fleet, policy, read_time=at):
        if chain.path.collection != TASKS or chain.now is None:
            continue
        own = [entry for entry in chain.entries if entry.created in (chain.now.created, "")]
        if not any(first <= day_of(entry.hour) <= last for entry in own):
            continue
        correction = _correction(chain, own, policy)
        if correction is not None:
            uncounted = bool(lost(chain.entries, chain.now, since))
            yield Uncounted(str(chain.path)) if uncounted else correction


def correct(db: firestore.Client, policy: Fleet, correction: Correction) -> bool:
    """Write a correction in one commit; False where it was made before, or the task has changed."""
    writes = []
    if correction.fields:
        document = correction.chain.document
        assert document is not None  # noqa: S101 - it has a state
        unchanged = db.write_option(last_update_time=document.update_time)
        name = document.reference._document_path  # noqa: SLF001 - as the client's own batches
        updates = _helpers.pbs_for_update(name, correction.fields, unchanged)
        writes = [type(update).pb(update) for update in updates]
    try:
        return apply_together(correction.entries, documents_of(policy), writes)
    except FailedPrecondition:
        return False


def _correction(chain: Chain, own: list[Counted], policy: Fleet) -> Correction | None:
    assert chain.document is not None  # noqa: S101 - it has a state
    fields = chain.document.to_dict() or {}
    task, _ = parse(Task, fields)
    last = max(own, key=lambda entry: entry.update_time)
    if states_cost(task):
        return _of_document(chain, own, last, task, fields, policy)
    return _of_functions(chain, own, last)


def _of_functions(chain: Chain, own: list[Counted], last: Counted) -> Correction | None:
    """Return the correction of a cost that the functions computed and only the ledger holds.

    The correction is a further link of the chain, after the version that it corrects.
    """
    assert chain.now is not None  # noqa: S101 - it has a state
    difference = delta(last.after, chain.now.after)
    if not _is_price(difference):
        return None
    trees = delta(
        tree_row(chain.path.document, last.tree, last.after),
        tree_row(chain.path.document, last.tree, chain.now.after),
    )
    version = f"{last.update_time}+"
    parts = spread(difference, own, last.hour)
    entries = [
        _entry(chain, last, version, hour, cells, chain.now.after) for hour, cells in parts.items()
    ]
    entries[-1] = replace(entries[-1], trees=trees)
    return Correction(chain, last.after, chain.now.after, entries)


def _of_document(
    chain: Chain,
    own: list[Counted],
    last: Counted,
    task: Task,
    fields: dict[str, Any],
    policy: Fleet,
) -> Correction | None:
    """Return the correction of a cost that the document states.

    The write to the document is counted like any other, which puts the whole difference into the
    hour of the latest report. Entries that add up to nothing move it to the hours it belongs to.
    """
    assert chain.document is not None  # noqa: S101 - it has a state
    written_at = chain.document.update_time
    at = task.reported_at or written_at
    changes = repriced_fields(task, fields, at, policy.prices)
    if not changes:
        return None
    changes["reported_at"] = min(at, written_at)
    before = _cells(fields, written_at, policy)
    after = _cells({**fields, **changes}, written_at, policy)
    difference = delta(before, after)
    hour_counted = reported_hour(at, written_at)
    moves = spread(difference, own, hour_counted)
    elsewhere = add_up(cells for hour, cells in moves.items() if hour != hour_counted)
    moves[hour_counted] = delta(elsewhere, {})
    entries = [
        _entry(chain, last, last.update_time, hour, cells, last.after)
        for hour, cells in moves.items()
        if cells
    ]
    return Correction(chain, before, after, entries, changes)


def _entry(
    chain: Chain, last: Counted, version: str, hour: str, cells: Cells, after: Cells
) -> Entry:
    assert chain.document is not None  # noqa: S101 - it has a state
    path, document = str(chain.path), version_of(chain.document.update_time)
    return Entry(
        path=chain.path,
        key=correction_key("reprice", path, version, document, hour),
        update_time=version,
        hour=hour,
        delta=cells,
        after=after,
        spread=path,
        created=last.created,
        tree=last.tree,
        correction="reprice",
    )


def _cells(fields: dict[str, Any], at: datetime, policy: Fleet) -> Cells:
    return contribution(TASKS, Version(fields, "", at), policy).cells


def _is_price(difference: Cells) -> bool:
    """Tell whether prices changed, not labels or tiers alone."""
    names = difference.get(FLEET, {})
    return any(name in names for name in ("cost_nanousd", "unpriced_calls", "unpriced_tokens"))
