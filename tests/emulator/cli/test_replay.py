"""Replays against everything running: what the functions publish equals what was recorded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from support.fleets.transcripts import answer, prompt, write
from tachograph import Fleet
from tachograph_cli.replay.command import replay as command
from tachograph_cli.replay.driver import Settings, replay
from tachograph_cli.replay.transcripts import folder

if TYPE_CHECKING:
    from pathlib import Path

    from google.cloud import firestore

    from tachograph_cli.replay.tally import Tally

SETTLE_S = 120.0


def replayed(db: firestore.Client, fleet_name: str, *places: Path) -> Tally:  # noqa: ARG001 - sets the environment
    """Replay places one after the other, each as a process of its own would."""
    fleets = []
    for place in places:
        with Fleet(fleet_name, count_writes=True) as fleet:
            tally = replay(fleet, folder.find(place), Settings())
        fleets.append(fleet)
    for fleet in fleets:
        settled = fleet.settle(SETTLE_S)
        assert settled.pending == 0
        assert settled.published
    return tally


def published(db: firestore.Client, fleet_name: str) -> dict[tuple[str, str], dict[str, int]]:
    """Return what the day rollups say of each model."""
    rollups = db.collection("fleets", fleet_name, "rollups")
    rollups_by_id = {}
    for snapshot in rollups.stream():
        grain, _, day = snapshot.id.partition("_")
        if grain == "day":
            for scope, counters in snapshot.get("c").items():
                kind, _, model = scope.partition(":")
                if kind == "model" and "|" not in scope:
                    rollups_by_id[day, model] = counters
    return rollups_by_id


def tasks(db: firestore.Client, fleet_name: str) -> dict[str, dict[str, Any]]:
    documents = db.collection("fleets", fleet_name, "tasks").stream()
    return {document.id: document.to_dict() or {} for document in documents}


def amounts(counters: dict[str, int]) -> dict[str, int]:
    return {
        "inputTokens": counters.get("tokens_in", 0),
        "outputTokens": counters.get("tokens_out", 0),
        "cacheCreationTokens": counters.get("cache_write_tokens", 0),
        "cacheReadTokens": counters.get("cache_read_tokens", 0),
    }


def test_replayed_claude_code_sessions_are_published_as_the_oracle_counts_them(
    stack_db: firestore.Client, fleet_name: str, shared: Path
) -> None:
    recordings = shared / "data/claude-code/dev"
    tally = replayed(stack_db, fleet_name, recordings)
    assert (tally.sessions, tally.calls, tally.unreadable_lines) == (28, 1547, 0)
    days = json.loads((shared / "data/oracles/claude-dev/daily.json").read_text())["daily"]
    rows = {(day["date"], row["modelName"]): row for day in days for row in day["modelBreakdowns"]}
    rows = {key: row for key, row in rows.items() if row["inputTokens"] + row["outputTokens"]}
    once = published(stack_db, fleet_name)
    assert set(once) == set(rows)
    for key, row in rows.items():
        assert amounts(once[key]) == {bucket: row[bucket] for bucket in amounts(once[key])}
        assert once[key]["cost_nanousd"] / 1e9 == pytest.approx(row["cost"], rel=1e-6)

    documents = tasks(stack_db, fleet_name)
    replayed(stack_db, fleet_name, recordings)
    assert published(stack_db, fleet_name) == once
    assert tasks(stack_db, fleet_name) == documents


def test_replayed_codex_sessions_are_published_as_the_oracle_counts_them(
    stack_db: firestore.Client, fleet_name: str, shared: Path
) -> None:
    replayed(stack_db, fleet_name, shared / "data/codex/dev")
    days = json.loads((shared / "data/oracles/codex-dev/daily.json").read_text())["daily"]
    once = published(stack_db, fleet_name)
    rows = {(day["date"], model): row for day in days for model, row in day["models"].items()}
    assert set(once) == set(rows)
    for key, row in rows.items():
        assert amounts(once[key]) == {bucket: row[bucket] for bucket in amounts(once[key])}
        assert once[key].get("reasoning_tokens") == row["reasoningOutputTokens"]
    for day in days:
        spent = sum(c["cost_nanousd"] for (date, _), c in once.items() if date == day["date"])
        assert spent / 1e9 == pytest.approx(day["costUSD"], rel=1e-6)


def test_states_of_growing_transcripts_end_the_same_in_any_order(
    stack_db: firestore.Client, fleet_name: str, shared: Path
) -> None:
    snapshots = shared / "data/claude-code/snapshots"
    # One that is cut into parts that share nothing, and one whose every state holds the last.
    states = sorted(snapshots.glob("20b81bf8*/*.jsonl")) + sorted(
        snapshots.glob("cc432c40*/*.jsonl")
    )
    ids = {path.parent.name for path in states}
    replayed(stack_db, f"{fleet_name}-at-once", snapshots)
    replayed(
        stack_db, f"{fleet_name}-one-by-one", *states[::-2], *states[1::2], states[0], states[5]
    )
    at_once = tasks(stack_db, f"{fleet_name}-at-once")
    expected = {name: task for name, task in at_once.items() if task["session_id"] in ids}
    assert len(expected) > 10
    assert tasks(stack_db, f"{fleet_name}-one-by-one") == expected
    replayed(stack_db, f"{fleet_name}-one-by-one", snapshots)
    assert tasks(stack_db, f"{fleet_name}-one-by-one") == at_once
    assert published(stack_db, f"{fleet_name}-one-by-one") == published(
        stack_db, f"{fleet_name}-at-once"
    )


def test_the_command_replays_past_unreadable_lines_and_says_which(
    stack_db: firestore.Client,  # noqa: ARG001 - sets the environment
    fleet_name: str,
    tmp_path: Path,
) -> None:
    write(tmp_path / "p/s.jsonl", [prompt(0), '{"type": "assi', answer(1, [10, 0, 0, 0, 5])])
    write(tmp_path / "notes.jsonl", ['{"a": 1}'])
    outcome = CliRunner().invoke(command, [str(tmp_path), "--fleet", fleet_name])
    assert outcome.exit_code == 0, outcome.output
    assert f"{tmp_path}/p/s.jsonl:2: the line is no JSON" in outcome.output
    assert "1 writes counted" in outcome.output
    assert f"{tmp_path}/notes.jsonl" in outcome.output
