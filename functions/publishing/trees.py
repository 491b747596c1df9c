"""trees/{root}: the cost of a task with everything it spawned, however deep."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import FailedPrecondition, NotFound
from google.cloud import firestore

from counting.contribution import Contribution, contribution
from events.change import Version
from runtime.firestore import document, equals, fields_of, unchanged
from tachograph_schema.counters.cells import Row, add_rows
from tachograph_schema.counters.derived import ratios
from tachograph_schema.counters.names import FLEET
from tachograph_schema.counters.sketch import sums
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.documents.task import ENDED_STATUSES
from tachograph_schema.paths import FLEETS, TASKS, TREES, DocumentPath

if TYPE_CHECKING:
    _Snapshot = firestore.DocumentSnapshot[Any]

_PAGE = 500
_LATE = timedelta(minutes=10)


def publish_trees(db: firestore.Client, fleet: str, policy: Fleet) -> None:
    """Publish the trees that changed: their totals, the root task included.

    Increments reach the tree that a task names as its root, or else its parent's. Where that parent
    has a parent itself, its tree is a subtree: it is carried up, a level at a time, until it
    arrives at a task nobody spawned.
    """
    while trees := _where(db, fleet, "dirty"):
        _publish_all(db, fleet, trees, policy)


def refresh_trees(db: firestore.Client, fleet: str, policy: Fleet) -> None:
    """Publish the trees whose root task may still change; its own writes do not touch the tree."""
    _publish_all(db, fleet, _where(db, fleet, "open"), policy)


def tree_total(root: Row, tree: Mapping[str, Any]) -> Row:
    """Add up a tree: the root task, those that name it as their root, and the subtrees."""
    return add_rows([root, tree.get("c", {}), *tree.get("subtrees", {}).values()])


def flattened(task: str, tree: Mapping[str, Any]) -> dict[str, Row]:
    """Return a tree as subtrees of the tree above: its own, by its task, and those below it.

    Each by its own task, so that parents that go round in a circle add nothing twice.
    """
    return {**tree.get("subtrees", {}), task: add_rows([tree.get("c", {})])}


def _publish_all(db: firestore.Client, fleet: str, trees: list[_Snapshot], policy: Fleet) -> None:
    tasks = db.get_all([_task(db, fleet, tree.id) for tree in trees])
    roots = {task.id: task for task in tasks}
    for tree in trees:
        _publish(db, fleet, tree, roots[tree.id], policy)


def _publish(
    db: firestore.Client, fleet: str, tree: _Snapshot, task: _Snapshot, policy: Fleet
) -> None:
    root, fields = _read(task, policy), fields_of(tree)
    own = sums(root.cells.get(FLEET, {}))
    total = tree_total(own, fields)
    update = {
        "dirty": False,
        "open": _may_change(task, tree.read_time),
        "root": own,
        "total": total,
        "ratios": ratios(total),
    }
    if root.tree is not None and root.tree != tree.id:
        _carry_up(db, fleet, root.tree, flattened(tree.id, fields))
    if all(fields.get(name) == value for name, value in update.items()):
        return
    # Where it changed since it was read, the next round has it.
    with suppress(FailedPrecondition, NotFound):
        tree.reference.update({**update, "as_of": tree.read_time}, option=unchanged(tree))


def _may_change(task: _Snapshot, now: datetime) -> bool:
    """Tell whether a root task is at work, or ended so lately that a session may still report."""
    if not task.exists:
        return False
    ended = fields_of(task).get("status") in ENDED_STATUSES
    return not ended or task.update_time > now - _LATE


def _carry_up(db: firestore.Client, fleet: str, above: str, subtrees: dict[str, Row]) -> None:
    """Replace subtrees in the tree above, if that changes it."""
    ref = document(db, DocumentPath(fleet, TREES, above))
    current = fields_of(ref.get(["subtrees"])).get("subtrees", {})
    changed = {task: row for task, row in subtrees.items() if task != above}
    if any(current.get(task) != row for task, row in changed.items()):
        # Each row as a whole: merged by its counters, one that fell to nothing would stay.
        rows: Any = ["dirty", *(db.field_path("subtrees", task) for task in changed)]
        ref.set({"dirty": True, "subtrees": changed}, merge=rows)


def _where(db: firestore.Client, fleet: str, flag: str) -> list[_Snapshot]:
    flagged = db.collection(FLEETS, fleet, TREES).where(filter=equals(flag, value=True))
    return list(flagged.limit(_PAGE).stream())


def _task(db: firestore.Client, fleet: str, task: str) -> firestore.DocumentReference:
    return document(db, DocumentPath(fleet, TASKS, task))


def _read(task: _Snapshot, policy: Fleet) -> Contribution:
    if not task.exists:
        return Contribution({})
    return contribution(TASKS, Version(fields_of(task), "", task.update_time), policy)
