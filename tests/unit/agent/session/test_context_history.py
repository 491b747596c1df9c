"""A window's memory of how it filled: short, whole, and in order."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tachograph.session.context_window import ContextHistory
from tachograph_schema.documents.session import MAX_HISTORY_POINTS

BEGAN = int(datetime(2026, 2, 16, 18, tzinfo=UTC).timestamp())


def _points(said: str) -> list[tuple[int, int]]:
    return [(int(second), int(left)) for second, left in (p.split(":") for p in said.split())]


def test_first_points_are_kept_as_they_are() -> None:
    filling = ContextHistory()
    filling.note(BEGAN, 97.8)
    said = filling.note(BEGAN + 60, 80)
    assert _points(said) == [(BEGAN, 97), (BEGAN + 60, 80)]


def test_calls_within_seconds_are_one_point() -> None:
    filling = ContextHistory()
    said = [filling.note(BEGAN + s, 90 - s) for s in (0, 1, 4, 5)]
    assert [len(_points(each)) for each in said] == [1, 1, 1, 2]


@given(st.lists(st.integers(0, 3600), min_size=1, max_size=400))
def test_however_long_the_way_it_is_told_whole_and_short(waits_s: list[int]) -> None:
    filling, at, said = ContextHistory(), BEGAN, ""
    for wait in waits_s:
        at += wait
        said = filling.note(at, 50)
    points = _points(said)
    seconds = [second for second, _ in points]
    assert len(points) <= MAX_HISTORY_POINTS
    assert len(said) <= 2000
    assert seconds == sorted(set(seconds))
    assert seconds[0] == BEGAN + waits_s[0]
    # The way is told to within a few points' distance of its end.
    if len(points) > MAX_HISTORY_POINTS // 2:
        longest = max(b - a for a, b in pairwise(seconds))
        assert at - seconds[-1] <= 2 * longest
