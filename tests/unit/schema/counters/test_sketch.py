"""The log-bucket sketch: two percent, whatever the numbers."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tachograph_schema.counters.sketch import (
    RELATIVE_ERROR,
    bucket_counter,
    bucket_index,
    bucket_value,
    buckets,
    quantile,
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
    exact = sorted(values)[int(q * (len(values) - 1))]
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


def test_empty_and_transiently_negative_buckets_read_as_empty() -> None:
    assert quantile(buckets({"x~5": -1, "y~3": 2}, "x"), 0.5) is None
