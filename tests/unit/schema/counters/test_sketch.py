"""The log-bucket sketch: two percent, whatever the numbers."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tachograph_schema.counters.sketch import (
    RELATIVE_ERROR,
    STEPS,
    bucket_counter,
    bucket_index,
    bucket_value,
    buckets,
    coarser,
    nearest_rank,
    quantile,
    relative_error,
)

_VALUES = st.integers(0, 10**15)


@given(_VALUES)
def test_every_value_is_within_two_percent_of_its_bucket(value: int) -> None:
    assert abs(bucket_value(bucket_index(value)) - value) <= RELATIVE_ERROR * value * (1 + 1e-9)


@given(_VALUES, _VALUES)
def test_larger_values_never_fall_into_smaller_buckets(one: int, other: int) -> None:
    assert (bucket_index(one) <= bucket_index(other)) or one > other


@given(st.lists(_VALUES, min_size=1, max_size=200), st.floats(0, 1))
def test_quantile_is_within_two_percent_of_the_exact_one(values: list[int], q: float) -> None:
    exact = sorted(values)[nearest_rank(q, len(values)) - 1]
    counters = Counter(bucket_counter("duration_ms", value) for value in values)
    estimate = quantile(buckets(counters, "duration_ms"), q)
    assert estimate is not None
    assert abs(estimate - exact) <= RELATIVE_ERROR * exact * (1 + 1e-9)


@given(st.lists(st.lists(_VALUES), max_size=5))
def test_sketches_add_up_as_counters_do(parts: list[list[int]]) -> None:
    def sketch(values: list[int]) -> Counter[str]:
        return Counter(bucket_counter("x", value) for value in values)

    merged: Counter[str] = sum((sketch(part) for part in parts), Counter())
    assert merged == sketch([value for part in parts for value in part])


@given(st.lists(_VALUES, min_size=1, max_size=200), st.floats(0, 1), st.sampled_from(STEPS))
def test_quantile_of_a_coarser_sketch_is_within_the_error_of_its_step(
    values: list[int], q: float, step: int
) -> None:
    exact = sorted(values)[nearest_rank(q, len(values)) - 1]
    counters = coarser(Counter(bucket_counter("duration_ms", value) for value in values), step)
    estimate = quantile(buckets(counters, "duration_ms"), q)
    assert estimate is not None
    assert abs(estimate - exact) <= relative_error(step) * exact * (1 + 1e-9)


def test_errors_of_the_steps_are_those_that_are_promised() -> None:
    assert [round(relative_error(step), 3) for step in STEPS] == [0.02, 0.062, 0.197]


@given(st.dictionaries(st.sampled_from(["n", *(f"x~{n}" for n in range(99))]), st.integers(1, 9)))
def test_sketch_made_coarser_step_by_step_is_as_made_coarser_at_once(row: dict[str, int]) -> None:
    assert coarser(coarser(row, 3), 9) == coarser(row, 9)
    assert coarser(coarser(row, 9), 3) == coarser(coarser(row, 9), 9) == coarser(row, 9)
    assert sum(coarser(row, 9).values()) == sum(row.values())
    assert coarser(row, 9).get("n") == row.get("n")


def test_empty_and_transiently_negative_buckets_read_as_empty() -> None:
    assert quantile(buckets({"x~5": -1, "y~3": 2}, "x"), 0.5) is None


@pytest.mark.parametrize(
    ("q", "n", "rank"),
    [
        (0.5, 2, 1),
        (0.95, 10, 10),
        (0.95, 20, 19),
        (0.99, 100, 99),
        (0.07, 100, 7),
        (0, 3, 1),
        (1, 3, 3),
    ],
)
def test_rank_of_a_quantile_is_the_nearest(q: float, n: int, rank: int) -> None:
    assert nearest_rank(q, n) == rank


def test_one_dear_task_in_ten_is_the_95th_percentile() -> None:
    counters = Counter(bucket_counter("cost_nanousd", n) for n in (*[6_000_000] * 9, 120_000_000))
    histogram = buckets(counters, "cost_nanousd")
    assert quantile(histogram, 0.5) == pytest.approx(6_000_000, rel=RELATIVE_ERROR)
    assert quantile(histogram, 0.95) == pytest.approx(120_000_000, rel=RELATIVE_ERROR)
