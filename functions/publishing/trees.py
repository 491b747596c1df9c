"""trees/{root}: the cost of a task with everything it spawned, however deep."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import FailedPrecondition, NotFound
from google.cloud import firestore

from counting.contribution import Contribution, contribution
from events.change import Version
from publishing.lineage import TasksAbove, roots
from runtime.cache import Cache
from runtime.firestore import batches, document, equals, fields_of, pages, unchanged
from runtime.policy import MAX_FLEETS
from runtime.units import Units, unguarded
from tachograph_schema.counters.cells import Cells, Row, add_rows, delta
from tachograph_schema.counters.derived import fleet_ratios
from tachograph_schema.counters.names import FLEET
from tachograph_schema.counters.sketch import sums
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.documents.task import ENDED_STATUSES
from tachograph_schema.paths import FLEETS, TASKS, TREES, DocumentPath

if TYPE_CHECKING:
    _Snapshot = firestore.DocumentSnapshot[Any]

_BATCH = 100
_PASSES = 3
"""A tree that another was carried into is published in the next pass; one more for conflicts."""
_LATE = timedelta(minutes=10)
_refreshed: Cache[str, str] = Cache(MAX_FLEETS)
"""By fleet: the last tree that a refresh which ran out of time came to."""


def publish_trees(
    db: firestore.Client, fleet: str, policy: Fleet, units: Units | None = None
) -> None:
    """Publish the trees that changed: their totals, the root task included.

    Increments reach the tree that a task names as its root, or else its parent's. Where that parent
    has a parent itself, its tree is a part of another's, and is carried into that of its root.
    """
    units = units or unguarded()
    for _ in range(_PASSES):
        changed = 0
        for trees in batches(pages(_where(db, fleet, "dirty")), _BATCH):
            if not units.has_time():
                return
            _publish_all(db, fleet, trees, policy, units)
            changed += len(trees)
        if not changed:
            return


def refresh_trees(
    db: firestore.Client, fleet: str, policy: Fleet, units: Units | None = None
) -> None:
    """Publish the trees whose root task may still change; its own writes do not touch the tree.

    A refresh that runs out of time goes on there the next time.
    """
    units = units or unguarded()
    opened, last = _where(db, fleet, "open"), _refreshed.get(fleet)
    if last:
        opened = opened.start_after({"__name__": document(db, DocumentPath(fleet, TREES, last))})
    for trees in batches(pages(opened), _BATCH):
        if not units.has_time():
            return
        _publish_all(db, fleet, trees, policy, units)
        _refreshed.put(fleet, trees[-1].id)
    _refreshed.put(fleet, "")


def tree_total(root: Row, tree: Mapping[str, Any]) -> Row:
    """Add up a tree: the root task, those that name it as their root, and what was carried in."""
    return add_rows([root, part(tree)])


def part(tree: Mapping[str, Any]) -> Row:
    """Return what a tree holds for the tree of its root, if that is another."""
    return add_rows([tree.get("c", {}), tree.get("below", {})])


def carried(tree: Mapping[str, Any], root: str | None) -> Cells:
    """Return by tree what is to be added, so that `root`'s alone holds what this tree holds now.

    None is nobody's: what was carried before is taken back.
    """
    before = tree.get("carried") or {}
    was = {before["to"]: before["row"]} if before else {}
    return delta(was, {root: part(tree)} if root else {})


def _publish_all(
    db: firestore.Client, fleet: str, trees: list[_Snapshot], policy: Fleet, units: Units
) -> None:
    tasks = {task.id: task for task in db.get_all([_task(db, fleet, tree.id) for tree in trees])}
    counted = {name: _read(task, policy) for name, task in tasks.items()}
    above = {name: contribution.tree for name, contribution in counted.items()}
    root_of = roots(tasks, TasksAbove(db, fleet, above))
    for tree in trees:
        root, own = root_of[tree.id], sums(counted[tree.id].cells.get(FLEET, {}))
        into = None if root == tree.id else root
        units.run("tree", tree.id, partial(_publish, db, fleet, tree, tasks[tree.id], own, into))


def _publish(
    db: firestore.Client,
    fleet: str,
    tree: _Snapshot,
    task: _Snapshot,
    own: Row,
    into: str | None,
) -> None:
    """Publish a tree, and carry what changed of it `into` another's, in one commit.

    `own` is the root task's counters.
    """
    fields = fields_of(tree)
    total = tree_total(own, fields)
    row = part(fields)
    update = {
        "dirty": False,
        "open": _may_change(task, tree),
        "root": own,
        "total": total,
        "ratios": fleet_ratios(total),
        "carried": {"to": into, "row": row} if into and row else None,
    }
    if all(fields.get(name) == value for name, value in update.items()):
        return
    batch = db.batch()
    for name, change in carried(fields, into).items():
        increments = {counter: firestore.Increment(n) for counter, n in change.items()}
        other = document(db, DocumentPath(fleet, TREES, name))
        batch.set(other, {"dirty": True, "below": increments}, merge=True)
    batch.update(tree.reference, {**update, "as_of": tree.read_time}, option=unchanged(tree))
    # Where it changed since it was read, the next pass has it.
    with suppress(FailedPrecondition, NotFound):
        batch.commit()


def _may_change(task: _Snapshot, tree: _Snapshot) -> bool:
    """Tell whether a root task is at work, or ended so lately that a session may still report.

    One that is not there yet may come, for a while after the tree was last written.
    """
    lately = tree.read_time - _LATE
    if not task.exists:
        return bool(tree.update_time > lately)
    ended = fields_of(task).get("status") in ENDED_STATUSES
    return not ended or task.update_time > lately


def _where(db: firestore.Client, fleet: str, flag: str) -> firestore.Query:
    flagged = db.collection(FLEETS, fleet, TREES).where(filter=equals(flag, value=True))
    return flagged.order_by("__name__")


def _task(db: firestore.Client, fleet: str, task: str) -> firestore.DocumentReference:
    return document(db, DocumentPath(fleet, TASKS, task))


def _read(task: _Snapshot, policy: Fleet) -> Contribution:
    if not task.exists:
        return Contribution({})
    return contribution(TASKS, Version(fields_of(task), "", task.update_time), policy)
