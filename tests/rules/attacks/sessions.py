"""Sessions of others; and what one's own may hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rules.attacks.row import LONG, SESSION, Row
from support.fleets.two_agents import DELETE, NOW, ORCHESTRATOR, OWNER, A, T
from support.rules import create, delete, put, update


def sessions() -> Iterator[Row]:
    """Sessions of others; and what one's own may hold."""
    on_a = lambda **fields: update(A, "sessions/s-a", **fields)  # noqa: E731 - short
    yield Row(
        "an agent opens a session of another",
        create(A, "sessions/x", {**SESSION, "agent_id": "b"}),
        create(A, "sessions/x", SESSION),
    )
    yield Row(
        "an agent opens a session of nobody",
        create(A, "sessions/x", {"state": "idle"}),
        create(A, "sessions/x", SESSION),
    )
    yield Row(
        "an agent takes a session's id that is another's",
        put(A, "sessions/s-b", SESSION),
        put(A, "sessions/s-new", SESSION),
    )
    yield Row(
        "an agent takes a session that is nobody's",
        update(A, "sessions/s-none", agent_id="a"),
        update(OWNER, "sessions/s-none", state="idle"),
    )
    yield Row(
        "an agent says that another is stuck",
        update(A, "sessions/s-b", state="stuck"),
        on_a(state="stuck"),
    )
    yield Row(
        "an orchestrator says that an agent is stuck",
        update(ORCHESTRATOR, "sessions/s-b", state="stuck"),
        on_a(state="error"),
    )
    yield Row("an agent gives its session to another", on_a(agent_id="b"), on_a(agent_role="fixer"))
    yield Row(
        "an owner gives a session to another",
        update(OWNER, "sessions/s-a", agent_id="b"),
        update(OWNER, "sessions/s-a", state="idle"),
    )
    yield Row(
        "an agent changes whom it took over from",
        on_a(predecessor_session_id="s-b"),
        on_a(predecessor_session_id="s-a0"),
    )
    yield Row(
        "an agent takes back that it is stuck",
        update(A, "sessions/stuck", effective_state=DELETE),
        update(A, "sessions/stuck", state="active", last_progress_at=NOW),
    )
    yield Row(
        "an agent takes back since when it is stuck",
        update(A, "sessions/stuck", effective_since=NOW),
        update(A, "sessions/stuck", last_seen_at=NOW),
    )
    yield Row(
        "a new session with findings of its own",
        create(A, "sessions/x", {**SESSION, "effective_state": "fine"}),
        create(A, "sessions/x", SESSION),
    )
    yield Row(
        "a session that handed over goes on",
        update(A, "sessions/over", state="active"),
        update(A, "sessions/over", cost_nanousd=77),
    )
    yield Row(
        "a session takes back that it handed over",
        update(A, "sessions/over", end_reason=DELETE),
        update(A, "sessions/over", reported_at=T),
    )
    yield Row("an agent deletes its session", delete(A, "sessions/s-a"), on_a(state="completed"))
    wrong: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "more context than there is": (
            {"context_remaining_pct": 101},
            {"context_remaining_pct": 100},
        ),
        "text for its context": ({"context_remaining_pct": "35"}, {"context_remaining_pct": 35}),
        "a negative window": ({"context_window_tokens": -1}, {"context_window_tokens": 200_000}),
        "a rate of text": ({"tokens_per_s": "fast"}, {"tokens_per_s": 12.5}),
        "a negative rate": ({"tokens_per_s": -1}, {"tokens_per_s": 0}),
        "a rate beyond any model": ({"tokens_per_s": 2e9}, {"tokens_per_s": 1e9}),
        "an unknown state": ({"state": "zombie"}, {"state": "waiting"}),
        "an unknown end": ({"end_reason": "won"}, {"end_reason": "compacted"}),
        "an unknown source": ({"context_source": "me"}, {"context_source": "agent"}),
        "a promise of its own": ({"heartbeat_s": 86_400}, {"heartbeat_s": 60}),
        "a host of 201 characters": ({"host": LONG}, {"host": "laptop"}),
        "a wait of 2,001 characters": ({"waiting_for": "x" * 2001}, {"waiting_for": None}),
        "a past too long": ({"context_history": "1" * 2001}, {"context_history": "1:50"}),
        "that it was seen in 1970": (
            {"last_seen_at": datetime(1970, 1, 1, tzinfo=UTC)},
            {"last_seen_at": NOW},
        ),
        "that it made progress by a word": ({"last_progress_at": "now"}, {"last_progress_at": NOW}),
        "that it began by a number": ({"started_at": 5}, {"started_at": T}),
        "that it ended by a word": ({"ended_at": "never"}, {"ended_at": T}),
        "that it waits until a word": ({"waiting_until": "later"}, {"waiting_until": None}),
        "that it reports at a word": ({"reported_at": "now"}, {"reported_at": T}),
        "a field nobody knows": ({"prompt": "secret"}, {"runtime": "codex"}),
        "that it never was": ({"voided": True}, {"generation": 1}),
    }
    for what, (attack, allowed) in wrong.items():
        yield Row(f"an agent says of its session {what}", on_a(**attack), on_a(**allowed))
    yield Row(
        "an agent's new session says nonsense",
        create(A, "sessions/x", {**SESSION, "cost_nanousd": -1}),
        create(A, "sessions/x", {**SESSION, "cost_nanousd": 1}),
    )
