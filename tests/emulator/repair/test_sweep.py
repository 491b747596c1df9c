"""Events that never came are found and counted, once, however often one looks."""

from __future__ import annotations

import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.cloud import firestore

from publishing.trees import publish_trees
from repair import sweep as sweeping
from repair.history import counted
from repair.sweep import (
    RETRY_WINDOW,
    SweepResult,
    known_since,
    next_round,
    read_marker,
    sweep,
    sweep_if_due,
)
from runtime.firestore import PAGE
from support.recorded_events import Recorder, deliver, state_of, trees_of
from support.recount import published
from support.wire.events import Write, serve
from tachograph_cli.local.stack import Stack
from tachograph_schema.counters.cells import add_up
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.documents.ledger import LedgerEntry

_TASK = {"status": "active", "model": "claude-opus-4-6", "provider": "anthropic"}
_LATER = datetime.now(UTC) + RETRY_WINDOW + timedelta(hours=12)


def _grow(recorder: Recorder, document: str, *costs: int, **fields: object) -> list[Write]:
    return [recorder.write(document, {**_TASK, "cost_nanousd": n, **fields}) for n in costs]


def _sweep(recorder: Recorder, **options: Any) -> SweepResult:  # noqa: ANN401 - sweep's own
    options = {"now": _LATER, "known_since": "2020", **options}
    return sweep(recorder.db, recorder.fleet, Fleet(), **options)


def _cost(recorder: Recorder) -> int:
    total = published(recorder.db, recorder.fleet).get("total_all", {})
    return total.get("fleet", {}).get("cost_nanousd", 0)


def test_lost_event_is_counted_by_the_sweep_and_not_again_by_the_next(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder = Recorder(db, fleet_name)
    first, _, third = _grow(recorder, "t-1", 5, 70, 100)
    deliver(third)
    deliver(first)
    assert _cost(recorder) == 35
    assert _sweep(recorder).closed == 1
    assert _cost(recorder) == 100
    assert (_sweep(recorder).found, _cost(recorder)) == (0, 100)
    [mended] = [
        entry
        for doc in db.collection("fleets", fleet_name, "ledger").stream()
        if (entry := LedgerEntry.model_validate(doc.to_dict())).correction
    ]
    assert mended.correction == "sweep"


def test_lost_last_event_is_counted_and_does_nothing_when_it_comes_after_all(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder = Recorder(db, fleet_name)
    first, last = _grow(recorder, "t-1", 5, 100)
    deliver(first)
    assert _sweep(recorder).closed == 1
    assert _cost(recorder) == 100
    assert not deliver(last)
    assert _cost(recorder) == 100


def test_event_that_comes_after_its_gap_was_closed_is_counted_once_in_the_end(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder = Recorder(db, fleet_name)
    first, late, last = _grow(recorder, "t-1", 5, 70, 100)
    deliver(first)
    deliver(last)
    _sweep(recorder)
    assert deliver(late)
    assert _cost(recorder) == 165, "a day and more later; until the next sweep"
    assert _sweep(recorder).closed == 1
    assert _cost(recorder) == 100


def test_document_none_of_whose_events_came_is_counted(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder = Recorder(db, fleet_name)
    _grow(recorder, "t-1", 5, 100)
    recorder.write("s-1", {"state": "active", "agent_id": "b-1"}, "sessions")
    assert _sweep(recorder).closed == 2
    total = published(db, fleet_name)["total_all"]["fleet"]
    assert (total["cost_nanousd"], total["sessions_started"]) == (100, 1)


def test_gap_younger_than_the_retry_window_is_left_to_the_retries(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder = Recorder(db, fleet_name)
    _grow(recorder, "t-1", 5)
    now = datetime.now(UTC)
    assert _sweep(recorder, now=now).found == 0
    assert _sweep(recorder, now=now + timedelta(minutes=1), age=timedelta(0)).closed == 1


def test_deleted_document_keeps_its_history_and_its_successor_is_another(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder = Recorder(db, fleet_name)
    for write in _grow(recorder, "t-1", 5, 100):
        deliver(write)
    deliver(recorder.delete("t-1"))
    _grow(recorder, "t-1", 7)
    assert _sweep(recorder).closed == 1
    assert _cost(recorder) == 107


def test_lost_event_of_a_subtask_is_missing_in_its_tree_no_more(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder = Recorder(db, fleet_name)
    a, _, c = (
        recorder.write("t-1", {**_TASK, "cost_nanousd": n, "parent_task_id": parent})
        for n, parent in ((5, "a"), (70, "b"), (100, "b"))
    )
    deliver(a)
    deliver(c)
    _sweep(recorder)
    publish_trees(db, fleet_name, Fleet())
    trees = {
        doc.id: doc.get("total").get("cost_nanousd")
        for doc in db.collection("fleets", fleet_name, "trees").stream()
    }
    assert trees == {"a": None, "b": 100}


def test_history_that_retention_removed_from_the_ledger_is_not_counted_again(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder = Recorder(db, fleet_name)
    writes = _grow(recorder, "t-1", 5, 70, 100)
    for write in writes:
        deliver(write)
    for entry in db.collection("fleets", fleet_name, "ledger").limit(2).stream():
        entry.reference.delete()
    newest = state_of(writes[-1]).update_time
    assert _sweep(recorder, known_since=newest).found == 0
    assert _cost(recorder) == 100


def test_ledger_that_is_to_be_kept_longer_is_not_trusted_before_that() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    short, long = Fleet(ledger_days=2), Fleet(ledger_days=90)
    before = next_round(None, short, now)
    assert before is not None
    assert known_since(before, short, now) == "2026-02-27T00:00:00.000000000Z"
    later = now + timedelta(days=2)
    after = next_round(before, long, later)
    assert after is not None
    assert known_since(after, long, later) == "2026-03-03T00:00:00.000000000Z"
    assert known_since(after, long, later + timedelta(days=30)) == known_since(after, long, later)


def test_round_ends_at_its_bound_and_the_next_goes_on_there(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder = Recorder(db, fleet_name)
    for n in range(6):
        _grow(recorder, f"t-{n}", 5)
    first = _sweep(recorder, max_reads=4)
    assert (first.reads, first.closed) == (4, 4)
    assert first.cursor == f"fleets/{fleet_name}/tasks/t-3"
    rest = _sweep(recorder, after=first.cursor)
    assert (rest.closed, rest.cursor) == (2, "")
    assert _cost(recorder) == 30


def test_one_round_an_hour_and_one_pass_a_day_whoever_ticks(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder = Recorder(db, fleet_name)
    _grow(recorder, "t-1", 5)

    def due(at: datetime) -> SweepResult | None:
        sweeping._tried.clear()  # as another process
        return sweep_if_due(db, fleet_name, Fleet(), at)

    assert due(_LATER) is not None
    assert due(_LATER) is None
    assert due(_LATER + timedelta(hours=2)) is None
    assert due(_LATER + timedelta(hours=25)) is not None
    marker = read_marker(db, fleet_name)
    assert marker is not None
    assert marker.closed == 1


def test_tick_over_http_sweeps(emulator: Stack, db: firestore.Client, fleet_name: str) -> None:
    recorder = Recorder(db, fleet_name)
    _grow(recorder, "t-1", 5)
    with serve("tick", emulator.address("firestore")) as served:
        urllib.request.urlopen(f"{served.url}?fleet={fleet_name}", timeout=60).read()
    marker = read_marker(db, fleet_name)
    assert marker is not None
    assert (marker.closed, marker.cursor) == (0, "")


def test_sweep_reads_each_entry_and_each_document_once(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder = Recorder(db, fleet_name)
    entries = 2 * PAGE + 50
    for n in range(entries // 13):
        for write in _grow(recorder, f"t-{n:03}", *range(1, 14)):
            deliver(write)
    entries, documents = entries // 13 * 13, entries // 13
    swept = _sweep(recorder)
    assert swept == SweepResult(entries + documents, 0, 0, "")


def test_trees_and_cells_of_what_was_lost_add_up(db: firestore.Client, fleet_name: str) -> None:
    recorder = Recorder(db, fleet_name)
    writes = [
        recorder.write("t-1", {**_TASK, "cost_nanousd": n, "root_task_id": "r"}) for n in (1, 2, 3)
    ]
    _sweep(recorder)
    entries = [counted(e) for e in db.collection("fleets", fleet_name, "ledger").stream()]
    assert add_up(e.delta for e in entries) == state_of(writes[-1]).after
    assert add_up(e.trees for e in entries) == trees_of(writes[-1])


def test_document_with_more_entries_than_memory_takes_is_swept_in_parts(
    db: firestore.Client, fleet_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repair.sweep.MAX_AT_ONCE", 2)
    recorder = Recorder(db, fleet_name)
    writes = _grow(recorder, "t-1", *range(10, 100, 10))
    for n, write in enumerate(writes):
        if n not in (3, 6):
            deliver(write)
    assert (_sweep(recorder).found, _cost(recorder)) == (2, 90)
    assert (_sweep(recorder).found, _cost(recorder)) == (0, 90)


def test_document_with_more_entries_than_a_round_reads_is_left_to_the_command(
    db: firestore.Client, fleet_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repair.sweep.MAX_AT_ONCE", 2)
    monkeypatch.setattr("repair.sweep.MAX_OF_DOCUMENT", 4)
    recorder = Recorder(db, fleet_name)
    for write in _grow(recorder, "t-1", *range(10, 100, 10)):
        deliver(write)
    lost = _grow(recorder, "t-2", 5, 100)
    deliver(lost[0])
    swept = _sweep(recorder)
    assert (swept.closed, swept.cursor) == (1, "")
    assert swept.reads < 9 + 1 + 2, "most of the first document's entries were not read"
    assert _sweep(recorder, max_reads=None).reads == 9 + 1 + 3
