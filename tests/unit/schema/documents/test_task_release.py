"""A held task whose session is gone: queued again, or failed, by where it came from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tachograph_schema.documents.task import Task
from tachograph_schema.documents.task_release import regained, released
from tachograph_schema.parsing import parse

_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
_HELD = {"status": "active", "session_id": "s-1"}


@pytest.mark.parametrize(
    "origin",
    [
        {"claimed_at": _AT, "reports": {"b-1:s-1": 3}},
        {"reports": {"queue": 1, "b-1:s-1": 3}},
        {},
    ],
    ids=["claimed", "queued by an SDK", "written without an SDK"],
)
def test_task_that_came_from_a_queue_is_queued_again(origin: dict[str, Any]) -> None:
    expected = {"status": "queued", "queued_at": _AT, "lost_session_id": "s-1"}
    assert released({**_HELD, **origin}, "s-1", _AT) == expected


def test_task_that_a_session_made_for_itself_is_queued_with_its_notes() -> None:
    fields = {**_HELD, "reports": {"b-1:s-1": 3}}
    assert released(fields, "s-1", _AT, "gs://notes/s-1.md")["status"] == "queued"


def test_task_that_a_session_made_for_itself_fails_without_notes() -> None:
    fields = {**_HELD, "reports": {"b-1:s-1": 3}}
    assert released(fields, "s-1", _AT) == {
        "status": "failed",
        "error_type": "session_lost",
        "completed_at": _AT,
        "lost_session_id": "s-1",
    }


@pytest.mark.parametrize("origin", [{"claimed_at": _AT}, {"reports": {"b-1:s-1": 3}}])
def test_released_task_is_read_as_it_was_written_and_can_be_regained(
    origin: dict[str, Any],
) -> None:
    fields = {**_HELD, **origin}
    fields |= released(fields, "s-1", _AT)
    assert parse(Task, fields)[1] == ()
    assert regained(fields, "s-1")["status"] == "active"
    assert regained(fields, "s-2") == {}
