"""Documents whose moments are none, beside honest ones: every command goes on."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from google.cloud import firestore

import tick
from support.cli import run, verified
from support.recorded_events import Recorder, deliver

MOMENTS: dict[str, Any] = {
    "time.time()": time.time(),
    "milliseconds": 1_772_000_000_000,
    "ISO text": "2026-03-01T00:00:00Z",
    "ISO text without a zone": datetime(2026, 3, 1, 12).isoformat(),  # noqa: DTZ001 - hence its name
    "words": "yesterday",
    "before all time": -1,
    "after all time": 1e300,
    "a map": {"seconds": 1_772_000_000, "nanos": 0},
    "a list": [2026, 3, 1],
    "a flag": True,
}
_OF_TASKS = ("created_at", "claimed_at", "started_at", "completed_at", "reported_at", "queued_at")
_OF_SESSIONS = ("started_at", "last_seen_at", "last_progress_at", "ended_at", "waiting_until")
_DOLLAR = 10**9


@pytest.fixture
def beside(db: firestore.Client, fleet_name: str) -> str:
    """Give a fleet with an honest tree of $2, in which tasks stand that tell no moment."""
    recorder, now = Recorder(db, fleet_name), datetime.now(UTC)
    honest = {"status": "completed", "agent_id": "honest", "model": "claude-opus-4-6"}
    for n in range(2):
        lineage = {"parent_task_id": "h-0", "root_task_id": "h-0", "depth": 1} if n else {}
        deliver(recorder.write(f"h-{n}", {**honest, **lineage, "created_at": now,
                                          "cost_nanousd": _DOLLAR}))  # fmt: skip
    for n, moment in enumerate(MOMENTS.values()):
        below = {"parent_task_id": "h-0", "root_task_id": "h-0", "depth": 1}
        told = dict.fromkeys(_OF_TASKS, moment)
        status = ("completed", "queued", "active")[n % 3]
        deliver(recorder.write(f"bad-{n}", {**below, **told, "status": status,
                                            "agent_id": "mallory"}))  # fmt: skip
        said = {"state": "active", "heartbeat_s": 60, "agent_id": "mallory", "task_id": f"bad-{n}"}
        told = dict.fromkeys(_OF_SESSIONS, moment)
        deliver(recorder.write(f"s-{n}", {**said, **told}, "sessions"))
    assert tick.tick_all(db, [fleet_name]) == (1, 0)
    return fleet_name


def test_every_command_goes_on_beside_documents_whose_moments_are_none(beside: str) -> None:
    day = datetime.now(UTC).date().isoformat()
    for command in (
        ["cost", "h-0", "--all"],
        ["cost", "bad-0"],
        ["report"],
        ["report", "hour"],
        ["top", "--once"],
        ["verify", "--all-ages"],
        ["sweep", "--all-ages"],
        ["rebuild"],
        ["rebuild", "--from-documents"],
        ["reprice", "--from", day, "--to", day],
    ):
        outcome = run(*command, "--fleet", beside)
        assert outcome.exit_code == 0, outcome.output
    bill = json.loads(run("cost", "h-0", "--fleet", beside, "--json").output)
    assert bill["counters"]["cost_nanousd"] == 2 * _DOLLAR


def test_verify_names_every_moment_that_is_none(beside: str) -> None:
    verification = verified(beside, "--all-ages")
    assert verification["holds"]
    named = {
        (found["where"].rpartition("/")[2], found["problem"].partition(" is ")[0])
        for found in verification["let_go"]["findings"]
    }
    for n, moment in enumerate(MOMENTS):
        told = {(f"bad-{n}", name) for name in _OF_TASKS}
        told |= {(f"s-{n}", name) for name in _OF_SESSIONS}
        assert (told & named) == (set() if moment == "ISO text" else told), moment
