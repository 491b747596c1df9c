"""Raw paths, masks, transforms and batches that no ordinary client sends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rules.attacks.row import Row
from support.fleets.two_agents import A
from support.rules import Identity, asked, committed


def _value(value: object) -> dict[str, Any]:
    return {"string_value": value} if isinstance(value, str) else {"integer_value": value}


def _write(name: str, fields: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "update": {"name": name, "fields": {k: _value(v) for k, v in fields.items()}},
        **more,
    }


def raw_requests() -> Iterator[Row]:
    """Raw paths, masks, transforms and batches that no ordinary client sends."""
    mask = lambda fields, *paths: committed(  # noqa: E731 - short
        A, lambda root: [_write(f"{root}/tasks/a", fields, update_mask={"field_paths": paths})]
    )
    turn = lambda field, n, task="a": committed(  # noqa: E731 - short
        A,
        lambda root: [
            {
                "transform": {
                    "document": f"{root}/tasks/{task}",
                    "field_transforms": [{"field_path": field, "increment": {"integer_value": n}}],
                }
            }
        ],
    )
    yield Row(
        "a mask removes who asked for the task",
        mask({"tokens_in": 105}, "tokens_in", "created_by"),
        mask({"tokens_in": 105}, "tokens_in"),
    )
    yield Row(
        "a mask removes the sequences",
        mask({"tokens_in": 105}, "tokens_in", "reports"),
        mask({"tokens_in": 106}, "tokens_in"),
    )
    yield Row(
        "a mask smuggles a field in",
        mask({"tokens_in": 105, "secret": "x"}, "tokens_in", "secret"),
        mask({"tokens_in": 105, "secret": "x"}, "tokens_in"),
    )
    yield Row("a transform makes a total negative", turn("tokens_in", -101), turn("tokens_in", 50))
    yield Row("a transform adds to another's task", turn("tokens_in", 5, "b"), turn("tokens_in", 5))
    yield Row("a transform makes a field nobody knows", turn("prompts", 1), turn("steps", 1))
    yield Row(
        "a transform turns a sequence back",
        turn("reports.`a:s-a.1`", -1),
        turn("reports.`a:s-a.1`", 1),
    )
    yield Row(
        "one write of a batch is another's",
        committed(
            A,
            lambda root: [
                _write(
                    f"{root}/tasks/a",
                    {"tokens_in": 105},
                    update_mask={"field_paths": ["tokens_in"]},
                ),
                _write(
                    f"{root}/tasks/b",
                    {"tokens_in": 105},
                    update_mask={"field_paths": ["tokens_in"]},
                ),
            ],
        ),
        mask({"tokens_in": 107}, "tokens_in"),
    )
    yield Row(
        "a write to a rival's fleet beside one's own",
        committed(
            A,
            lambda root: [
                _write(f"{root}-rival/sessions/x", {"agent_id": "a", "state": "idle"}),
            ],
        ),
        committed(A, lambda root: [_write(f"{root}/sessions/x", {"agent_id": "a"})]),
    )
    look = asked(A, "GET", "fleets/{fleet}/tasks/b")
    for what, path in {
        "dots": "fleets/rival/../{fleet}/tasks/b",
        "dots, encoded": "fleets/rival%2F..%2F{fleet}/tasks/b",
        "an encoded slash": "fleets%2F{fleet}-rival/tasks/b",
        "two slashes": "fleets//{fleet}-rival/tasks/b",
        "another fleet's end": "fleets/{fleet}x/tasks/b",
        "another root": "tenants/{fleet}/tasks/b",
        "a deeper collection": "fleets/{fleet}/tasks/b/notes/1",
    }.items():
        yield Row(f"a path with {what}", asked(A, "GET", path), look)
    query = lambda path, name, *, every=False: asked(  # noqa: E731 - short
        A,
        "POST",
        path,
        {
            "structuredQuery": {
                "from": [{"collectionId": name, "allDescendants": every}],
                "limit": 1,
            }
        },
    )
    yield Row(
        "a query over every fleet by REST",
        query(":runQuery", "tasks", every=True),
        query("fleets/{fleet}:runQuery", "tasks"),
    )
    yield Row(
        "a query over all that is below the fleet",
        query("fleets/{fleet}:runQuery", "tasks", every=True),
        query("fleets/{fleet}:runQuery", "sessions"),
    )
    yield Row(
        "the names of a fleet's collections",
        asked(A, "POST", "fleets/{fleet}:listCollectionIds", {}),
        look,
    )
    yield Row(
        "no token by REST",
        asked(Identity(None, None, bearer=""), "GET", "fleets/{fleet}/tasks/b"),
        look,
    )
