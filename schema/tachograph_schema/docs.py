"""`docs/fields.md`, made from the models: `python -m tachograph_schema.docs > docs/fields.md`."""

from __future__ import annotations

import inspect
import re
import sys
import types
import typing
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tachograph_schema.counters import names
from tachograph_schema.documents.baseline import Baseline
from tachograph_schema.documents.coordination import Incident, Lease, Message
from tachograph_schema.documents.fleet import Fleet, LivenessPolicy, RotationPolicy, TracingPolicy
from tachograph_schema.documents.ledger import LedgerEntry, Rejected, Sweep
from tachograph_schema.documents.price_sheet import PriceRow
from tachograph_schema.documents.rollup import Rollup, Shard, Tree
from tachograph_schema.documents.session import Session
from tachograph_schema.documents.signal import Alert, Signal
from tachograph_schema.documents.snapshot import Live, Snapshot
from tachograph_schema.documents.task import Evaluation, ModelUsage, Task, ToolUse
from tachograph_schema.tracing.batch import SpanLink, TraceBatch

DOCUMENTS: dict[type[BaseModel], str] = {
    Fleet: "`fleets/{fleet}`, written by the owner",
    RotationPolicy: "In a fleet's `rotation`",
    LivenessPolicy: "In a fleet's `liveness`",
    TracingPolicy: "In a fleet's `tracing`",
    PriceRow: "`prices/{sheet}`, written by the owner; or one of its `rows`",
    Task: "`tasks/{task}`, written by agents",
    ModelUsage: "In a task's `usage_by_model`, by model",
    ToolUse: "In a task's `tools`, by name",
    Evaluation: "In a task's `evaluations`, by evaluator",
    Session: "`sessions/{session}`, written by agents",
    Message: "`messages/{message}`, written by agents",
    Incident: "`incidents/{incident}`, written by agents",
    Lease: "`leases/{hash of repo and branch}`, written by agents",
    LedgerEntry: "`ledger/{key}`, written by functions",
    Shard: "`shards/{shard}_{hour}`, written by functions",
    Rollup: "`rollups/{grain}_{period}`, written by functions",
    Snapshot: "`snapshots/{time}`, written by functions",
    Live: "`live/now`, written by functions; it has a snapshot's fields too",
    Signal: "`signals/{signal}`, written by functions; the addressee acknowledges",
    Alert: "`alerts/{alert}`, written by functions; an operator acknowledges",
    Tree: "`trees/{root_task}`, written by functions",
    Baseline: "`baselines/{type}__{model}`, written by functions",
    Rejected: "`rejected/{key}`, written by functions",
    Sweep: "`sweeps/now`, written by functions",
    TraceBatch: "`traces/{trace}/batches/{batch}`, written by agents",
    SpanLink: "One of a batch's `links`",
}
_UNITS = {
    "ms": "milliseconds",
    "us": "microseconds",
    "nanousd": "nano-dollars",
    "usd": "US dollars",
    "pct": "percent",
    "tokens": "tokens",
    "at": "UTC",
    "days": "days",
}
_HEAD = """# Fields

What every document holds, made from the schema by `make docs`. Absent means unknown, never zero.
Names carry their unit last. Every document lives under `fleets/{fleet}`.
"""
_COUNTERS = """
## Counters

The counters of every scope in `shards/` and `rollups/`. A scope is `fleet`, `tier:T`, `model:M`,
`type:T`, `agent:A`, `role:R`, `tool:NAME`, `label:K=V` or `type:T|model:M`; in a
name `%`, `:`, `=` and `|` are `%25`, `%3A`, `%3D` and `%7C`. A published rollup keeps the costliest
values of each and adds the others up as `_other`.

| counter | what it counts |
|---|---|
"""
_WORDS = {
    int: "integer",
    float: "number",
    Decimal: "number",
    str: "text",
    bool: "true or false",
    type(None): "",
}


def pages() -> Iterator[str]:
    """Yield the page, part by part."""
    yield _HEAD
    for model, where in DOCUMENTS.items():
        yield _table(model, where)
    yield _COUNTERS
    for name in sorted({*names.USAGE, *names.TASK_SUMS, *names.DESCRIPTIONS}):
        yield f"| `{name}` | {_counted(name)} |\n"
    ends = ", ".join(f"`context_L_{outcome}`" for outcome in names.CONTEXT_OUTCOMES)
    yield f"| {ends} | tasks that ended so with L to L+10 % of the context left |\n"
    yield "\nSketches: the counter `NAME~B` holds how many values fell into log bucket B.\n\n"
    yield "| sketch | of |\n|---|---|\n"
    for name, what in names.SKETCHES.items():
        yield f"| `{name}~B` | {what} |\n"


def _table(model: type[BaseModel], where: str) -> str:
    what = inspect.cleandoc(model.__doc__ or "").partition(": ")
    words = what[2] if what[0].startswith("`") else "".join(what)
    rows = "".join(
        f"| `{name}` | {_type_of(field.annotation)} | {_unit(name)} | {_said(field)} |\n"
        for name, field in model.model_fields.items()
        if not field.exclude and (name in model.__annotations__ or model is not Live)
    )
    head = "| field | type | unit | what |\n|---|---|---|---|\n"
    return f"\n## {model.__name__}\n\n{where}. {words[:1].upper()}{words[1:]}\n\n{head}{rows}"


def _said(field: FieldInfo) -> str:
    words = (field.description or "").replace("|", "\\|")
    if field.is_required() or field.default is None or field.default_factory is not None:
        return words
    if isinstance(field.default, BaseModel | dict):
        return words
    return f"{words} Default: {field.default}."


def _type_of(annotation: Any) -> str:  # noqa: ANN401 - a type
    """Say a type in a word or two."""
    kind, parts = get_origin(annotation), get_args(annotation)
    if kind is Literal:
        return ", ".join(str(choice) for choice in parts)
    if kind in (types.UnionType, typing.Union):
        return next(filter(None, map(_type_of, parts)), "")
    if kind is typing.Annotated:
        return _type_of(parts[0])
    if kind in (dict, list):
        return f"{'map' if kind is dict else 'list'} of {_type_of(parts[-1])}"
    name = getattr(annotation, "__name__", str(annotation))
    return _WORDS.get(annotation, "timestamp" if name == "datetime" else name)


def _unit(name: str) -> str:
    if name.endswith("_tokens") or re.fullmatch(r"tokens_(in|out)", name):
        return _UNITS["tokens"]
    return _UNITS.get(name.rpartition("_")[2], "")


def _counted(name: str) -> str:
    if name in names.DESCRIPTIONS:
        return names.DESCRIPTIONS[name]
    field = Task.model_fields.get(name)
    return "sum of the tasks' field of this name" if field else ""


if __name__ == "__main__":
    sys.stdout.write("".join(pages()))
