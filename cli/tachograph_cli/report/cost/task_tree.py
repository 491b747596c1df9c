"""The tasks of a tree, read from Firestore by any one of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from google.cloud import firestore

from tachograph.firestore.price_cache import PriceCache
from tachograph_cli.report.published import PATIENCE
from tachograph_schema.documents.task import Task, task_above
from tachograph_schema.parsing import parse
from tachograph_schema.paths import FLEETS, TASKS, TREES, DocumentPath, is_document_id

if TYPE_CHECKING:
    from tachograph_schema.documents.price_sheet import PriceList

    _Snapshot = firestore.DocumentSnapshot[Any]

MAX_TASKS = 5000
MAX_LEVELS = 50
_IN_AT_ONCE = 30
"""Firestore's bound on the values of one `in`."""
_NEAR = 5
_LOOKED_THROUGH = 300
_COMPARED_CHARS = 128


@dataclass(frozen=True, slots=True)
class Member:
    """A task of the tree, and the time of its last write."""

    task: Task
    written_at: datetime


@dataclass(slots=True)
class TaskTree:
    """The tasks of a tree by id, in their present state."""

    fleet: str
    asked: str
    root: str
    members: dict[str, Member] = field(default_factory=dict)
    published: Mapping[str, Any] | None = None
    """`trees/{root}`, if there is one."""
    prices: PriceList | None = None
    documents_read: int = 0
    complete: bool = True
    """False where the tree has more than 5,000 tasks or 50 levels."""


def read(db: firestore.Client, fleet: str, asked: str) -> TaskTree | None:
    """Read the tree of the task `asked`; None where there is no such task.

    A task belongs to a tree by naming its root or its parent.
    """
    if not is_document_id(asked):
        return None
    climbed = _climb(db, fleet, asked)
    if climbed is None:
        return None
    tree = TaskTree(fleet, asked, climbed[-1][0], documents_read=len(climbed))
    _add(tree, (snapshot for _, snapshot in climbed if snapshot.exists))
    published = db.document(str(DocumentPath(fleet, TREES, tree.root))).get()
    tree.published = published.to_dict() if published.exists else None
    tree.documents_read += 1
    _read_named(db, tree)
    _read_levels(db, tree)
    tree.prices = PriceCache(db, fleet).current()
    return tree


def near(db: firestore.Client, fleet: str, asked: str) -> list[str]:
    """Return the ids of at most 5 tasks that resemble the missing `asked`, closest first."""
    tasks = db.collection(FLEETS, fleet, TASKS).select([]).order_by("__name__")
    ids: list[str] = []
    begins = asked[: max(1, len(asked) // 2)]
    if is_document_id(begins):
        alike = tasks.start_at({"__name__": begins})
        ids = [task.id for task in alike.limit(_LOOKED_THROUGH).stream()]
    ids += [task.id for task in tasks.limit(_LOOKED_THROUGH).stream()]
    # Comparing two ids takes time with the square of their lengths.
    short = [name for name in dict.fromkeys(ids) if len(name) <= _COMPARED_CHARS]
    close = get_close_matches(asked[:_COMPARED_CHARS], short, _NEAR, cutoff=0.4)
    return close or ids[:_NEAR]


def _climb(db: firestore.Client, fleet: str, asked: str) -> list[tuple[str, _Snapshot]] | None:
    """Return the tasks from `asked` up to the root, which may be missing."""
    steps: dict[str, _Snapshot] = {}
    name: str | None = asked
    while name is not None and name not in steps and len(steps) <= MAX_LEVELS:
        steps[name] = db.document(str(DocumentPath(fleet, TASKS, name))).get(retry=PATIENCE)
        task, _ = parse(Task, steps[name].to_dict() or {})
        name = task_above(task)
    return list(steps.items()) if steps[asked].exists else None


def _read_named(db: firestore.Client, tree: TaskTree) -> None:
    tasks = db.collection(FLEETS, tree.fleet, TASKS)
    named = tasks.where(filter=firestore.FieldFilter("root_task_id", "==", tree.root))
    _add(tree, _stream(tree, named))


def _read_levels(db: firestore.Client, tree: TaskTree) -> None:
    """Read the subtasks of every task that was read, level by level."""
    tasks = db.collection(FLEETS, tree.fleet, TASKS)
    asked: set[str] = set()
    for _ in range(MAX_LEVELS):
        parents = [name for name in {tree.root: None, **tree.members} if name not in asked]
        if not parents or not tree.complete:
            return
        asked.update(parents)
        for begin in range(0, len(parents), _IN_AT_ONCE):
            some = parents[begin : begin + _IN_AT_ONCE]
            spawned = tasks.where(filter=firestore.FieldFilter("parent_task_id", "in", some))
            _add(tree, _stream(tree, spawned))
    tree.complete = False


def _stream(tree: TaskTree, query: firestore.Query) -> Iterator[_Snapshot]:
    for snapshot in query.limit(MAX_TASKS).stream():
        tree.documents_read += 1
        yield snapshot


def _add(tree: TaskTree, snapshots: Iterable[_Snapshot]) -> None:
    for snapshot in snapshots:
        if len(tree.members) >= MAX_TASKS and snapshot.id not in tree.members:
            tree.complete = False
            return
        task, _ = parse(Task, snapshot.to_dict() or {})
        tree.members[snapshot.id] = Member(task, snapshot.update_time)
