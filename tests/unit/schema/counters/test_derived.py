"""Shares and intervals: what a reader computes from counters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tachograph_schema.counters.derived import interval, outcomes, percentiles, ratios


def test_cost_per_completed_task_takes_all_spend_failures_included() -> None:
    row = {"cost_nanousd": 3_000_000_000, "tasks_completed": 2, "tasks_failed": 1}
    assert ratios(row)["cost_per_completed_usd"] == 1.5
    assert ratios(row)["success_rate"] == pytest.approx(2 / 3)


def test_share_of_nothing_is_left_out_and_not_zero() -> None:
    assert ratios({}) == {"cost_usd": 0.0}


def test_tier_is_charged_for_its_tasks_whoever_served_their_calls() -> None:
    row = {"cost_nanousd": 10**9, "task_cost_nanousd": 4 * 10**9, "tasks_completed": 2}
    assert ratios(row)["cost_per_completed_usd"] == 2.0


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_interval_holds_the_rate_and_stays_a_share(n: int, share: float) -> None:
    successes = round(n * share)
    low, high = interval(successes, n)
    assert 0 <= low <= successes / n + 1e-9
    assert successes / n - 1e-9 <= high <= 1


def test_interval_is_the_textbooks() -> None:
    assert interval(8, 10) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)


def test_outcomes_tell_retries_from_rotations_with_how_many_there_were() -> None:
    row = {"retry_completed": 1, "retry_failed": 3, "rotation_completed": 9}
    found = outcomes(row)
    assert set(found) == {"retry", "rotation"}
    assert (found["retry"]["n"], found["retry"]["success_rate"]) == (4, 0.25)


def test_percentiles_come_with_how_many_runs_they_rest_on() -> None:
    found = percentiles({"steps~0": 1, "steps~1": 1, "tokens_in": 5})
    assert found == {"steps": {"n": 2, "p50": 0.0, "p95": 0.0, "p99": 0.0}}


def test_outcomes_of_events_that_came_out_of_order_are_what_can_be_told_of_them() -> None:
    assert outcomes({"first_completed": 3, "first_failed": -1})["first"]["success_rate"] == 1.0
    assert outcomes({"first_completed": -1, "first_failed": 1})["first"]["success_rate"] == 0.0
    assert outcomes({"retry_completed": -1}) == {}
