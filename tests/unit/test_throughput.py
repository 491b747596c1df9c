"""Throughput against the number of workers, from snapshots."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tachograph_schema.throughput import GROUPS, Point, marginal, paces, points

_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)


def _taken(*steps: tuple[int, int]) -> list[Point]:
    """Take a snapshot a minute: so many at work, so many more completed."""
    completed, taken = 0, []
    for n, (workers, done) in enumerate(steps):
        completed += done
        taken.append(Point(_AT + n * _MINUTE, workers, completed))
    return taken


def test_pace_is_told_by_the_number_of_workers() -> None:
    found = paces(_taken((2, 0), (2, 1), (2, 1), (4, 1), (4, 2), (4, 2)))
    assert [(pace.least, pace.most, pace.completed) for pace in found] == [
        (2, 2, 2),
        (3, 3, 1),
        (4, 4, 4),
    ]
    assert [round(pace.per_h) for pace in found] == [60, 60, 120]
    assert found[0].per_worker_h == pytest.approx(30)
    assert [pace.channels for pace in found] == [1, 3, 6]


def test_worker_that_brings_nothing_more_shows() -> None:
    gains = marginal(paces(_taken((1, 0), (1, 2), (1, 2), (3, 2), (3, 4), (5, 4), (5, 4))))
    assert gains[0] is None
    assert gains[-1] == pytest.approx(0)


def test_snapshots_far_apart_and_counts_that_fell_tell_nothing() -> None:
    far = [Point(_AT, 3, 0), Point(_AT + timedelta(hours=1), 3, 50)]
    fell = [Point(_AT, 3, 50), Point(_AT + _MINUTE, 3, 40)]
    assert paces(far) == paces(fell) == paces([]) == []
    assert marginal([]) == []


def test_fleet_where_nobody_works_completes_nothing_for_each() -> None:
    [pace] = paces(_taken((0, 0), (0, 0)))
    assert (pace.per_h, pace.per_worker_h, pace.channels) == (0, None, 0)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 9)), min_size=2, max_size=60))
def test_groups_are_few_in_order_and_lose_nothing(steps: list[tuple[int, int]]) -> None:
    taken = _taken(*steps)
    found = paces(taken)
    assert len(found) <= GROUPS
    assert sum(pace.completed for pace in found) == taken[-1].completed - taken[0].completed
    assert sum(pace.hours for pace in found) == pytest.approx((len(taken) - 1) / 60)
    assert all(a.most <= b.least + 1 for a, b in pairwise(found))
    assert all(pace.least <= pace.workers + 1e-9 <= pace.most + 1e-6 for pace in found)


def test_points_are_what_snapshots_say_oldest_first() -> None:
    snapshots: list[dict[str, Any]] = [
        {"at": _AT + _MINUTE, "parallel_agents": 4, "totals": {"tasks_completed": 7}},
        {"at": _AT, "parallel_agents": 3, "totals": {"tasks_completed": 5}},
        {"at": _AT, "totals": {"tasks_completed": 5}},
        {"at": _AT, "parallel_agents": 3},
    ]
    assert points(snapshots) == [Point(_AT, 3, 5), Point(_AT + _MINUTE, 4, 7)]
