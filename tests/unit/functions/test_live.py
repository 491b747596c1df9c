"""live/now: rings of an hour, one point a minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from publishing.live import FLOWS, RING_POINTS, STOCKS, live_document, recent_row
from tachograph_schema.counters.size import MAX_INT, document_size
from tachograph_schema.fields import MAX_NAME_CHARS

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


def test_largest_live_document_is_a_small_part_of_what_firestore_takes() -> None:
    models = {f"{n:02}{'ß' * (MAX_NAME_CHARS - 2)}": MAX_INT for n in range(11)}
    shown: dict[str, Any] = {}
    for minute in range(2 * RING_POINTS):
        shown = live_document(shown, {**_taken(60 * minute), "active_by_model": models})
    assert len(shown["rings"]["at_ms"]) == RING_POINTS
    assert document_size("fleets/acme/live/now", shown) < 30_000


def test_flows_beyond_any_integer_stay_at_the_largest() -> None:
    huge = {"tokens_in": MAX_INT, "tokens_out": MAX_INT, "cost_nanousd": MAX_INT}
    assert recent_row(huge)["tokens_total"] == MAX_INT
    hours = ({"2026-03-01T12": dict.fromkeys(FLOWS, n)} for n in (0, MAX_INT, 0, MAX_INT))
    shown = _shown(*({**_taken(60 * i), "recent": hour} for i, hour in enumerate(hours)))
    assert max(shown["rings"]["cost_nanousd"]) == MAX_INT
