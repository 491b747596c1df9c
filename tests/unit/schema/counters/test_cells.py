"""Cells are a commutative group: what holds of their sums, whatever they hold."""

from __future__ import annotations

import copy
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tachograph_schema.counters.cells import (
    Cells,
    add,
    add_into,
    add_rows,
    add_up,
    delta,
    prune,
    subtract,
)

_ROWS = st.dictionaries(st.sampled_from("abc"), st.integers(-(10**18), 10**18) | st.just(0))
_CELLS = st.dictionaries(st.sampled_from(["fleet", "model:m", "agent:a"]), _ROWS)


@given(_CELLS, _CELLS)
def test_addition_commutes(a: Cells, b: Cells) -> None:
    assert add(a, b) == add(b, a)


@given(_CELLS, _CELLS, _CELLS)
def test_addition_associates(a: Cells, b: Cells, c: Cells) -> None:
    assert add(add(a, b), c) == add(a, add(b, c)) == add_up([a, b, c])


@given(_CELLS)
def test_nothing_is_the_neutral_element(a: Cells) -> None:
    assert add(a, {}) == subtract(a, {}) == prune(a)
    assert subtract(a, a) == {}


@given(_CELLS, _CELLS)
def test_subtracting_what_was_added_leaves_what_was_there(a: Cells, b: Cells) -> None:
    assert subtract(add(a, b), b) == prune(a)


@given(st.lists(_CELLS, min_size=1, max_size=8))
def test_deltas_of_any_sequence_of_versions_telescope(versions: list[Cells]) -> None:
    deltas = [delta(before, after) for before, after in pairwise([{}, *versions])]
    assert add_up(deltas) == prune(versions[-1])


@given(_CELLS, _CELLS)
def test_delta_is_what_leads_from_one_version_to_the_next(before: Cells, after: Cells) -> None:
    assert add(before, delta(before, after)) == prune(after)


@given(_CELLS, _CELLS)
def test_results_have_no_zero_and_no_empty_scope(a: Cells, b: Cells) -> None:
    for cells in (prune(a), add(a, b), subtract(a, b), delta(a, b), add_up([a, b])):
        assert all(row for row in cells.values())
        assert all(n for row in cells.values() for n in row.values())


@given(_CELLS, _CELLS)
def test_no_operation_changes_its_arguments(a: Cells, b: Cells) -> None:
    copies = copy.deepcopy((a, b))
    for result in (add(a, b), subtract(a, b), prune(a), add_up([a, b])):
        for row in result.values():
            row["changed"] = 1
    assert (a, b) == copies


@given(st.lists(_CELLS, max_size=5))
def test_running_sum_is_the_sum_of_its_parts(parts: list[Cells]) -> None:
    total: Cells = {}
    for part in parts:
        add_into(total, part)
    assert prune(total) == add_up(parts)


@given(st.lists(_ROWS, max_size=5))
def test_rows_add_up_as_the_cells_of_one_scope(rows: list[dict[str, int]]) -> None:
    assert add_rows(rows) == add_up({"fleet": row} for row in rows).get("fleet", {})
