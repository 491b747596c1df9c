"""Shares and intervals: what a reader computes from counters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tachograph_schema.counters.derived import (
    certainty,
    cost_by_part,
    fleet_ratios,
    interval,
    outcomes,
    overheads,
    percentiles,
    ratios,
    root_tasks_completed,
)
from tachograph_schema.counters.names import CERTAINTIES, COST_PARTS
from tachograph_schema.counters.sketch import bucket_counter


def test_cost_per_completed_task_takes_all_spend_failures_included() -> None:
    row = {"cost_nanousd": 3_000_000_000, "tasks_completed": 2, "tasks_failed": 1}
    assert ratios(row)["cost_per_completed_usd"] == 1.5
    assert ratios(row)["success_rate"] == pytest.approx(2 / 3)


def test_fleets_completed_task_is_what_somebody_asked_for() -> None:
    row = {
        "cost_nanousd": 3 * 10**9,
        "tasks_completed": 10,
        "root_tasks_completed": 2,
        "subtasks_completed": 7,
        "coordination_completed": 1,
    }
    assert fleet_ratios(row)["cost_per_completed_usd"] == 1.5
    assert ratios(row)["cost_per_completed_usd"] == 0.3
    assert fleet_ratios(row | {"tasks_failed": 4})["cost_per_completed_usd"] == 1.5


def test_completed_tasks_that_are_not_told_apart_have_no_cost_each() -> None:
    row = {"cost_nanousd": 3 * 10**9, "tasks_completed": 10, "root_tasks_completed": 2}
    assert root_tasks_completed(row) is None
    assert "cost_per_completed_usd" not in fleet_ratios(row)


_PARTS = st.fixed_dictionaries(dict.fromkeys(COST_PARTS, st.integers(0, 10**15)))


@given(_PARTS)
def test_true_to_naive_and_the_share_of_overhead_are_two_ways_to_say_one_thing(
    parts: dict[str, int],
) -> None:
    cost = sum(parts.values())
    row = {"cost_nanousd": cost} | {f"{part}_cost_nanousd": n for part, n in parts.items()}
    derived = ratios(row)
    assert cost_by_part(row) == parts
    if parts["root_first"] + parts["subtasks_first"] > cost / 1000:
        assert 1 / derived["true_to_naive"] == pytest.approx(1 - derived["overhead_share"])
        assert sum(part["share"] for part in overheads(row).values()) == pytest.approx(
            derived["overhead_share"]
        )


@given(_PARTS, st.integers(1, 10**15))
def test_cost_of_which_a_part_is_not_told_apart_says_no_true_to_naive(
    parts: dict[str, int], before: int
) -> None:
    row = {f"{part}_cost_nanousd": n for part, n in parts.items()}
    row["cost_nanousd"] = sum(parts.values()) + before
    told_apart = before * 1000 <= row["cost_nanousd"]
    assert ("true_to_naive" in ratios(row)) <= told_apart
    assert (cost_by_part(row) is not None) == told_apart


def test_subtasks_are_no_overhead() -> None:
    row = {
        "cost_nanousd": 10**9,
        "root_first_cost_nanousd": 10**8,
        "subtasks_first_cost_nanousd": 9 * 10**8,
    }
    assert ratios(row)["true_to_naive"] == 1.0
    assert ratios(row)["overhead_share"] == 0.0


def test_share_of_nothing_is_left_out_and_not_zero() -> None:
    assert ratios({}) == {"cost_usd": 0.0}


def test_cost_of_calls_without_a_price_is_unknown_and_not_zero() -> None:
    row = {"unpriced_calls": 3, "tasks_completed": 2, "root_tasks_completed": 2, "llm_calls": 3}
    for numbers in (ratios(row), fleet_ratios(row)):
        assert numbers.keys().isdisjoint({"cost_usd", "cost_per_completed_usd"})
    assert fleet_ratios(row | {"cost_nanousd": 10**9})["cost_per_completed_usd"] == 0.5


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
    assert found == {"steps": {"n": 2, "p50": 0.0, "p95": 0.98, "p99": 0.98}}


def test_no_percentile_of_a_percentage_is_above_a_hundred() -> None:
    found = percentiles({bucket_counter("context_remaining_pct", 100): 9})
    assert found == {"context_remaining_pct": {"n": 9, "p50": 100, "p95": 100, "p99": 100}}


def test_outcomes_of_events_that_came_out_of_order_are_what_can_be_told_of_them() -> None:
    assert outcomes({"first_completed": 3, "first_failed": -1})["first"]["success_rate"] == 1.0
    assert outcomes({"first_completed": -1, "first_failed": 1})["first"]["success_rate"] == 0.0
    assert outcomes({"retry_completed": -1}) == {}


_CERTAIN = st.fixed_dictionaries(dict.fromkeys(CERTAINTIES, st.integers(0, 10**15)))


@given(_CERTAIN, st.integers(0, 10**15))
def test_certainties_add_up_to_the_cost_with_what_an_older_version_did_not_say(
    parts: dict[str, int], untold: int
) -> None:
    row = {f"cost_{kind}_nanousd": n for kind, n in parts.items()}
    row["cost_nanousd"] = cost = sum(parts.values()) + untold
    found = certainty(row)
    assert all(found[kind]["cost_usd"] == n / 1e9 for kind, n in parts.items())
    shares = sum(part["share"] for part in found.values())
    assert shares == pytest.approx(1 if cost else 0, abs=1e-3)
    assert (found["untold"]["cost_usd"] > 0) == (untold * 1000 > cost)
