"""The queue of a fleet: claiming one of its most urgent and oldest tasks."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.cloud import firestore

from tachograph.coordination.claims import ClaimedTask, Claims
from tachograph.coordination.selection import SelectionWidth, TaskFilter, most_urgent, urgent
from tachograph.errors import ClaimLost
from tachograph.reports.checked import required_text
from tachograph.reports.values import found
from tachograph_schema.documents.fleet import PRIORITIES
from tachograph_schema.paths import FLEETS, TASKS

if TYPE_CHECKING:
    _Snapshot = firestore.DocumentSnapshot[Any]

_log = logging.getLogger("tachograph")
MAX_LOSSES = 50
"""Races lost in a row until `claim_next` gives up: 50 others got a task meanwhile."""
LOOKED_THROUGH = 100
"""The number of oldest tasks that are read where a query cannot express the filter."""
_REFRESH_S = 60.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 0.5


def task_filter(
    task_type: str | None, repo: str | None, labels: Mapping[str, str] | None
) -> TaskFilter:
    """Return a filter; raises ValueError where it asks for anything but text."""
    if labels is not None and not isinstance(labels, Mapping):
        raise ValueError(f"labels is {found(labels)}; expected a map of names to text")
    return TaskFilter(
        None if task_type is None else required_text(task_type, "task_type"),
        None if repo is None else required_text(repo, "repo"),
        None
        if labels is None
        else {
            required_text(name, "a label"): required_text(value, "a label")
            for name, value in labels.items()
        },
    )


class Queue:
    """The queue of a fleet, as one session takes from it."""

    def __init__(self, claims: Claims) -> None:
        self._claims = claims
        self._width = SelectionWidth()
        self._priorities: Sequence[str] = PRIORITIES
        self._read_at: float | None = None
        self._unanswered: _Snapshot | None = None

    def take(self, wanted: TaskFilter, at: datetime | None = None) -> ClaimedTask | None:
        """Claim one of the most urgent and oldest tasks that fit; None when none is left.

        A task whose earlier claim landed without an answer comes first.
        """
        if own := self._own():
            return own
        for losses in range(MAX_LOSSES):
            candidates = self._candidates(wanted)
            if not candidates:
                return None
            try:
                taken = self._take(random.choice(candidates), at)  # noqa: S311 - a spread
            except ClaimLost:
                self._width.lost()
                # The other claims land meanwhile, and no two contenders read again together.
                most_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**losses)
                time.sleep(random.uniform(0, most_s))  # noqa: S311 - likewise
            except LookupError:
                continue  # it was removed
            else:
                self._width.won()
                return taken
        return None

    def _take(self, task: _Snapshot, at: datetime | None) -> ClaimedTask:
        """Claim a task; without an answer it may be claimed, so it is kept for the next time."""
        try:
            return self._claims.take(task, at)
        except (GoogleAPICallError, RetryError):
            self._unanswered = task
            raise

    def _own(self) -> ClaimedTask | None:
        """Return the task whose claim was not answered, if it landed."""
        if self._unanswered is None:
            return None
        snapshot = self._unanswered.reference.get()
        self._unanswered = None
        return self._claims.held(snapshot)

    def _candidates(self, wanted: TaskFilter) -> list[_Snapshot]:
        """Return the oldest tasks of the most urgent priority among those that are read."""
        tasks = self._claims.database.collection(TASKS)
        queued = tasks.where(filter=_is("status", "queued"))
        fields = wanted.queried
        queried = queued if fields is None else queued.where(filter=_is(*fields))
        priorities = self._current_priorities()
        first = urgent(priorities)
        if first:
            pressing = queued.where(filter=_is("priority", first, "in"))
            if oldest := self._oldest(pressing, wanted, wanted.is_anything):
                return self._most_urgent(oldest, priorities)
        if oldest := self._oldest(queried, wanted, wanted.is_queried):
            return self._most_urgent(oldest, priorities)
        # A task that was queued with a plain write may have no `created_at` to order by.
        return _fitting(queried.limit(LOOKED_THROUGH), wanted)

    def _oldest(
        self,
        query: firestore.Query,
        wanted: TaskFilter,
        all_fit: bool,  # noqa: FBT001 - of the query
    ) -> list[_Snapshot]:
        width = self._width.width if all_fit else LOOKED_THROUGH
        return _fitting(query.order_by("created_at").limit(width), wanted)

    def _most_urgent(self, tasks: list[_Snapshot], priorities: Sequence[str]) -> list[_Snapshot]:
        fields = [task.to_dict() or {} for task in tasks]
        chosen = [tasks[place] for place in most_urgent(fields, priorities)]
        return chosen[: self._width.width]

    def _current_priorities(self) -> Sequence[str]:
        """Return the fleet's own order, read again after a minute."""
        now = time.monotonic()
        if self._read_at is None or now - self._read_at >= _REFRESH_S:
            self._read_at = now
            database = self._claims.database
            ref = database.client.collection(FLEETS).document(database.fleet)
            try:
                order = (ref.get(["priorities"]).to_dict() or {}).get("priorities")
            except (GoogleAPICallError, RetryError) as trouble:
                _log.warning("%s: its priorities could not be read: %s", ref.path, trouble)
            else:
                named = isinstance(order, list) and all(isinstance(word, str) for word in order)
                self._priorities = order if order is not None and named else PRIORITIES
        return self._priorities


def _fitting(query: firestore.Query, wanted: TaskFilter) -> list[_Snapshot]:
    return [task for task in query.get() if wanted.fits(task.to_dict() or {})]


def _is(field: str, value: object, relation: str = "==") -> firestore.FieldFilter:
    return firestore.FieldFilter(field, relation, value)
