"""The rules and the schema know the same fields, of the same types; what differs, fails here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, get_args, get_origin

import pytest
from google.cloud import firestore
from pydantic import BaseModel

from support.fleets.full_task import (
    BORN,
    CALLED,
    LATER,
    RICH,
    TOOL,
    UNPRICED,
    full_task,
    reported,
)  # fmt: skip
from support.fleets.two_agents import NOW, A, T, batch, seed
from support.rules import ActingClient, create, update
from tachograph_schema import fields
from tachograph_schema.documents.coordination import Incident, Lease, Message
from tachograph_schema.documents.session import Session
from tachograph_schema.documents.task import Evaluation, ModelUsage, Task, ToolUse
from tachograph_schema.parsing import parse
from tachograph_schema.tracing.batch import TraceBatch

_FUNCTIONS_ALONE = {
    "sessions": {"effective_state", "effective_since", "effective_progress_at"},
    "tasks": set(),
}
"""The fields that agents may not write, even on their own documents."""
_OF_OTHERS = {"lost_session_id", "created_by", "session_id", "agent_id", "from_agent_id", "voided"}
"""Fields that the rules check by more than their type; the table of attacks covers them."""
_RULES = {
    "tasks": {"reports", "reporter"},
    "messages": {"sent_at", "acknowledged_at"},
    "leases": {"renewed_at", "lease_ms"},
}
_BASE: dict[str, dict[str, Any]] = {
    "tasks": {"agent_id": "a"},
    "sessions": {"agent_id": "a"},
    "messages": {"from_agent_id": "a", "sent_at": NOW, "acknowledged_at": None},
    "incidents": {"agent_id": "a", "kind": "git_failure"},
    "leases": {"agent_id": "a", "lease_ms": 5, "renewed_at": NOW},
}
_MODELS: dict[str, type[BaseModel]] = {
    "tasks": Task,
    "sessions": Session,
    "messages": Message,
    "incidents": Incident,
    "leases": Lease,
}
_LONG_NAME, _LONG_TEXT = "x" * 201, "x" * 2001
_NAMES: tuple[list[Any], list[Any]] = (
    ["x", "ä 1", "a:b|c=d", "a/b", "\u00e4" * 200],
    [5, "", "a\nb", _LONG_NAME, "\u20ac" * 134, "__x__", ["x"], True],
)
_IDS: tuple[list[Any], list[Any]] = (
    [*(name for name in _NAMES[0] if "/" not in name), "...", ".a", "a_"],
    [*_NAMES[1], "a/b", "/", "ä/b", ".", ".."],
)
_GOOD_BAD: dict[object, tuple[list[Any], list[Any]]] = {
    fields.Count: ([0, 7], [-1, "7", 1.5, True, [7], {"a": 7}, 2**53]),
    fields.Name: _NAMES,
    fields.Id: _IDS,
    fields.Text: (["", "words"], [5, _LONG_TEXT, ["x"], {"a": "b"}]),
    fields.Pct: ([0, 35.5, 100], [-1, 101, "35", float("nan"), [1]]),
    fields.Usd: ([0, 0.36], [-1, "0.36", float("nan"), 2e6]),
    fields.Rate: ([0, 12.5], [-1, "12", float("inf")]),
    fields.Feedback: ([-1, 0, 1], [2, "1"]),
    fields.Instant: ([T], ["2026-03-01", 5, datetime(1999, 1, 1, tzinfo=UTC)]),
}


def _of(model: type[BaseModel], name: str) -> object:
    """Return the type of a field, without `None`."""
    annotation = model.__annotations__[name]
    hints = {**vars(fields)}
    names = {**vars(__import__(model.__module__, fromlist=["x"])), **hints}
    evaluated: Any = eval(annotation, names)  # noqa: S307 - our own annotations
    parts = [part for part in get_args(evaluated) if part is not type(None)]
    optional = get_origin(evaluated) is not None and type(None) in get_args(evaluated)
    return parts[0] if optional else evaluated


def _values(kind: object) -> tuple[list[Any], list[Any]]:
    """Return values that a type allows, and values that it does not."""
    for known, values in _GOOD_BAD.items():
        if kind == known:
            return values
    choices = [choice for choice in get_args(kind) if isinstance(choice, str | int)]
    if str(get_origin(kind)) == "typing.Literal":
        return list(choices), ["nonsense", 5, ["x"]]
    raise LookupError(f"{kind}: no values; expected a type of fields.py or a Literal")


def _single(collection: str) -> Iterator[tuple[str, list[Any], list[Any]]]:
    model = _MODELS[collection]
    apart = _OF_OTHERS | _RULES.get(collection, set()) | _FUNCTIONS_ALONE.get(collection, set())
    nested = {"labels", "tools", "usage_by_model", "evaluations"}
    for name in model.model_fields:
        if name == "heartbeat_s":
            yield name, [10, 1800], [11, "10", -1]
        elif name not in apart | nested:
            yield name, *_values(_of(model, name))


@pytest.mark.parametrize("collection", _MODELS)
def test_rules_refuse_and_allow_of_every_field_what_the_schema_does(
    acting: ActingClient, admin: firestore.Client, fleet_name: str, collection: str
) -> None:
    seed(admin, fleet_name)
    wrong = []
    for name, good, bad in _single(collection):
        for n, value in enumerate([*good, *bad]):
            document = {**_BASE[collection], name: value}
            allowed = create(A, f"{collection}/{name}-{n}", document).is_allowed(acting, fleet_name)
            if allowed != (n < len(good)):
                wrong.append(f"{name}: {str(value)[:40]!r} {'allowed' if allowed else 'refused'}")
            if allowed:
                plain = {k: T if v is NOW else v for k, v in document.items()}
                assert parse(_MODELS[collection], plain)[1] == (), (name, value)
    assert wrong == []


@pytest.mark.parametrize(
    ("field", "model"),
    [("tools", ToolUse), ("usage_by_model", ModelUsage), ("evaluations", Evaluation)],
)
def test_rules_know_the_same_fields_of_a_tasks_maps(
    acting: ActingClient,
    admin: firestore.Client,
    fleet_name: str,
    field: str,
    model: type[BaseModel],
) -> None:
    seed(admin, fleet_name)
    for name in model.model_fields:
        good, bad = _values(_of(model, name))
        for n, value in enumerate([*good, *bad]):
            task = {**_BASE["tasks"], field: {"x": {name: value}}}
            allowed = create(A, f"tasks/{name}-{n}", task).is_allowed(acting, fleet_name)
            assert allowed == (n < len(good)), (name, value)


def test_fields_that_functions_alone_write_are_refused_of_agents(
    acting: ActingClient, admin: firestore.Client, fleet_name: str
) -> None:
    seed(admin, fleet_name)
    for collection, names in _FUNCTIONS_ALONE.items():
        for name in names:
            assert name in _MODELS[collection].model_fields
            document = {**_BASE[collection], name: "stuck" if name.endswith("state") else T}
            assert not create(A, f"{collection}/x", document).is_allowed(acting, fleet_name)


def test_batches_have_the_columns_of_the_schema(acting: ActingClient, fleet_name: str) -> None:
    assert set(batch()) == set(TraceBatch.model_fields)
    assert create(A, "traces/x/batches/0", batch()).is_allowed(acting, fleet_name)


def test_the_longest_life_of_a_task_fits_a_thousand_expressions(
    acting: ActingClient, admin: firestore.Client, fleet_name: str
) -> None:
    """One report of the SDK at a time passes the rules, however full the task is."""
    seed(admin, fleet_name)
    held, others = full_task("a", "s-a"), full_task("b", "s-b")
    bare = {**BORN, "agent_id": "a", "session_id": "s-a", "status": "active", "labels": {}}
    one_model = {k: v for k, v in held.items() if k != "usage_by_model"}
    nulls = {**others, "unpriced_calls": None, "cache_write_1h_tokens": None}
    queued = {**BORN, "status": "queued", "reports": {"queue": 1}, "reporter": "queue"}
    lost = {**others, "status": "queued", "lost_session_id": "s-b"}
    ended = {"status": "completed", "completed_at": LATER, "duration_ms": 5, "finish_reason": "end"}
    taken = {"agent_id": "a", "session_id": "s-a", "status": "active", "agent_role": "builder"}
    retaken = {"attempt": 2, "attempt_kind": "retry", "retry_session_id": "s-a", "retries": 2}
    life: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "a call": (held, reported(held, CALLED)),
        "a call of an unknown price": (held, reported(held, UNPRICED)),
        "a call of a new process": (held, reported(held, CALLED, reporter="a:s-a.2")),
        "a tool": (held, reported(held, TOOL)),
        "a second model": (one_model, reported(one_model, CALLED)),
        "a first call": (bare, reported(bare, CALLED)),
        "the end": (held, reported(held, {"fields": ended})),
        "the release": (held, reported(held, {"gives_up": True})),
        "a late call": (others, reported(others, CALLED, gone=True)),
        "a late call of an unknown price": (others, reported(others, UNPRICED, gone=True)),
        "a late tool": (others, reported(others, TOOL, gone=True)),
        "a late call where nothing was known": (nulls, reported(nulls, CALLED, gone=True)),
        "a claim": (queued, {**taken, "status": "claimed", "claimed_at": LATER}),
        "a claim by a report": (queued, reported(queued, {"fields": {**taken, "model": "m"}})),
        "a retry": (lost, {**taken, **retaken, "lost_session_id": None}),
    }
    refusals = {"a rich creation": create(A, "tasks/x", RICH).refusal(acting, fleet_name)}
    for name, (before, written) in life.items():
        admin.document("fleets", fleet_name, "tasks", name).set(before)
        refusals[name] = update(A, f"tasks/{name}", **written).refusal(acting, fleet_name)
    assert {name: why for name, why in refusals.items() if why is not None} == {}
