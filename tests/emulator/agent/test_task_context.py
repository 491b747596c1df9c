"""How low the context was while a task was worked on: what the cliff is learned from."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import monotonic, sleep
from typing import Any

import pytest
from google.cloud import firestore

from support.wire.wait import LONG_S
from tachograph import Fleet, Usage
from tachograph.firestore.listener import Listener, listen_or_warn


def _told(db: firestore.Client, fleet: str, task: str) -> tuple[float | None, float | None]:
    found: dict[str, Any] = db.document("fleets", fleet, "tasks", task).get().to_dict() or {}
    return found.get("context_remaining_pct"), found.get("context_remaining_min_pct")


def test_task_tells_the_context_left_at_its_end_and_the_least_there_was(
    db: firestore.Client, fleet_name: str
) -> None:
    with Fleet(fleet_name) as fleet:
        session = fleet.session("b-1", model="m", context_window=1000)
        task = session.task("t-1")
        for used in (300, 850, 400):
            task.record(Usage(tokens_in=used, tokens_out=1), model="m")
        task.complete()
    assert _told(db, fleet_name, "t-1") == (60, 15)


def test_context_freed_between_two_reports_leaves_its_low(
    db: firestore.Client, fleet_name: str
) -> None:
    with Fleet(fleet_name) as fleet:
        session = fleet.session("b-1", context_window=1000)
        task = session.task("t-1")
        session.context(950)
        session.compacted(100)
        task.complete()
    assert _told(db, fleet_name, "t-1") == (90, 5)


def test_successor_with_a_fresh_window_keeps_the_low_of_the_one_before(
    db: firestore.Client, fleet_name: str
) -> None:
    for agent, used in (("b-1", 800), ("b-2", 200)):
        with Fleet(fleet_name) as fleet:
            task = fleet.session(agent, context_window=1000).task("t-1")
            task.record(Usage(tokens_in=used), model="m")
            task.complete()
    assert _told(db, fleet_name, "t-1") == (80, 20)


def test_call_tells_of_the_task_it_was_made_for(db: firestore.Client, fleet_name: str) -> None:
    with Fleet(fleet_name) as fleet:
        session = fleet.session("b-1", context_window=1000)
        first, second = session.task("t-1"), session.task("t-2")
        first.record(Usage(tokens_in=700), model="m")
        first.record(Usage(tokens_in=10), model="m", own_context=False)
        second.complete()
        first.complete()
    assert _told(db, fleet_name, "t-1") == (30, 30)
    assert _told(db, fleet_name, "t-2") == (None, None)


def test_window_nobody_knows_the_size_of_tells_nothing(
    db: firestore.Client, fleet_name: str
) -> None:
    with Fleet(fleet_name) as fleet:
        task = fleet.session("b-1").task("t-1")
        task.record(Usage(tokens_in=700), model="nobody-knows-it")
        task.complete()
    assert _told(db, fleet_name, "t-1") == (None, None)


def test_window_that_an_agent_does_not_state_is_the_fleets_and_heard_once(
    db: firestore.Client, fleet_name: str
) -> None:
    db.document("fleets", fleet_name).set({"context_windows": {"local-m": 1000}})
    with Fleet(fleet_name) as fleet:
        session = fleet.session("b-1", session_id="s-1", model="local-m")
        stated = fleet.session("b-2", session_id="s-2", model="local-m", context_window=2000)
        deadline = monotonic() + LONG_S
        while session.context_level is None and monotonic() < deadline:
            session.context(700)
            sleep(0.05)
        session.context(700)
        stated.context(700)
        assert len(fleet._runtime.levels._watches) == 1
    sessions = db.collection("fleets", fleet_name, "sessions").stream()
    fields = {found.id: found.to_dict() or {} for found in sessions}
    assert [fields["s-1"][name] for name in _WINDOW] == ["fleet", 1000, 30]
    assert [fields["s-2"][name] for name in _WINDOW] == ["agent", 2000, 65]


def test_sessions_of_a_process_listen_to_the_fleet_once_and_not_after_it_is_closed(
    db: firestore.Client, fleet_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del db
    opened: list[str] = []

    def counted(source: Any, on_documents: Any, subject: str) -> Listener:  # noqa: ANN401 - as listen_or_warn
        opened.append(subject)
        return listen_or_warn(source, on_documents, subject)

    monkeypatch.setattr("tachograph.rotation.context_level.listen_or_warn", counted)
    with Fleet(fleet_name) as fleet:
        levels, together = fleet._runtime.levels, Barrier(8)

        def look(_: int) -> None:
            together.wait()
            levels.window_tokens("local-m")

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(look, range(8)))
    assert opened == [f"fleets/{fleet_name}"]
    with Fleet(fleet_name) as fleet:
        closed = fleet
    closed._runtime.levels.window_tokens("local-m")
    assert len(opened) == 1


_WINDOW = ("context_source", "context_window_tokens", "context_remaining_pct")
