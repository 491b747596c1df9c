"""The writes of an event: bounded in bytes and in numbers, also when its hour is full."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from counting.commit import MAX_TRANSFORMS, Documents, Entry
from counting.task import task_cells
from tachograph_schema.counters.cells import Cells, add_rows
from tachograph_schema.counters.dimensions import as_counted
from tachograph_schema.counters.names import FLEET
from tachograph_schema.counters.scopes import dimension, rest, scope
from tachograph_schema.counters.size import MAX_DOCUMENT_BYTES, MAX_INT, document_size
from tachograph_schema.counters.sketch import bucket_counter, sums
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.documents.task import Task
from tachograph_schema.fields import MAX_COUNT, MAX_ENTRIES
from tachograph_schema.parsing import parse
from tachograph_schema.paths import DocumentPath

_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
_DOCUMENTS = Documents("projects/p/databases/(default)", _AT, shards=8, keep_days=90)
_LONG = "\N{PILE OF POO}" * 98
"""392 bytes, of which JSON makes three times as many."""


def _entry(cells: Cells) -> Entry:
    return Entry(
        path=DocumentPath("acme", "tasks", "t" * 400),
        key="k" * 32,
        update_time="2026-03-01T12:00:00.000000000Z",
        hour="2026-03-01T12",
        delta=cells,
        after=cells,
        spread="builder-3",
    )


def _widest() -> Cells:
    """Count a task with as many long names as it may have, each with the largest counts."""
    names = [f"{n:02}{_LONG}" for n in range(MAX_ENTRIES)]
    usage = {"tokens_in": MAX_COUNT, "cost_nanousd": MAX_COUNT, "llm_calls": MAX_COUNT}
    fields: dict[str, Any] = {
        "task_type": _LONG,
        "agent_id": _LONG,
        "agent_role": _LONG,
        "model": names[0],
        "labels": dict(zip(names, names, strict=True)),
        "usage_by_model": dict.fromkeys(names, usage),
        "tools": {name: {"calls": MAX_COUNT, "errors": MAX_COUNT} for name in names},
        "status": "completed",
        "duration_ms": MAX_COUNT,
        "context_remaining_pct": 50,
    }
    task, problems = parse(Task, fields)
    assert problems == ()
    return task_cells(task, _AT, Fleet(label_keys=names[:8]))


def test_ledger_entry_of_the_widest_task_is_within_the_bounds_of_a_document() -> None:
    [write, *_] = _DOCUMENTS.counted(_entry(_widest()))
    fields = {name: value.string_value for name, value in write.update.fields.items()}
    assert 300_000 < document_size("fleets/acme/ledger/" + "k" * 32, fields) < MAX_DOCUMENT_BYTES


def test_no_shard_takes_more_increments_or_longer_paths_than_firestore_allows() -> None:
    [_, *writes] = _DOCUMENTS.counted(_entry(_widest()))
    assert len(writes) > 1
    for write in writes:
        assert len(write.update_transforms) <= MAX_TRANSFORMS
        assert all(len(t.field_path.encode()) <= 1500 for t in write.update_transforms)
        assert write.ByteSize() < MAX_DOCUMENT_BYTES


@pytest.mark.parametrize("sign", [1, -1])
def test_increment_beyond_what_firestore_holds_is_the_largest_that_it_holds(sign: int) -> None:
    [_, write] = _DOCUMENTS.counted(_entry({FLEET: {"cost_nanousd": sign * 2**70}}))
    [transform] = write.update_transforms
    assert abs(transform.increment.integer_value) >= MAX_INT


def test_task_counts_at_most_so_much_that_thousands_fit_into_one_counter() -> None:
    assert 100 * max(_widest()[FLEET].values()) < MAX_INT


def test_entry_of_a_full_hour_keeps_its_change_and_says_what_its_shards_do_not_tell_apart() -> None:
    cells = _widest()
    [entry, *shards] = _DOCUMENTS.counted(replace(_entry(cells), folded="names"))
    [whole, *_] = _DOCUMENTS.counted(_entry(cells))
    assert entry.update.fields["folded"].string_value == "names"
    assert entry.update.fields["delta"] == whole.update.fields["delta"]
    assert "folded" not in whole.update.fields
    assert len(shards) == 1


@pytest.mark.parametrize("folded", ["names", "agents"])
def test_change_of_a_full_hour_is_whole_for_the_fleet_and_adds_up_everywhere(folded: str) -> None:
    cells = _widest()
    counted = as_counted(cells, folded)
    assert counted[FLEET] == cells[FLEET]
    for name in {dimension(one) for one in cells}:
        parts = [
            add_rows(row for one, row in side.items() if dimension(one) == name)
            for side in (cells, counted)
        ]
        assert sums(parts[0]) == sums(parts[1])


def test_change_of_a_full_hour_names_the_agent_as_long_as_there_is_room_for_agents() -> None:
    cells = {
        FLEET: {"tokens_in": 7},
        scope("agent", "a"): {"tokens_in": 7},
        scope("type", "t"): {"tokens_in": 7, bucket_counter("steps", 3): 1},
    }
    assert as_counted(cells, None) == cells
    assert as_counted(cells, "names") == {
        FLEET: {"tokens_in": 7},
        scope("agent", "a"): {"tokens_in": 7},
        rest("type"): {"tokens_in": 7, bucket_counter("steps", 3): 1},
    }
    assert as_counted(cells, "agents").keys() == {FLEET, rest("agent"), rest("type")}


def test_shard_that_names_nobody_cannot_fill() -> None:
    measures = ("duration_ms", "dispatch_ms", "cost_nanousd", "tokens_total", "steps", "handoff_ms")
    row = {f"{measure}~{n}": MAX_INT for measure in measures for n in range(865)}
    row |= {f"counter_of_some_length_{n}": MAX_INT for n in range(120)}
    kinds = ("type", "model", "tier", "agent", "role", "tool")
    cells = {FLEET: row, **{scope(kind, str(n)): row for kind in kinds for n in range(9)}}
    shard = {"hour": "2026-03-01T12", "dirty": True, "c": as_counted(cells, "agents")}
    assert document_size("fleets/acme/shards/abcd-99_2026-03-01T12", shard) < MAX_DOCUMENT_BYTES
