"""Names out of hostile documents, through every command that reports: a terminal obeys none."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from google.cloud import firestore

from publishing import snapshots
from publishing.rollups import publish
from publishing.trees import publish_trees
from support.cli import run
from support.fleets.documents import FleetDocuments
from support.recorded_events import Recorder, deliver
from support.terminal import HOSTILE, commands
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.paths import bucket_of

# Firestore refuses text that is none, and a document's name has no slash.
NAMES = [
    name.replace("/", "|")
    for kind, name in HOSTILE.items()
    if kind not in ("is no text", "deletes")
]


@pytest.fixture
def hostile(
    db: firestore.Client, fleet_name: str, monkeypatch: pytest.MonkeyPatch
) -> FleetDocuments:
    """Give a fleet in whose documents every name is hostile, on a terminal with colours."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    recorder = Recorder(db, fleet_name)
    fleet = FleetDocuments(db, fleet_name)
    for n, name in enumerate(NAMES):
        names = ("title", "task_type", "model", "agent_id", "role", "provider", "error")
        fields = {
            **dict.fromkeys(names, name),
            "status": "completed",
            "parent_task_id": "root" if n else None,
            "cost_nanousd": 10**9,
            "retries": 1,
            "retry_cost_nanousd": 10,
        }
        deliver(recorder.write(f"T{name}" if n else "root", fields))
        fleet.session(f"S{name}", agent_id=name, model=name, task_id=name, waiting_for=name,
                      state="waiting")  # fmt: skip
        fleet.signal(f"S{name}", agent_id=name, kind=name, expired_because=name, status="expired")
    publish(db, fleet_name)
    publish_trees(db, fleet_name, Fleet())
    for minutes in (5, 0):
        at = datetime.now(UTC) - timedelta(minutes=minutes)
        if snapshots.claim_bucket(db, fleet_name, bucket_of(at), Fleet()):
            snapshots.take_snapshot(db, fleet_name, bucket_of(at), at)
    fleet.now()
    # Two things are wrong, so that what finds and mends them has names to print.
    recorder.write(f"T{NAMES[1]}", {"status": "failed", "model": NAMES[1], "cost_nanousd": 3})
    [shard, *_] = db.collection("fleets", fleet_name, "shards").stream()
    shard.reference.update({"c.fleet.cost_nanousd": firestore.Increment(7), "dirty": True})
    return fleet


def test_no_command_that_reports_prints_what_a_terminal_would_obey(hostile: FleetDocuments) -> None:
    day = datetime.now(UTC).date().isoformat()
    for command in (
        ["cost", "root", "--all"],
        ["cost", f"T{NAMES[2]}"],
        ["cost", "not there\x1b[2J"],
        ["cost", "root", "--json"],
        ["report"],
        ["report", "--json"],
        ["rates"],
        ["top", "--once"],
        ["verify", "--all-ages"],
        ["verify", "--all-ages", "--json"],
        ["sweep", "--all-ages"],
        ["rebuild", "--dry-run"],
        ["rebuild"],
        ["reprice", "--from", day, "--to", day],
    ):
        result = run(*command, "--fleet", hostile.name)
        assert result.output, command
        assert commands(result.output) == [], command
        if "--json" in command:
            json.loads(result.output)


def test_json_has_the_names_as_the_documents_have_them(hostile: FleetDocuments) -> None:
    bill = json.loads(run("cost", "root", "--fleet", hostile.name, "--json").output)
    titles = [subtask["title"] for subtask in bill["tree"]["subtasks"]]
    assert sorted(titles) == sorted(NAMES[2:])  # the second was written anew


def test_name_cannot_add_a_line_to_a_report(hostile: FleetDocuments) -> None:
    for command in (["cost", "root", "--all"], ["top", "--once"], ["verify", "--all-ages"]):
        lines = run(*command, "--fleet", hostile.name).output.splitlines()
        assert "Everything holds." not in [line.strip() for line in lines]
