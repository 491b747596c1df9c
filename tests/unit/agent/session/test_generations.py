"""Generations of a session, as its document is told of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tachograph.session.document import SessionDocument

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_low_before_a_compaction_is_of_the_generation_that_it_was() -> None:
    health = SessionDocument()
    health.say(NOON, {"generation": 0, "state": "idle"})
    landed = health.next_fields(None) or {}
    health.wrote()
    health.say(NOON + timedelta(minutes=1), {"context_remaining_pct": 20.0})
    # No window is known any more: what is left is not said.
    health.say(NOON + timedelta(minutes=2), {"generation": 1, "context_used_tokens": 0})
    low = health.next_fields(landed) or {}
    assert (low["context_remaining_pct"], "generation" in low) == (20.0, False)
    health.wrote()
    fresh = health.next_fields({**landed, **low}) or {}
    assert (fresh["generation"], "context_remaining_pct" in fresh) == (1, False)


def test_session_that_is_gone_on_with_does_not_go_back_to_its_first_generation() -> None:
    health = SessionDocument()
    health.say(NOON, {"generation": 0, "state": "idle"})
    again = health.next_fields({"generation": 2, "reported_at": NOON - timedelta(hours=1)}) or {}
    assert again["state"] == "idle"
    assert "generation" not in again
