"""Production answers no query without its index, though the emulator does.

That every query which any test makes has one is checked as it is made: see conftest.
"""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from pydantic import BaseModel

from support.wire.indexes import FILE, Indexes, Shape, read_indexes, shapes
from tachograph_schema.documents import (
    baseline,
    coordination,
    ledger,
    rollup,
    session,
    signal,
    snapshot,
    task,
)
from tachograph_schema.tracing import batch

_COMPOSITE = Indexes(
    {
        "indexes": [
            {
                "collectionGroup": "tasks",
                "fields": [
                    {"fieldPath": "status", "order": "ASCENDING"},
                    {"fieldPath": "created_at", "order": "ASCENDING"},
                ],
            },
            {
                "collectionGroup": "tasks",
                "fields": [
                    {"fieldPath": "repo", "order": "ASCENDING"},
                    {"fieldPath": "created_at", "order": "ASCENDING"},
                ],
            },
        ],
        "fieldOverrides": [{"collectionGroup": "tasks", "fieldPath": "tools", "indexes": []}],
    }
)
_ASKED = r"\['(\w+)', ((?:(?:\.\.\.\w+|(?:where|orderBy|limit)\([^)]*\))(?:,\s*)?)+)\]"
"""How the dashboard writes a query: `['sessions', where(...), orderBy(...), limit(n)]`."""
_UP, _DOWN = "ASCENDING", "DESCENDING"
_MODELS: dict[str, type[BaseModel]] = {
    "alerts": signal.Alert,
    "baselines": baseline.Baseline,
    "batches": batch.TraceBatch,
    "incidents": coordination.Incident,
    "leases": coordination.Lease,
    "ledger": ledger.LedgerEntry,
    "live": snapshot.Live,
    "messages": coordination.Message,
    "rejected": ledger.Rejected,
    "rollups": rollup.Rollup,
    "sessions": session.Session,
    "shards": rollup.Shard,
    "signals": signal.Signal,
    "snapshots": snapshot.Snapshot,
    "sweeps": ledger.Sweep,
    "tasks": task.Task,
    "trees": rollup.Tree,
}
"""By collection; a fleet's own document and its prices are written once in a while."""
_TTL_OF = {
    "LedgerEntry": "ledger", "Rejected": "rejected", "Snapshot": "snapshots", "Lease": "leases",
    "TraceBatch": "batches",
}  # fmt: skip


@pytest.mark.parametrize(
    ("equal", "ordered", "served"),
    [
        ({"status"}, (), True),
        ({"status", "repo", "agent_id"}, (), True),
        (set(), (("created_at", _UP),), True),
        ({"status"}, (("created_at", _UP),), True),
        ({"status"}, (("created_at", _DOWN),), True),
        ({"status", "repo"}, (("created_at", _UP),), True),
        ({"status"}, (("__name__", _UP),), True),
        ({"agent_id"}, (("created_at", _UP),), False),
        ({"status", "agent_id"}, (("created_at", _UP),), False),
        ({"status"}, (("claimed_at", _UP),), False),
        (set(), (("status", _UP), ("created_at", _DOWN)), False),
        (set(), (("status", _UP), ("created_at", _UP)), True),
        ({"tools"}, (), False),
        (set(), (("tools.grep", _UP),), False),
    ],
)
def test_index_that_a_query_needs_is_known(
    equal: set[str], ordered: tuple[tuple[str, str], ...], *, served: bool
) -> None:
    assert _COMPOSITE.serve(Shape("tasks", frozenset(equal), ordered)) is served


def test_each_way_a_query_may_be_met_is_looked_at() -> None:
    client = firestore.Client(project="demo-none", credentials=AnonymousCredentials())
    tasks = client.collection("fleets", "f", "tasks")
    either = firestore.Or(
        [firestore.FieldFilter("repo", "==", "x"), firestore.FieldFilter("agent_id", "==", "y")]
    )
    query = (
        tasks.where(filter=either)
        .where(filter=firestore.FieldFilter("status", "in", ["a", "b"]))
        .where(filter=firestore.FieldFilter("created_at", ">", 5))
    )
    assert {shape.equal for shape in shapes(query._to_protobuf())} == {
        frozenset({"repo", "status"}),
        frozenset({"agent_id", "status"}),
    }
    client.close()


def test_every_query_of_the_dashboard_has_its_index(root: Path) -> None:
    served = read_indexes()
    found = []
    for file in (root / "dashboard" / "src").rglob("*.ts"):
        text = file.read_text()
        for name, field in re.findall(r"newest\('(\w+)', '(\w+)'", text):
            found.append(Shape(name, frozenset(), ((field, _DOWN),)))
        for name, asked in re.findall(_ASKED, text):
            equal = frozenset(re.findall(r"where\('(\w+)', '(?:==|in)'", asked))
            orders = [
                (field, _DOWN if down else _UP)
                for field, down in re.findall(r"orderBy\('(\w+)'(, 'desc')?", asked)
            ]
            between = re.findall(r"where\('(\w+)', '[<>]=?'", asked)
            orders += [(field, _UP) for field in between if field not in dict(orders)]
            found.append(Shape(name, equal, tuple(orders)))
    assert len(found) > 3
    assert [str(shape) for shape in found if not served.serve(shape)] == []


def test_what_expires_is_removed_by_the_database() -> None:
    overrides = json.loads(FILE.read_text())["fieldOverrides"]
    removed = {o["collectionGroup"] for o in overrides if o.get("ttl")}
    models = [
        model
        for module in (
            baseline,
            coordination,
            ledger,
            rollup,
            session,
            signal,
            snapshot,
            task,
            batch,
        )
        for _, model in inspect.getmembers(module, inspect.isclass)
        if issubclass(model, BaseModel) and model.__module__ == module.__name__
    ]
    expiring = {model.__name__ for model in models if "expires_at" in model.model_fields}
    assert expiring - {"Live"} <= _TTL_OF.keys()
    assert removed == {_TTL_OF[name] for name in expiring - {"Live"}}
    for override in overrides:
        if override.get("ttl"):
            assert (override["fieldPath"], override["indexes"]) == ("expires_at", [])


def test_every_exemption_is_of_a_field_that_its_documents_have() -> None:
    unknown = {
        (collection, field)
        for collection, field in _exempt()
        if field not in {"*", *_MODELS[collection].model_fields}
    }
    assert unknown == set()


def test_every_map_and_list_is_exempt_because_each_of_its_values_would_be_an_index_entry() -> None:
    exempt = _exempt()
    indexed = {
        (collection, name)
        for collection, model in _MODELS.items()
        for name, field in model.model_fields.items()
        if _is_compound(field.annotation) and not {(collection, name), (collection, "*")} & exempt
    }
    assert indexed == set()


def test_no_field_of_a_composite_index_is_exempt() -> None:
    queried = {
        (index["collectionGroup"], field["fieldPath"])
        for index in json.loads(FILE.read_text())["indexes"]
        for field in index["fields"]
    }
    assert queried & _exempt() == set()


def test_long_texts_are_exempt() -> None:
    assert {("ledger", "delta"), ("ledger", "after"), ("ledger", "trees")} <= _exempt()
    assert ("sessions", "context_history") in _exempt()


def _exempt() -> set[tuple[str, str]]:
    overrides = json.loads(FILE.read_text())["fieldOverrides"]
    return {(o["collectionGroup"], o["fieldPath"]) for o in overrides if not o["indexes"]}


def _is_compound(annotation: object) -> bool:
    """Tell whether a field holds a map, a list, or a document of its own."""
    kind = get_origin(annotation)
    if kind in (dict, list):
        return True
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return True
    return kind is not Literal and any(map(_is_compound, get_args(annotation)))
