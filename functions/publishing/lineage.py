"""Which root a task's cost belongs to, where tasks name only their parents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from google.cloud import firestore

from runtime.firestore import document, fields_of
from tachograph_schema.documents.task import Task, task_above
from tachograph_schema.parsing import parse
from tachograph_schema.paths import TASKS, DocumentPath

MAX_DEPTH = 200
"""How many tasks may stand above one that is carried up to its root."""
_ABOVE = ("root_task_id", "parent_task_id")


def roots(
    names: Iterable[str], above_of: Callable[[set[str]], Mapping[str, str | None]]
) -> dict[str, str | None]:
    """Return the root of each task: the first one above it that nobody spawned, or itself.

    None where there is no root: the tasks above go round in a circle, or are more than MAX_DEPTH.
    `above_of` gives the task above each of some tasks, None above a root.
    """
    at = {name: name for name in names}
    ended: dict[str, str | None] = {}
    for _ in range(MAX_DEPTH + 1):
        above = above_of(set(at.values()))
        ended |= {name: task for name, task in at.items() if above[task] in (None, task)}
        at = {name: above[task] or task for name, task in at.items() if name not in ended}
        if not at:
            break
    return ended | dict.fromkeys(at)


class TasksAbove:
    """The task above each task: one read for each that is asked for and not known."""

    def __init__(
        self, db: firestore.Client, fleet: str, known: Mapping[str, str | None] | None = None
    ) -> None:
        """Read nothing yet; `known` are the tasks above those that were read."""
        self._db, self._fleet = db, fleet
        self._above = dict(known or {})

    def __call__(self, names: set[str]) -> Mapping[str, str | None]:
        """Return the task above each of `names`."""
        unread = [
            document(self._db, DocumentPath(self._fleet, TASKS, name))
            for name in sorted(names - self._above.keys())
        ]
        if unread:
            for found in self._db.get_all(unread, field_paths=_ABOVE):
                self._above[found.id] = task_above(parse(Task, fields_of(found))[0])
        return self._above
