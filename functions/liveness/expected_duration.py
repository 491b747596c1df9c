"""How long a session's task should take: the measure of stuck.

Tasks and baselines are read for suspects alone, and remembered for ten minutes, because a suspect
is judged in every tick.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from google.cloud import firestore

from runtime.cache import Cache
from runtime.firestore import fields_of
from tachograph_schema.documents.session import WORKING_STATES, Session
from tachograph_schema.documents.task import Task
from tachograph_schema.parsing import parse
from tachograph_schema.paths import BASELINES, TASKS, DocumentPath, baseline_id

_TASK_FIELDS = ("task_type", "model", "expected_duration_ms")
_documents: Cache[str, Mapping[str, Any]] = Cache(max_entries=20_000, max_age_s=600)
"""By path. A baseline changes once an hour, and the type and model of a task hardly ever."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """A session's task: the path of its baseline, and how long the task itself says it takes."""

    baseline: str | None
    expected_duration_ms: int | None


def expected_durations(
    db: firestore.Client, fleet: str, sessions: Iterable[Session]
) -> list[timedelta | None]:
    """Return for each session at work how long its task should take; None where that is unknown.

    That is the median of the baseline, because `stuck_factor` is a multiple of a typical duration;
    without a baseline it is the task's own `expected_duration_ms`. At most one read for each task
    and one for each baseline, in ten minutes.
    """
    asked = [session if session.state in WORKING_STATES else Session() for session in sessions]
    tasks = _read(
        db,
        [_task(fleet, session.task_id) for session in asked if session.task_id],
        _TASK_FIELDS,
    )
    kinds = [_kind(fleet, session, tasks) for session in asked]
    baselines = _read(db, [kind.baseline for kind in kinds if kind.baseline], ("quantiles",))
    return [_expected(kind, baselines) for kind in kinds]


def _kind(fleet: str, session: Session, tasks: Mapping[str, Mapping[str, Any]]) -> _Kind:
    task = Task()
    if session.task_id:
        task, _ = parse(Task, tasks[_task(fleet, session.task_id)])
    task_type = task.task_type or session.task_type
    model = task.model or session.model
    name = None
    if task_type and model:
        name = str(DocumentPath(fleet, BASELINES, baseline_id(task_type, model)))
    return _Kind(name, task.expected_duration_ms)


def _task(fleet: str, task_id: str) -> str:
    return str(DocumentPath(fleet, TASKS, task_id))


def _expected(kind: _Kind, baselines: Mapping[str, Mapping[str, Any]]) -> timedelta | None:
    quantiles = baselines.get(kind.baseline or "", {}).get("quantiles", {})
    usual_ms = quantiles.get("duration_ms", {}).get("p50", kind.expected_duration_ms)
    return None if usual_ms is None else timedelta(milliseconds=usual_ms)


def _read(
    db: firestore.Client, paths: Iterable[str], fields: Iterable[str]
) -> dict[str, Mapping[str, Any]]:
    """Read documents by path, in one request, those that are not remembered."""
    read = {path: _documents.get(path) for path in paths}
    missing = [db.document(path) for path, document in read.items() if document is None]
    if missing:
        for snapshot in db.get_all(missing, field_paths=fields):
            path, document = snapshot.reference.path, fields_of(snapshot)
            _documents.put(path, document)
            read[path] = document
    return {path: document or {} for path, document in read.items()}
