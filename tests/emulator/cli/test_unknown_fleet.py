"""A fleet that does not exist, as after a slip of the pen: no command calls that a success."""

from __future__ import annotations

import pytest
from google.cloud import firestore

from support.cli import run
from tachograph.firestore.client import connect
from tachograph_cli.terminal.fleets import other_fleets

_DAYS = ["--from", "2026-02-16", "--to", "2026-02-17"]
_REPAIRS = [
    ["verify"],
    ["verify", "--json"],
    ["verify", "--all-ages"],
    ["sweep"],
    ["sweep", "--all-ages"],
    ["rebuild"],
    ["rebuild", "--dry-run"],
    ["rebuild", "--from-documents"],
    ["reprice", *_DAYS],
    ["reprice", *_DAYS, "--dry-run"],
]
_REPORTS = [
    (["report"], "nothing is published"),
    (["report", "--json"], "nothing is published"),
    (["report", "week", "--last", "4"], "nothing is published"),
    (["report", "day", "2026-02-16"], "nothing was counted in the day 2026-02-16; nor before it"),
    (["cost", "t-1"], "fleets/acme-typo/tasks/t-1: not there"),
    (["cost", "t-1", "--json"], "fleets/acme-typo/tasks/t-1: not there"),
    (["rates"], "fewer than two"),
    (["top", "--once"], "nothing is there"),
    (["top"], "nothing is there"),
]


def _words(arguments: list[str]) -> str:
    return " ".join(arguments)


@pytest.fixture(autouse=True)
def existing(db: firestore.Client, fleet_name: str) -> str:
    """Give the fleet that was meant, which has a task."""
    task = {"status": "completed", "agent_id": "b-1", "cost_nanousd": 1}
    db.document("fleets", fleet_name, "tasks", "t-1").set(task)
    return fleet_name


def _documents(db: firestore.Client, fleet: str) -> list[str]:
    return [collection.id for collection in db.document("fleets", fleet).collections()]


@pytest.mark.parametrize("command", _REPAIRS, ids=_words)
def test_command_that_repairs_says_that_there_is_no_such_fleet_and_changes_nothing(
    db: firestore.Client, existing: str, command: list[str]
) -> None:
    outcome = run(*command, "--fleet", "acme-typo")
    assert outcome.exit_code == 1
    words = " ".join(outcome.output.split())
    assert "fleets/acme-typo: there is no such fleet; other fleets here: " in words
    assert _documents(db, "acme-typo") == []
    assert "no such fleet" not in run(*command, "--fleet", existing).output


@pytest.mark.parametrize(("command", "reason"), _REPORTS, ids=[_words(c) for c, _ in _REPORTS])
def test_command_that_reports_fails_and_tells_which_fleets_there_are(
    command: list[str], reason: str
) -> None:
    outcome = run(*command, "--fleet", "acme-typo")
    assert outcome.exit_code == 1
    words = " ".join(outcome.output.split())
    assert reason in words
    assert "other fleets here: " in words


def test_fleets_that_an_agents_identity_may_not_see_are_not_taken_for_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bound = connect(fleet="acme-typo")
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST")
    assert other_fleets(bound, "acme-typo") == (
        "this identity may not see which other fleets there are"
    )


def test_agent_of_no_fleet_is_not_said_to_be_revoked(
    db: firestore.Client,
) -> None:
    outcome = run("revoke", "b-1", "--fleet", "acme-typo")
    assert outcome.exit_code == 1
    assert "fleets/acme-typo: there is no such fleet" in outcome.output
    assert _documents(db, "acme-typo") == []
