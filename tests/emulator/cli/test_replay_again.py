"""Transcripts that are replayed again: after a kill, grown, or with what they are a fork of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.fleets.transcripts import SESSION, answer, prompt, said, write
from tachograph import Fleet
from tachograph_cli.replay.driver import Settings, replay
from tachograph_cli.replay.transcripts import folder

if TYPE_CHECKING:
    from pathlib import Path

    from google.cloud import firestore


FORK = "99999999-2222-4333-8444-555555555555"


def replayed(fleet_name: str, *places: Path) -> None:
    """Replay places one after the other, each as a process of its own would."""
    for place in places:
        with Fleet(fleet_name) as fleet:
            replay(fleet, folder.find(place), Settings())


def documents(db: firestore.Client, fleet_name: str, collection: str) -> dict[str, dict[str, Any]]:
    found = db.collection("fleets", fleet_name, collection).stream()
    return {document.id: document.to_dict() or {} for document in found}


def spent(rows: dict[str, dict[str, Any]]) -> int:
    return sum(row.get("cost_nanousd", 0) for row in rows.values())


def bill(tokens: int, usd: float) -> dict[str, Any]:
    row = {"inputTokens": tokens, "costUSD": usd}
    return {"type": "cost-state", "sessionId": SESSION, "modelUsage": {"claude-haiku-4-5": row}}


def test_session_whose_replay_was_killed_has_its_whole_cost_after_the_next(
    db: firestore.Client, fleet_name: str, tmp_path: Path
) -> None:
    lines = [prompt(0), answer(1, [10, 0, 0, 0, 5]), bill(1000, 0.25)]
    write(tmp_path / "s.jsonl", lines)
    replayed(fleet_name, tmp_path)
    expected = spent(documents(db, fleet_name, "tasks"))
    assert expected == 250_000_000 + 10 * 5_000 + 5 * 25_000
    session = db.document("fleets", fleet_name, "sessions", SESSION)
    for lost in (0, 1, expected - 250_000_000, expected):
        session.update({"cost_nanousd": expected - lost})
        replayed(fleet_name, tmp_path)
        assert session.get().get("cost_nanousd") == expected


def test_bill_of_a_transcript_that_grows_replaces_the_one_before(
    db: firestore.Client, fleet_name: str, tmp_path: Path
) -> None:
    first = [prompt(0), answer(1, [10, 0, 0, 0, 5]), bill(1000, 0.25)]
    second = [prompt(60, "again"), answer(61, [10, 0, 0, 0, 5], identity="m2", request="r2")]
    early = write(tmp_path / "early" / "s.jsonl", first)
    late = write(tmp_path / "late" / "s.jsonl", [*first, *second, bill(1500, 0.375)])
    for place in (early, late, early, late):
        replayed(fleet_name, place)
    tasks = documents(db, fleet_name, "tasks")
    rest = tasks[f"{SESSION}-bill"]
    assert (rest["tokens_in"], rest["cost_nanousd"], rest.get("llm_calls")) == (
        1500,
        375_000_000,
        None,
    )
    assert (rest["task_type"], rest["cost_source"]) == ("session_bill", "reported")
    sessions = documents(db, fleet_name, "sessions")
    assert sessions[SESSION]["cost_nanousd"] == spent(tasks) == 375_350_000


@pytest.mark.parametrize("parent_first", [True, False])
def test_calls_of_a_fork_that_is_replayed_apart_from_its_parent_count_once(
    db: firestore.Client, fleet_name: str, tmp_path: Path, *, parent_first: bool
) -> None:
    shared = [prompt(0), answer(1, [10, 0, 0, 0, 5])]
    own = answer(60, [7, 0, 0, 0, 7], identity="m2", request="r2")
    parent = write(tmp_path / f"{SESSION}.jsonl", shared)
    fork = write(
        tmp_path / f"{FORK}.jsonl", [{**line, "sessionId": FORK} for line in [*shared, own]]
    )
    order = [parent, fork] if parent_first else [fork, parent]
    replayed(fleet_name, *order, *order, tmp_path)
    tasks = documents(db, fleet_name, "tasks")
    assert sum(task["tokens_in"] for task in tasks.values()) == 17
    sessions = documents(db, fleet_name, "sessions")
    assert spent(sessions) == spent(tasks) == 17 * 5_000 + 12 * 25_000
    replayed(f"{fleet_name}-2", tmp_path)
    others = documents(db, f"{fleet_name}-2", "tasks")
    assert sum(task["tokens_in"] for task in others.values()) == 17


def test_subagent_that_is_replayed_before_its_parent_gets_it_when_that_is_replayed(
    db: firestore.Client, fleet_name: str, tmp_path: Path
) -> None:
    own = {"isSidechain": True, "agentId": "a1"}
    spawned = said(
        "user", 9, message={"role": "user", "content": []}, toolUseResult={"agentId": "a1"}
    )
    agent = [prompt(2, "task", **own), answer(3, [5, 0, 0, 0, 5], identity="m2", **own)]
    alone = write(tmp_path / SESSION / "subagents" / "agent-a1.jsonl", agent)
    replayed(fleet_name, alone)
    [before] = documents(db, fleet_name, "tasks").values()
    assert before.get("parent_task_id") is None
    write(tmp_path / f"{SESSION}.jsonl", [prompt(0), answer(1, [1, 0, 0, 0, 1]), spawned])
    for _ in range(2):
        replayed(fleet_name, tmp_path)
    replayed(f"{fleet_name}-2", tmp_path)
    tasks = documents(db, fleet_name, "tasks")
    assert tasks == documents(db, f"{fleet_name}-2", "tasks")
    [child] = [task for task in tasks.values() if task.get("parent_task_id")]
    assert child["parent_task_id"] in tasks
    assert (child["root_task_id"], child["depth"]) == (child["parent_task_id"], 1)


def test_subagent_has_its_parent_at_any_speed(
    db: firestore.Client, fleet_name: str, shared: Path
) -> None:
    parents = []
    for n, settings in enumerate((Settings(), Settings(speed=1e6), Settings(speed=1e6, live=True))):
        with Fleet(f"{fleet_name}-{n}") as fleet:
            replay(fleet, folder.find(shared / "data/newer/claude-code"), settings)
        tasks = documents(db, f"{fleet_name}-{n}", "tasks")
        parents.append({name: task.get("parent_task_id") for name, task in tasks.items()})
    assert parents[1:] == parents[:1] * 2
    assert any(parents[0].values())
