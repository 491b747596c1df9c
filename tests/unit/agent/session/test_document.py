"""The fields of a session's document: the latest values, and every low of its context."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from google.cloud.firestore import DELETE_FIELD
from hypothesis import given
from hypothesis import strategies as st

from tachograph.session.document import SessionDocument

_START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _written(health: SessionDocument, landed: dict[str, Any]) -> list[dict[str, Any]]:
    """Write everything over `landed`, and return the writes."""
    writes = []
    while (fields := health.next_fields(landed)) is not None:
        landed.update(fields)
        health.wrote()
        writes.append(fields)
    return writes


def _full(health: SessionDocument, levels: list[float]) -> None:
    for second, left in enumerate(levels):
        health.say(_START + timedelta(seconds=second), {"context_remaining_pct": left})


def test_low_before_a_compaction_is_written_though_all_was_said_in_a_second() -> None:
    health = SessionDocument()
    _full(health, [90, 50, 20, 80, 60])
    assert [w["context_remaining_pct"] for w in _written(health, {})] == [20, 60]


@given(st.lists(st.floats(0, 100), min_size=1))
def test_lowest_level_and_last_one_are_always_written(levels: list[float]) -> None:
    health = SessionDocument()
    _full(health, levels)
    written = [fields["context_remaining_pct"] for fields in _written(health, {})]
    assert min(written) == min(levels)
    assert written[-1] == levels[-1]


@given(st.lists(st.floats(0, 100), min_size=1), st.integers(0, 20))
def test_document_that_is_ahead_is_not_turned_back(levels: list[float], seconds: int) -> None:
    health = SessionDocument()
    _full(health, levels)
    ahead = _START + timedelta(seconds=seconds)
    written = _written(health, {"reported_at": ahead})
    assert all(fields["reported_at"] >= ahead for fields in written)


def test_spend_is_added_to_what_the_document_says() -> None:
    health = SessionDocument()
    health.spend(5)
    health.spend(7)
    landed: dict[str, Any] = {"cost_nanousd": 100}
    _written(health, landed)
    assert landed["cost_nanousd"] == 112
    assert health.next_fields(landed) is None


def test_what_is_refused_is_offered_again() -> None:
    health = SessionDocument()
    _full(health, [50])
    assert health.next_fields({}) == health.next_fields({})


def test_beginning_is_written_by_itself_where_what_follows_is_of_a_later_hour() -> None:
    for pause, writes in ((timedelta(minutes=5), 1), (timedelta(hours=30), 2)):
        health = SessionDocument()
        health.say(_START, {"state": "idle", "started_at": _START})
        health.say(_START + pause, {"state": "active"})
        written = _written(health, {})
        assert [w["reported_at"] for w in written] == [_START, _START + pause][-writes:]
        assert written[0]["started_at"] == _START


def test_fill_that_is_not_known_any_more_is_taken_away_and_not_zero() -> None:
    health = SessionDocument()
    health.say(_START, {"context_used_tokens": 9, "context_remaining_pct": 5.0})
    landed: dict[str, Any] = {}
    _written(health, landed)
    unknown = ("context_used_tokens", "context_remaining_pct")
    health.say(_START + timedelta(seconds=1), {"generation": 1}, unknown=unknown)
    [fields] = _written(health, landed)
    assert [fields[name] for name in unknown] == [DELETE_FIELD, DELETE_FIELD]


def test_nothing_is_taken_away_of_a_document_that_is_not_there() -> None:
    health = SessionDocument()
    health.say(_START, {"generation": 1}, unknown=("context_used_tokens",))
    [fields] = _written(health, {})
    assert "context_used_tokens" not in fields
