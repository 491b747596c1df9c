"""A function's span says whose document it is about, and takes no name that nobody verified."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.tracing import _Trace
from tachograph_schema.paths import DocumentPath

_VICTIM = {"session_id": "victims", "task_id": "t-victim"}


def _attributes(collection: str, fields: dict[str, Any]) -> dict[str, Any]:
    trace = _Trace("roll_up")
    trace.belongs_to(DocumentPath("acme", collection, "d-1"), fields)
    return trace.root.attributes


@pytest.mark.parametrize(
    ("collection", "writer"),
    [
        ("tasks", "agent_id"),
        ("sessions", "agent_id"),
        ("messages", "from_agent_id"),
        ("incidents", "agent_id"),
        ("signals", "agent_id"),
    ],
)
def test_span_bears_the_writer_that_the_rules_verified(collection: str, writer: str) -> None:
    attributes = _attributes(collection, {writer: "mallory", "other_agent_id": "victim", **_VICTIM})
    assert attributes["gen_ai.agent.name"] == "mallory"


@pytest.mark.parametrize("collection", ["sessions", "incidents", "messages"])
def test_span_names_no_session_that_its_writer_only_mentions(collection: str) -> None:
    attributes = _attributes(collection, _VICTIM)
    expected = "d-1" if collection == "sessions" else None
    assert attributes.get("tachograph.session.id") == expected


def test_span_of_a_task_names_the_session_that_holds_it() -> None:
    attributes = _attributes("tasks", {"session_id": "s-1", "task_id": "another"})
    assert attributes["tachograph.session.id"] == "s-1"
    assert attributes["tachograph.task.id"] == "d-1"


@pytest.mark.parametrize("bad", ["x" * 1_000_000, "", "a\x1b[2J", 7, {"a": 1}, ["a"]])
def test_what_is_no_name_is_no_attribute(bad: object) -> None:
    fields = {"agent_id": bad, "session_id": bad}
    assert set(_attributes("tasks", fields)) == {
        "tachograph.path", "tachograph.fleet", "tachograph.task.id"
    }  # fmt: skip
