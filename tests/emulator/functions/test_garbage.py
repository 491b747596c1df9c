"""Documents no schema foresaw: each leaves a useful message in rejected/, and blocks nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.cloud import firestore

from support.recount import published
from support.wire.events import Served, history, serve
from tachograph_cli.local.stack import Stack

_GOOD = {"status": "completed", "model": "claude-opus-4-6", "tokens_in": 7, "cost_usd": 0.5}
_GARBAGE = [
    ({"tokens_in": "fifty"}, "tokens_in is 'fifty'; expected a whole number from 0 to 10^15"),
    ({"tokens_in": -5}, "tokens_in is -5; expected a whole number from 0 to 10^15"),
    ({"tokens_in": 2**62}, "tokens_in is 4611686018427387904; expected a whole number"),
    ({"tokens_out": 1.5}, "tokens_out is 1.5; expected a whole number from 0 to 10^15"),
    ({"tokens_out": True}, "tokens_out is True; expected a whole number from 0 to 10^15"),
    ({"cost_usd": float("nan")}, "cost_usd is nan; expected dollars from 0 to 1000000"),
    ({"cost_usd": float("inf")}, "cost_usd is inf; expected dollars from 0 to 1000000"),
    ({"cost_usd": -0.01}, "cost_usd is -0.01; expected dollars from 0 to 1000000"),
    ({"status": "finished"}, "status is 'finished'; expected one of 'queued', 'claimed'"),
    ({"status": {"a": 1}}, "status is a map of 1 entries; expected one of 'queued'"),
    ({"model": "x" * 300_000}, "model is 'xxxxxxxxxxxxxxxxxxxx'... (300000 long); expected 1-200"),
    ({"model": "__proto__"}, "model is '__proto__'; expected 1-200 printable characters, not of"),
    ({"model": ""}, "model is ''; expected 1-200 printable characters"),
    ({"agent_id": "a\nb"}, "agent_id is 'a\\nb'; expected 1-200 printable characters"),
    ({"agent_id": 7}, "agent_id is 7; expected 1-200 printable characters"),
    ({"labels": {"__x__": "a"}}, "labels.__x__ is 'a'; expected 1-200 printable characters"),
    ({"labels": {"": "a"}}, "labels. is 'a'; expected 1-200 printable characters"),
    ({"labels": {"team": 5}}, "labels.team is 5; expected 1-200 printable characters"),
    ({"labels": ["team"]}, "labels is ['team']; expected a valid dictionary"),
    ({"usage_by_model": {"m": {"tokens_in": -1}}}, "usage_by_model.m.tokens_in is -1; expected"),
    ({"usage_by_model": {f"m{n}": {} for n in range(99)}}, "usage_by_model is a map of 99 entries"),
    ({"tools": {"grep": {"calls": "x"}}}, "tools.grep.calls is 'x'; expected a whole number"),
    ({"reported_at": "yesterday"}, "reported_at is 'yesterday'; expected a timestamp of 2000-2999"),
    ({"reported_at": 1_770_000_000}, "reported_at is 1770000000; expected a timestamp of 2000"),
    ({"created_at": "2026-02-16T10:00:00"}, "expected a timestamp of 2000-2999, or ISO 8601 text"),
    ({"context_remaining_pct": 140}, "context_remaining_pct is 140; expected 0-100, the"),
    ({"title": "x" * 5000}, "title is 'xxxxxxxxxxxxxxxxxxxx'... (5000 long); expected text of at"),
    ({"voided": "no"}, "voided is 'no'; expected true or false"),
    ({"feedback": 9}, "feedback is 9; expected +1, 0 or -1"),
]  # fmt: skip


@pytest.fixture(scope="module")
def roll_up(emulator: Stack) -> Iterator[Served]:
    with serve("roll_up", emulator.address("firestore")) as served:
        yield served


@pytest.mark.parametrize(("bad", "message"), _GARBAGE)
def test_bad_field_costs_that_field_alone_and_is_named(
    db: firestore.Client,
    fleet_name: str,
    roll_up: Served,
    bad: dict[str, object],
    message: str,
) -> None:
    [write] = history(f"fleets/{fleet_name}/tasks/t-81", [{**_GOOD, **bad}])
    assert roll_up.deliver(write) == 200, "a retry cannot fix data"
    [rejected] = db.collection("fleets", fleet_name, "rejected").stream()
    assert rejected.get("path") == write.path
    [problem] = rejected.get("problems")
    assert message in problem
    counted = published(db, fleet_name)["total_all"]["fleet"]
    assert counted["rejected_fields"] == 1
    assert counted["tasks_created"] == 1
    assert len(str(rejected.to_dict())) < 1000, "what was found is shown, not stored"


def test_field_that_is_mended_is_counted_and_no_longer_rejected(
    db: firestore.Client, fleet_name: str, roll_up: Served
) -> None:
    for write in history(f"fleets/{fleet_name}/tasks/t-81", [{**_GOOD, "tokens_in": "7"}, _GOOD]):
        roll_up.deliver(write)
    counted = published(db, fleet_name)["total_all"]["fleet"]
    assert counted["tokens_in"] == 7
    assert "rejected_fields" not in counted


def test_heartbeat_on_a_document_with_a_bad_field_is_not_rejected_again(
    db: firestore.Client, fleet_name: str, roll_up: Served
) -> None:
    bad = {**_GOOD, "tokens_in": "7"}
    for write in history(
        f"fleets/{fleet_name}/tasks/t-81", [bad, {**bad, "note": 1}, {**bad, "note": 2}]
    ):
        roll_up.deliver(write)
    assert len(list(db.collection("fleets", fleet_name, "rejected").stream())) == 1


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"\xff\xff\xff\xff", "application/protobuf"),
        (b"", "application/protobuf"),
        (b"{}", "application/json"),
        (b'{"value": {"name": "somewhere/else"}}', "application/json"),
        (b'{"value": {"name": "projects/p/databases/d/documents/fleets/f"}}', "application/json"),
        (b'{"value": 5}', "application/json"),
    ],
)
def test_event_that_cannot_be_read_is_let_go(
    roll_up: Served, body: bytes, content_type: str
) -> None:
    assert roll_up.post(body, content_type) == 200


def test_good_documents_are_counted_among_the_garbage(
    db: firestore.Client, fleet_name: str, roll_up: Served
) -> None:
    for n, (bad, _) in enumerate(_GARBAGE):
        for write in history(f"fleets/{fleet_name}/tasks/bad-{n}", [{**_GOOD, **bad}]):
            roll_up.deliver(write)
        for write in history(f"fleets/{fleet_name}/tasks/good-{n}", [_GOOD]):
            roll_up.deliver(write)
    counted = published(db, fleet_name)["total_all"]["fleet"]
    assert counted["tasks_created"] == 2 * len(_GARBAGE)
    assert counted["rejected_fields"] == len(_GARBAGE)
