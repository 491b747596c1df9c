"""Where the cliff is: learned from fleets whose cliff is known, and never from too little."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tachograph_schema.counters.derived import interval
from tachograph_schema.rotation.cliff import (
    CANDIDATES_PCT,
    MIN_RUNS,
    SOUGHT_WORSE,
    Cliff,
    Side,
    cliff,
    difference,
    runs_wanted,
    sides,
)

_COUNTS = st.tuples(st.integers(0, 400), st.integers(0, 400)).map(lambda n: Side(sum(n), n[0]))
_TENTHS = st.lists(_COUNTS, min_size=10, max_size=10)


def _fleet(rnd: random.Random, runs: int, at_pct: int, good: float, bad: float) -> list[Side]:
    """Simulate tasks whose share of bad ends is `bad` below the cliff and `good` above."""
    tenths = [Side(0, 0)] * 10
    for _ in range(runs):
        left = 100 * rnd.betavariate(2, 2.5)
        ended_badly = rnd.random() < (bad if left < at_pct else good)
        tenth = min(9, int(left // 10))
        tenths[tenth] += Side(1, int(ended_badly))
    return tenths


def _learned(seed: int, fleets: int, *fleet: float) -> list[Cliff]:
    rnd = random.Random(seed)  # noqa: S311 - the same fleets every time
    runs, at_pct, good, bad = fleet
    return [cliff(_fleet(rnd, int(runs), int(at_pct), good, bad)) for _ in range(fleets)]


@pytest.mark.parametrize("at_pct", [20, 30, 40, 50, 60])
@pytest.mark.parametrize(("good", "bad"), [(0.1, 0.4), (0.05, 0.25), (0.3, 0.65)])
def test_known_cliff_is_found_within_a_step_given_enough_runs(
    at_pct: int, good: float, bad: float
) -> None:
    found = _learned(at_pct, 40, 1000, at_pct, good, bad)
    assert all(one.status == "learned" for one in found)
    assert all(abs(one.at_pct - at_pct) <= 10 for one in found)
    assert sum(one.low_pct <= at_pct <= one.high_pct for one in found) >= 38


@pytest.mark.parametrize("runs", [60, 200, 600, 3000])
@pytest.mark.parametrize("share", [0.05, 0.3])
def test_nothing_is_learned_where_context_makes_no_difference(runs: int, share: float) -> None:
    found = _learned(runs, 100, runs, 50, share, share)
    assert sum(one.status == "learned" for one in found) <= 2


def test_context_that_makes_tasks_better_is_no_cliff() -> None:
    assert {one.status for one in _learned(1, 40, 2000, 40, 0.4, 0.1)} == {"none"}


@given(_TENTHS)
def test_threshold_is_a_candidate_inside_its_interval_and_rests_on_enough_runs(
    tenths: list[Side],
) -> None:
    found = cliff(tenths)
    assert found.at_pct in CANDIDATES_PCT
    assert found.low_pct <= found.at_pct <= found.high_pct
    assert {found.low_pct, found.high_pct} <= set(CANDIDATES_PCT)
    assert found.below + found.above == sum(tenths, Side(0, 0))
    if found.status == "learned":
        assert min(found.below.runs, found.above.runs) >= MIN_RUNS
        assert found.worse >= found.worse_low > 0


@given(st.lists(st.integers(0, MIN_RUNS - 1), min_size=10, max_size=10), st.integers(1, 9))
def test_nothing_is_learned_from_too_few_runs_however_bad_they_ended(
    below: list[int], tenth: int
) -> None:
    few = [Side(0, 0)] * 10
    few[tenth] = Side(500, 0)
    few[0] = Side(below[0], below[0])
    found = cliff(few)
    assert found.status == "too_few"
    assert found.needs_below > 0


def test_it_says_how_many_more_runs_would_be_enough_and_then_they_are() -> None:
    tenths = [Side(0, 0), Side(3, 1), Side(10, 1), *[Side(40, 4)] * 7]
    found = cliff(tenths)
    assert (found.status, found.needs_above) == ("too_few", 0)
    assert found.needs_below > 0
    for _ in range(3):  # the more that is known of the usual share, the better it knows how many
        found = cliff(tenths)
        tenths[found.at_pct // 10 - 1] += Side(found.needs_below, found.needs_below // 10)
    assert cliff(tenths).status == "none"
    assert sum(tenths, Side(0, 0)).runs < 450


@pytest.mark.parametrize("share", [0.05, 0.1, 0.3])
def test_runs_wanted_show_the_cliff_that_is_sought_in_four_cases_of_five(share: float) -> None:
    rnd = random.Random(5)  # noqa: S311 - the same fleets every time
    runs, shown = runs_wanted(share), 0
    for _ in range(200):
        bad_below = sum(rnd.random() < share + SOUGHT_WORSE for _ in range(runs))
        bad_above = sum(rnd.random() < share for _ in range(runs))
        low, _ = difference(Side(runs, bad_below), Side(runs, bad_above), 0.01 / 7)
        shown += low > 0
    assert shown >= 160


def test_difference_is_newcombes_own_example() -> None:
    # Newcombe 1998, table II (a): 56/70 - 48/80, method 10.
    low, high = difference(Side(70, 56), Side(80, 48), 0.05)
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)
    # and (h), 10/10 - 0/10.
    low, high = difference(Side(10, 10), Side(10, 0), 0.05)
    assert (round(low, 4), round(high, 4)) == (0.6075, 1.0)


@given(st.integers(1, 10**6), st.data())
def test_interval_of_a_share_widens_with_confidence(n: int, data: st.DataObject) -> None:
    won = data.draw(st.integers(0, n))
    low, high = interval(won, n)
    wider_low, wider_high = interval(won, n, 3.0)
    rounding = 1e-12
    assert wider_low - rounding <= low <= won / n + rounding
    assert won / n - rounding <= high <= wider_high + rounding


def test_tasks_are_counted_bad_once_however_much_went_wrong() -> None:
    row = {
        "context_20_completed": 5,
        "context_20_failed": 2,
        "context_20_reworked": 3,
        "context_20_retried": 3,
        "context_20_clean": 1,
        "context_90_completed": 4,
        "context_90_clean": 4,
        "context_remaining_pct~3": 7,
    }
    tenths = sides(row)
    assert tenths[2] == Side(7, 6)
    assert tenths[9] == Side(4, 0)
    assert sum(side.runs for side in tenths) == 11


@given(st.dictionaries(st.sampled_from(["completed", "failed", "clean"]), st.integers(-5, 50)))
def test_counts_out_of_step_are_never_more_bad_ends_than_tasks(counts: dict[str, int]) -> None:
    for side in sides({f"context_30_{name}": n for name, n in counts.items()}):
        assert 0 <= side.bad <= side.runs
