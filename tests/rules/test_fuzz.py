"""Every write that the rules allow is read by the schema and counted by the functions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from google.api_core.exceptions import AlreadyExists, NotFound
from google.cloud import firestore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from counting.contribution import COLLECTIONS, contribution
from events.change import Version
from support.fleets.two_agents import ORCHESTRATOR, OWNER, VIEWER, A, B, T, seed
from support.rules import ActingClient, Attempt, create, update
from tachograph_schema.documents.coordination import Incident, Message
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.documents.session import Session
from tachograph_schema.documents.task import Task
from tachograph_schema.parsing import parse

_MODELS: dict[str, type[BaseModel]] = {
    "tasks": Task,
    "sessions": Session,
    "messages": Message,
    "incidents": Incident,
}
_WORDS = st.sampled_from(
    [
        "a",
        "b",
        "s-a",
        "s-b",
        "active",
        "queued",
        "completed",
        "",
        "x" * 401,
        "__x__",
        "5",
        "a:s",
        "\x07",
    ]
) | st.text(max_size=20)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | _WORDS
    | st.just(T)
    | st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive
)
_KEYS = st.sampled_from(["grep", "calls", "errors", "provider", "tokens_in", "checked", "team"]) | (
    st.text(min_size=1, max_size=8).filter(
        lambda key: not key.startswith("__") and "\x00" not in key
    )
)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
_LIKELY = [
    1, 7, "x", "a", "s-a", T, 35.5, {"grep": {"calls": 1}}, {"team": "web"},
    {"m": {"tokens_in": 5}}, {"e": {"checked": 1}}, "completed", "git_failure", "priced", "retry",
    "otel", "agent", 60,
]  # fmt: skip


def _field(collection: str, name: str) -> st.SearchStrategy[tuple[str, Any]]:
    """Draw a value that the schema reads, nine times of ten."""
    model = _MODELS.get(collection)
    fit = [value for value in _LIKELY if model and not parse(model, {name: value})[1]]
    values = st.integers(0, 9).flatmap(lambda n: st.sampled_from(fit) if n and fit else _VALUES)
    return st.tuples(st.just(name), values)


def _documents(collection: str) -> st.SearchStrategy[dict[str, Any]]:
    names = st.sampled_from([*_MODELS[collection].model_fields, "prompt"])
    fields = names.flatmap(lambda name: _field(collection, name))
    return st.lists(fields, min_size=1, max_size=4).map(dict)


_THERE = {
    "tasks": ["a", "a", "b", "queued", "done", "relieved"],
    "sessions": ["s-a", "s-a", "s-b", "stuck"],
    "messages": ["to-a"],
    "incidents": ["one"],
}
_WRITES = st.sampled_from(sorted(_MODELS)).flatmap(
    lambda collection: st.tuples(
        st.just(collection),
        st.sampled_from([A, A, A, A, B, ORCHESTRATOR, OWNER, OWNER, VIEWER]),
        st.sampled_from([None, None, *_THERE[collection]]),
        _documents(collection),
    )
)
_FIRST = {
    "tasks": {"agent_id": "a", "status": "active"},
    "sessions": {"agent_id": "a", "state": "idle"},
    "messages": {"from_agent_id": "a", "sent_at": firestore.SERVER_TIMESTAMP},
    "incidents": {"agent_id": "a", "kind": "git_failure"},
}


@pytest.fixture
def fuzzed(admin: firestore.Client, fleet_name: str) -> str:
    """Give the fleet that all examples write to."""
    seed(admin, fleet_name)
    return fleet_name


def test_what_the_rules_let_through_is_read_and_counted_without_rejects(
    acting: ActingClient, admin: firestore.Client, fuzzed: str
) -> None:
    seen = {"written": 0, "refused": 0}

    @settings(max_examples=600, deadline=None, derandomize=True, database=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(_WRITES, st.integers(0, 10**9))
    def write(chosen: Any, number: int) -> None:  # noqa: ANN401
        collection, identity, document, fields = chosen
        name = document or f"new-{number}"
        act: Attempt = (
            update(identity, f"{collection}/{name}", **fields)
            if document and fields
            else create(identity, f"{collection}/{name}", {**_FIRST[collection], **fields})
        )
        try:
            refusal = act.refusal(acting, fuzzed)
        except (AlreadyExists, NotFound, ValueError):
            return  # let through, and not there; or no Firestore value
        seen["refused" if refusal else "written"] += 1
        if refusal is None:
            snapshot = admin.document("fleets", fuzzed, collection, name).get()
            _reads(collection, snapshot.to_dict() or {})

    write()
    assert min(seen.values()) > 50, seen
    print(seen)  # noqa: T201 - the numbers, with -rP


def _reads(collection: str, fields: dict[str, Any]) -> None:
    assert parse(_MODELS[collection], fields)[1] == (), fields
    assert collection in COLLECTIONS
    now = datetime.now(UTC)
    counted = contribution(collection, Version(fields, "x", now), Fleet())
    assert counted.problems == (), fields
    assert "rejected_fields" not in counted.cells.get("fleet", {}), fields
