"""Pure: a document as it stands -> the counters it contributes.

`contribution(after) - contribution(before)` is the effect of a write. All counters are integers and
each effect is applied once, so effects in any order add up to the last state.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from counting.coordination import incident_cells, message_cells
from counting.session import session_cells
from counting.task import task_cells
from events.change import Version
from tachograph_schema.counters.cells import Cells, delta
from tachograph_schema.counters.names import FLEET
from tachograph_schema.counters.sketch import sums
from tachograph_schema.documents.coordination import Incident, Message
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.documents.session import Session
from tachograph_schema.documents.task import Task, task_above
from tachograph_schema.parsing import Problem, parse
from tachograph_schema.paths import INCIDENTS, MESSAGES, SESSIONS, TASKS

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Contribution:
    """The counters of one version of a document, and the fields that could not be read."""

    cells: Cells
    problems: tuple[Problem, ...] = ()
    reported_at: datetime | None = None
    """When the reported usage happened, if the document says."""
    agent: str | None = None
    tree: str | None = None
    """The root of the tree the task is a part of, below the root itself."""


NOTHING = Contribution({})


def contribution(collection: str, version: Version | None, fleet: Fleet) -> Contribution:
    """Count one document; one that is missing or voided counts for nothing.

    It never raises: a document that is more than this code can take counts for nothing and is
    named, because an event that fails is delivered for a day, and a sweep would never get past it.
    """
    if version is None:
        return NOTHING
    try:
        return _COUNT[collection](version, fleet)
    except Exception as error:  # noqa: BLE001 - whatever it meets in a document
        _log.exception(
            "let go: %s, version %s: it cannot be counted", collection, version.update_time
        )
        found = f"more than can be counted ({type(error).__name__})"
        return Contribution(
            {FLEET: {"rejected_fields": 1}},
            (Problem("the document", found, "one within the schema"),),
        )


def tree_delta(task: str, before: Contribution, after: Contribution) -> Cells:
    """Return by root what changes in the trees that a task is a part of below their roots.

    A task that moves takes its cost from one tree to the other.
    """
    return delta(tree_row(task, before.tree, before.cells), tree_row(task, after.tree, after.cells))


def tree_row(document: str, tree: str | None, cells: Cells) -> Cells:
    """Return by root what a document counts for in the tree it is a part of below the root.

    Sketches are left out, because a tree is one sum.
    """
    if tree is None or tree == document:
        return {}
    row = sums(cells.get(FLEET, {}))
    return {tree: row} if row else {}


def _count_task(version: Version, fleet: Fleet) -> Contribution:
    task, problems = parse(Task, version.fields)
    cells = {} if task.voided else task_cells(task, version.written_at, fleet)
    cells = _with_rejected(cells, problems)
    return Contribution(cells, problems, task.reported_at, task.agent_id, task_above(task))


def _count_session(version: Version, fleet: Fleet) -> Contribution:
    session, problems = parse(Session, version.fields)
    cells = {} if session.voided else session_cells(session, fleet)
    cells = _with_rejected(cells, problems)
    return Contribution(cells, problems, session.reported_at, session.agent_id)


def _count_message(version: Version, _: Fleet) -> Contribution:
    message, problems = parse(Message, version.fields)
    cells = {} if message.voided else message_cells(message)
    cells = _with_rejected(cells, problems)
    return Contribution(cells, problems, message.reported_at, message.from_agent_id)


def _count_incident(version: Version, _: Fleet) -> Contribution:
    incident, problems = parse(Incident, version.fields)
    cells = {} if incident.voided else incident_cells(incident)
    cells = _with_rejected(cells, problems)
    happened_at = incident.reported_at or incident.occurred_at
    return Contribution(cells, problems, happened_at, incident.agent_id)


def _with_rejected(cells: Cells, problems: tuple[Problem, ...]) -> Cells:
    if not problems:
        return cells
    return cells | {FLEET: cells.get(FLEET, {}) | {"rejected_fields": len(problems)}}


_COUNT: Mapping[str, Callable[[Version, Fleet], Contribution]] = {
    TASKS: _count_task,
    SESSIONS: _count_session,
    MESSAGES: _count_message,
    INCIDENTS: _count_incident,
}

COLLECTIONS = tuple(sorted(_COUNT))
"""The collections whose documents are counted."""
