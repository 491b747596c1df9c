"""Taking the next task of the queue, whichever that is."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.cloud import firestore

from tachograph.coordination.claims import ClaimLost, Claims, Taken
from tachograph.coordination.selection import Spread, Wanted, most_urgent, urgent
from tachograph_schema.documents.fleet import PRIORITIES
from tachograph_schema.paths import FLEETS, TASKS

if TYPE_CHECKING:
    _Snapshot = firestore.DocumentSnapshot[Any]

_log = logging.getLogger("tachograph")
MAX_LOSSES = 50
"""Races lost in a row until `claim_next` gives up: 50 others got a task meanwhile."""
LOOKED_THROUGH = 100
"""The oldest tasks that are looked through for what a query cannot ask for."""
_REFRESH_S = 60.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 0.5


class Queue:
    """The queue of a fleet, as one session takes from it."""

    def __init__(self, claims: Claims) -> None:
        self._claims = claims
        self._spread = Spread()
        self._priorities: Sequence[str] = PRIORITIES
        self._read_at: float | None = None
        self._unanswered: _Snapshot | None = None

    def take(self, wanted: Wanted, at: datetime | None = None) -> Taken | None:
        """Claim one of the most urgent and oldest tasks that fit; None when none is left.

        First of all one that it claimed before, and was not told so.
        """
        if own := self._own():
            return own
        for losses in range(MAX_LOSSES):
            found = self._candidates(wanted)
            if not found:
                return None
            try:
                taken = self._take(random.choice(found), at)  # noqa: S311 - a spread
            except ClaimLost:
                self._spread.lost()
                # The others' claims land meanwhile; and no two look again at the same moment.
                most_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**losses)
                time.sleep(random.uniform(0, most_s))  # noqa: S311 - likewise
            except LookupError:
                continue  # it was removed
            else:
                self._spread.won()
                return taken
        return None

    def _take(self, task: _Snapshot, at: datetime | None) -> Taken:
        """Claim a task; one whose claim was not answered may have been claimed, and is kept."""
        try:
            return self._claims.take(task, at)
        except (GoogleAPICallError, RetryError):
            self._unanswered = task
            raise

    def _own(self) -> Taken | None:
        """Return the task whose claim was not answered, if it landed."""
        if self._unanswered is None:
            return None
        found = self._unanswered.reference.get()
        self._unanswered = None
        return self._claims.held(found)

    def _candidates(self, wanted: Wanted) -> list[_Snapshot]:
        """Return the oldest tasks of the most urgent priority that there is, as far as is read."""
        tasks = self._claims.client.collection(FLEETS, self._claims.fleet, TASKS)
        queued = tasks.where(filter=_is("status", "queued"))
        asked = queued if wanted.asked is None else queued.where(filter=_is(*wanted.asked))
        priorities = self._known_priorities()
        first = urgent(priorities)
        if first:
            pressing = queued.where(filter=_is("priority", first, "in"))
            if found := self._oldest(pressing, wanted, wanted.is_anything):
                return self._most_urgent(found, priorities)
        if found := self._oldest(asked, wanted, wanted.is_asked):
            return self._most_urgent(found, priorities)
        # Who queues a task with a plain write may have left out when.
        return _fitting(asked.limit(LOOKED_THROUGH), wanted)

    def _oldest(
        self,
        query: firestore.Query,
        wanted: Wanted,
        all_fit: bool,  # noqa: FBT001 - as the query asks
    ) -> list[_Snapshot]:
        width = self._spread.width if all_fit else LOOKED_THROUGH
        return _fitting(query.order_by("created_at").limit(width), wanted)

    def _most_urgent(self, found: list[_Snapshot], priorities: Sequence[str]) -> list[_Snapshot]:
        fields = [task.to_dict() or {} for task in found]
        chosen = [found[place] for place in most_urgent(fields, priorities)]
        return chosen[: self._spread.width]

    def _known_priorities(self) -> Sequence[str]:
        """Return the fleet's own order, read anew within a minute."""
        now = time.monotonic()
        if self._read_at is None or now - self._read_at >= _REFRESH_S:
            self._read_at = now
            ref = self._claims.client.collection(FLEETS).document(self._claims.fleet)
            try:
                said = (ref.get(["priorities"]).to_dict() or {}).get("priorities")
            except (GoogleAPICallError, RetryError) as trouble:
                _log.warning("%s: its priorities could not be read: %s", ref.path, trouble)
            else:
                named = isinstance(said, list) and all(isinstance(word, str) for word in said)
                self._priorities = said if said is not None and named else PRIORITIES
        return self._priorities


def _fitting(query: firestore.Query, wanted: Wanted) -> list[_Snapshot]:
    return [task for task in query.get() if wanted.fits(task.to_dict() or {})]


def _is(field: str, value: object, relation: str = "==") -> firestore.FieldFilter:
    return firestore.FieldFilter(field, relation, value)
