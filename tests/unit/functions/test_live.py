"""live/now: rings of an hour, one point a minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from publishing.live import FLOWS, RING_POINTS, STOCKS, live_document

_START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _taken(seconds: int, queue_depth: int = 0) -> dict[str, Any]:
    return {
        "at": _START + timedelta(seconds=seconds),
        **dict.fromkeys(STOCKS, 0),
        "sessions": {"active": 1, "idle": 2, "stuck": 0},
        "queue_depth": queue_depth,
        "recent": {"2026-03-01T12": dict.fromkeys(FLOWS, 0)},
    }


def _shown(*snapshots: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for taken in snapshots:
        shown = live_document(shown, taken)
    return shown


@given(st.lists(st.integers(1, 500), max_size=80))
def test_rings_hold_at_most_an_hour_and_one_point_a_minute(gaps: list[int]) -> None:
    seconds = 0
    shown = _shown(_taken(0))
    for gap in gaps:
        seconds += gap
        shown = live_document(shown, _taken(seconds))
    minutes = [at // 60_000 for at in shown["rings"]["at_ms"]]
    assert minutes == sorted(set(minutes))
    assert len(minutes) <= RING_POINTS
    assert minutes[-1] - minutes[0] < RING_POINTS
    assert {len(ring) for ring in shown["rings"].values()} == {len(minutes)}


def test_newest_snapshot_of_a_minute_is_its_point() -> None:
    shown = _shown(_taken(0, 5), _taken(10, 6), _taken(50, 7), _taken(60, 8))
    assert shown["rings"]["queue_depth"] == [7, 8]
    assert shown["queue_depth"] == 8


def test_ring_that_is_new_to_an_old_document_is_filled_with_zeros() -> None:
    shown = _shown(_taken(0))
    del shown["rings"]["queue_depth"]
    assert live_document(shown, _taken(60, 3))["rings"]["queue_depth"] == [0, 3]


def test_what_flowed_is_the_growth_of_the_latest_hours_and_no_import_of_older_ones() -> None:
    def taken(seconds: int, **hours: int) -> dict[str, Any]:
        recent = {hour: {**dict.fromkeys(FLOWS, 0), "llm_calls": n} for hour, n in hours.items()}
        return {**_taken(seconds), "recent": recent}

    shown = _shown(
        taken(0, h11=500, h12=100),  # what was there before is no burst
        taken(60, h11=500, h12=130),
        taken(120, h11=507, h12=140),  # some of it came late
        taken(180, h12=150, h13=4),  # the hour turned
    )
    assert shown["rings"]["llm_calls"] == [0, 30, 47, 61]
