"""The size of a document, by Firestore's rules, and the integers it can hold."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tachograph_schema.counters.size import (
    MAX_INT,
    MIN_INT,
    document_size,
    saturated,
    saturated_cells,
    value_size,
)


def test_document_of_firestores_own_example_has_the_size_that_its_page_gives() -> None:
    fields = {
        "type": "Personal",
        "done": False,
        "priority": 1,
        "description": "Learn Cloud Firestore",
    }
    assert document_size("users/jeff/tasks/my_task_id", fields) == 147


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("", 1),
        ("größer", 9),
        ("\N{PILE OF POO}", 5),
        (None, 1),
        (True, 1),
        (7, 8),
        (0.5, 8),
        (datetime(2026, 3, 1, tzinfo=UTC), 8),
        ([1, "ab", None], 12),
        ({}, 32),
        ({"ab": {"c": 1}}, 32 + 3 + 32 + 2 + 8),
    ],
)
def test_value_has_its_size(value: object, size: int) -> None:
    assert value_size(value) == size


def test_value_of_a_type_that_no_document_has_is_refused() -> None:
    with pytest.raises(TypeError, match="the value is a bytes"):
        value_size(b"raw")


@given(st.integers())
def test_integer_saturates_at_the_nearest_that_firestore_holds(n: int) -> None:
    assert MIN_INT <= saturated(n) <= MAX_INT
    assert saturated(n) == n or abs(saturated(n)) >= MAX_INT


def test_cells_saturate_counter_by_counter() -> None:
    cells = {"fleet": {"cost_nanousd": 2**70, "tokens_in": -(2**70), "steps": 3}}
    assert saturated_cells(cells)["fleet"] == {
        "cost_nanousd": MAX_INT,
        "tokens_in": MIN_INT,
        "steps": 3,
    }
