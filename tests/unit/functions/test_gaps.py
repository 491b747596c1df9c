"""Missing events are found by the gaps in the ledger, with the cells they would have counted."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from counting.contribution import contribution, tree_delta
from repair.gaps import Counted, State, lost, restated
from support.recorded_events import changed, closing, state_of, trees_of
from support.wire.events import EPOCH, Write, history
from tachograph_schema.counters.cells import Cells, add_up, delta
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.paths import ledger_key, parse_path

_PATH = "fleets/f/tasks/t-81"
_TASKS = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["queued", "active", "completed", "failed"]),
        "model": st.sampled_from(["claude-opus-4-6", "claude-haiku-4-5"]),
        "tokens_in": st.integers(0, 10**6),
        "cost_nanousd": st.integers(0, 10**12),
        "parent_task_id": st.sampled_from(["a", "b", "t-81"]),
        "root_task_id": st.sampled_from(["a", "b"]),
        "labels": st.dictionaries(st.just("team"), st.sampled_from("xyz")),
        "reported_at": st.integers(-300, 300).map(lambda n: EPOCH + timedelta(minutes=n)),
        "voided": st.booleans(),
    },
)
_VERSIONS = st.lists(_TASKS, min_size=1, max_size=8)


def _entry(write: Write) -> Counted | None:
    """Make the ledger entry of an event, as record does; one that changes nothing leaves none."""
    path = parse_path(write.path)
    before, after = (
        contribution(path.collection, changed(version), Fleet())
        for version in (write.before, write.after)
    )
    change, trees = delta(before.cells, after.cells), tree_delta(path.document, before, after)
    if not change and not trees:
        return None
    state = state_of(write)
    return Counted(
        path, state.update_time, state.hour, state.after, state.created, state.tree, change, trees
    )


def _entries(writes: Iterable[Write]) -> list[Counted]:
    return [entry for write in writes if (entry := _entry(write)) is not None]


def _swept(entries: list[Counted], now: State | None) -> list[Counted]:
    return entries + [closing(gap) for gap in lost(entries, now)]


def _sum(entries: Iterable[Counted]) -> tuple[Cells, Cells]:
    entries = list(entries)
    return add_up(e.delta for e in entries), add_up(e.trees for e in entries)


def test_chain_without_a_loss_has_no_gap() -> None:
    writes = history(_PATH, [{"tokens_in": 1}, {"tokens_in": 5}, {"tokens_in": 2}])
    assert lost(_entries(writes), state_of(writes[-1])) == []


def test_lost_event_is_the_difference_between_its_neighbours() -> None:
    writes = history(_PATH, [{"tokens_in": n} for n in (1, 5, 7)])
    [gap] = lost(_entries([writes[0], writes[2]]), state_of(writes[2]))
    assert gap.delta["fleet"] == {"tokens_in": 4, "unpriced_tokens": 4}
    assert (gap.earlier, gap.later.update_time) == tuple(
        state_of(writes[n]).update_time for n in (0, 2)
    )


def test_lost_last_event_is_closed_under_its_own_key_in_its_own_hour() -> None:
    at = EPOCH - timedelta(hours=5)
    writes = history(_PATH, [{"tokens_in": 1}, {"tokens_in": 5, "reported_at": at}])
    [gap] = lost(_entries(writes[:1]), state_of(writes[1]))
    assert gap.later.hour == "2026-03-01T07"
    assert gap.key == ledger_key(_PATH, state_of(writes[1]).update_time)


def test_document_none_of_whose_events_came_is_one_gap() -> None:
    writes = history(_PATH, [{"tokens_in": 1}, {"tokens_in": 5}])
    [gap] = lost([], state_of(writes[1]))
    assert gap.delta == state_of(writes[1]).after


def test_write_that_changes_no_counter_leaves_no_entry_and_no_gap() -> None:
    writes = history(_PATH, [{"tokens_in": 1}, {"tokens_in": 1, "title": "A"}, {"tokens_in": 2}])
    entries = _entries(writes)
    assert len(entries) == 2
    assert lost(entries, state_of(writes[-1])) == []


def test_entries_that_retention_removed_are_no_gap() -> None:
    writes = history(_PATH, [{"tokens_in": n} for n in (1, 5, 7)])
    kept = _entries(writes)[1:]
    assert lost(kept, state_of(writes[2]), known_since=state_of(writes[1]).update_time) == []


def test_document_made_anew_in_the_place_of_a_deleted_one_takes_nothing_back() -> None:
    old = history(_PATH, [{"tokens_in": 1}, {"tokens_in": 5}])
    new = history(_PATH, [{"tokens_in": 2}, {"tokens_in": 3}], EPOCH + timedelta(days=1))
    assert lost(_entries([*old, *new]), state_of(new[-1])) == []
    [gap] = lost(_entries([*old, new[1]]), state_of(new[-1]))
    assert gap.delta["fleet"]["tokens_in"] == 2


def test_other_prices_than_at_the_time_are_no_gap_but_are_told() -> None:
    [write] = history(_PATH, [{"tokens_in": 1}])
    [entry] = _entries([write])
    older = Counted(entry.path, entry.update_time, entry.hour, {}, entry.created, None, {}, {})
    assert lost([older], state_of(write)) == []
    assert restated([older], state_of(write)) == entry.after


@given(_VERSIONS, st.randoms(use_true_random=False), st.data())
def test_whatever_is_lost_the_sweep_ends_at_the_last_state_and_a_second_changes_nothing(
    versions: list[dict[str, Any]], order: random.Random, data: st.DataObject
) -> None:
    writes = history(_PATH, versions)
    came = [w for w in writes if data.draw(st.booleans())]
    order.shuffle(came)
    now = state_of(writes[-1])
    swept = _swept(_entries(came), now)
    assert _sum(swept) == (now.after, trees_of(writes[-1]))
    assert lost(swept, now) == []


@given(_VERSIONS, st.data())
def test_event_that_comes_after_the_sweep_is_taken_back_by_the_next(
    versions: list[dict[str, Any]], data: st.DataObject
) -> None:
    writes = history(_PATH, versions)
    now = state_of(writes[-1])
    came = [w for w in writes if data.draw(st.booleans())]
    keys = {gap.key for gap in lost(_entries(came), now)}
    swept = _swept(_entries(came), now)
    late = [
        w
        for w in writes
        if w not in came and ledger_key(w.path, state_of(w).update_time) not in keys
    ]
    entries = _swept(swept + _entries(late), now)
    assert _sum(entries) == (now.after, trees_of(writes[-1]))
    assert lost(entries, now) == []


@given(_VERSIONS, st.data())
def test_two_sweeps_at_once_find_the_same_gaps_under_the_same_keys(
    versions: list[dict[str, Any]], data: st.DataObject
) -> None:
    writes = history(_PATH, versions)
    entries = _entries(w for w in writes if data.draw(st.booleans()))
    now = state_of(writes[-1])
    there, here = lost(entries, now), lost(list(reversed(entries)), now)
    assert {gap.key: gap.delta for gap in there} == {gap.key: gap.delta for gap in here}
    assert len({gap.key for gap in there}) == len(there)


@given(_VERSIONS, st.data(), st.integers(1, 3))
def test_long_chain_in_parts_has_the_gaps_it_has_as_a_whole(
    versions: list[dict[str, Any]], data: st.DataObject, most: int
) -> None:
    writes = history(_PATH, versions)
    came = [write for write in writes if data.draw(st.booleans())]
    entries, now = _entries(came), state_of(writes[-1])
    gaps, begun, start = [], frozenset[str](), 0
    while start + most < len(entries):
        part = entries[start : start + most + 1]
        gaps += lost(part, None, begun=begun)
        begun |= {entry.created for entry in part}
        start += most
    gaps += lost(entries[start:], now, begun=begun)
    assert gaps == lost(entries, now)
