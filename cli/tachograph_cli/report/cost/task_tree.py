"""Reading the tasks of a tree, whichever of them is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from google.cloud import firestore

from tachograph.firestore.price_cache import PriceCache
from tachograph_cli.report.published import PATIENCE
from tachograph_schema.documents.task import Task
from tachograph_schema.parsing import parse
from tachograph_schema.paths import FLEETS, TASKS, TREES, DocumentPath

if TYPE_CHECKING:
    from tachograph_schema.documents.price_sheet import PriceList

    _Snapshot = firestore.DocumentSnapshot[Any]

MAX_TASKS = 5000
MAX_LEVELS = 50
_IN_AT_ONCE = 30
"""Firestore's bound on the values of one `in`."""
_NEAR = 5
_LOOKED_THROUGH = 300


@dataclass(frozen=True, slots=True)
class Member:
    """A task of the tree, and when it was last written."""

    task: Task
    written_at: datetime


@dataclass(slots=True)
class Family:
    """The tasks of a tree by id, as they stand."""

    fleet: str
    asked: str
    root: str
    members: dict[str, Member] = field(default_factory=dict)
    tree: Mapping[str, Any] | None = None
    """`trees/{root}`, if there is one."""
    prices: PriceList | None = None
    documents_read: int = 0
    complete: bool = True
    """False when there are more tasks, or levels, than are read."""


def read(db: firestore.Client, fleet: str, asked: str) -> Family | None:
    """Read the tree that a task is part of; None where there is no such task.

    A task belongs to it by naming its root, or its parent; a tree knows tasks that do either.
    """
    if not _may_be_an_id(asked):
        return None
    climbed = _climb(db, fleet, asked)
    if climbed is None:
        return None
    found = Family(fleet, asked, climbed[-1][0], documents_read=len(climbed))
    _keep(found, (snapshot for _, snapshot in climbed if snapshot.exists))
    tree = db.document(str(DocumentPath(fleet, TREES, found.root))).get()
    found.tree = tree.to_dict() if tree.exists else None
    found.documents_read += 1
    _read_named(db, found)
    _read_levels(db, found)
    found.prices = PriceCache(db, fleet).current()
    return found


def near(db: firestore.Client, fleet: str, asked: str) -> list[str]:
    """Return ids of tasks that look like the one that is not there, closest first."""
    tasks = db.collection(FLEETS, fleet, TASKS).select([]).order_by("__name__")
    ids: list[str] = []
    if _may_be_an_id(asked):
        alike = tasks.start_at({"__name__": asked[: max(1, len(asked) // 2)]})
        ids = [found.id for found in alike.limit(_LOOKED_THROUGH).stream()]
    ids += [found.id for found in tasks.limit(_LOOKED_THROUGH).stream()]
    close = get_close_matches(asked, list(dict.fromkeys(ids)), _NEAR, cutoff=0.4)
    return close or ids[:_NEAR]


def _climb(db: firestore.Client, fleet: str, asked: str) -> list[tuple[str, _Snapshot]] | None:
    """Return the tasks from the one asked for to the top; at the top one may be missing."""
    steps: dict[str, _Snapshot] = {}
    name: str | None = asked
    while name is not None and name not in steps and len(steps) <= MAX_LEVELS:
        steps[name] = db.document(str(DocumentPath(fleet, TASKS, name))).get(retry=PATIENCE)
        task, _ = parse(Task, steps[name].to_dict() or {})
        above = task.root_task_id or task.parent_task_id
        name = above if above and _may_be_an_id(above) else None
    return list(steps.items()) if steps[asked].exists else None


def _read_named(db: firestore.Client, found: Family) -> None:
    tasks = db.collection(FLEETS, found.fleet, TASKS)
    named = tasks.where(filter=firestore.FieldFilter("root_task_id", "==", found.root))
    _keep(found, _counted(found, named))


def _read_levels(db: firestore.Client, found: Family) -> None:
    """Read the children of every task that is known, then theirs, until there are no more."""
    tasks = db.collection(FLEETS, found.fleet, TASKS)
    asked: set[str] = set()
    for _ in range(MAX_LEVELS):
        parents = [name for name in {found.root: None, **found.members} if name not in asked]
        if not parents or not found.complete:
            return
        asked.update(parents)
        for begin in range(0, len(parents), _IN_AT_ONCE):
            some = parents[begin : begin + _IN_AT_ONCE]
            spawned = tasks.where(filter=firestore.FieldFilter("parent_task_id", "in", some))
            _keep(found, _counted(found, spawned))
    found.complete = False


def _counted(found: Family, query: firestore.Query) -> Iterator[_Snapshot]:
    for snapshot in query.limit(MAX_TASKS).stream():
        found.documents_read += 1
        yield snapshot


def _keep(found: Family, snapshots: Iterable[_Snapshot]) -> None:
    for snapshot in snapshots:
        if len(found.members) >= MAX_TASKS and snapshot.id not in found.members:
            found.complete = False
            return
        task, _ = parse(Task, snapshot.to_dict() or {})
        found.members[snapshot.id] = Member(task, snapshot.update_time)


def _may_be_an_id(name: str) -> bool:
    return bool(name) and "/" not in name and not re.fullmatch(r"\.|\.\.|__.*__", name)
