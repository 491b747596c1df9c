"""sessions/{session}: whether it is stuck or lost, written when that changes.

Sessions that are well are not read. In every tick, queries find the sessions that missed their
heartbeats or made no progress for a while. Once an hour every open session is judged, because a
session without a heartbeat is found by no query.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import FailedPrecondition, NotFound
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import BaseFilter

from liveness.expected_duration import expected_durations
from liveness.release import close_lost
from runtime.cache import Cache
from runtime.firestore import batches, fields_of, pages, unchanged
from runtime.policy import MAX_FLEETS
from runtime.units import Units, unguarded
from tachograph_schema.documents.fleet import Fleet, LivenessPolicy
from tachograph_schema.documents.session import HEARTBEATS_S, OPEN_STATES, WORKING_STATES, Session
from tachograph_schema.documents.session_liveness import Liveness, liveness
from tachograph_schema.parsing import parse
from tachograph_schema.paths import FLEETS, SESSIONS
from tachograph_schema.periods import hour_of

if TYPE_CHECKING:
    _Snapshot = firestore.DocumentSnapshot[Any]

_log = logging.getLogger(__name__)
MAX_SUSPECTS = 500
"""Of each kind, in one tick; those that became suspect last come first."""
_BATCH = 100
_walked: Cache[str, str] = Cache(MAX_FLEETS)
"""By fleet: the hour in which this process looked at every open session."""
_stopped_at: Cache[str, str] = Cache(MAX_FLEETS)
"""By fleet: the session at which a walk ran out of time."""


@dataclass(frozen=True, slots=True)
class WatchResult:
    """How many sessions were read, and what was written of them."""

    reads: int
    found_stuck: int
    cleared: int
    closed: int


def watch(
    db: firestore.Client, fleet: str, policy: Fleet, now: datetime, units: Units | None = None
) -> WatchResult:
    """Judge the sessions that may be stuck or lost, or no longer stuck; write what changed.

    Three queries and a read for each suspect: a fleet that is well costs three reads, however
    large. `now` is the functions' clock, which is kept with the database's.
    """
    queries = _suspects(db.collection(FLEETS, fleet, SESSIONS), policy.liveness, now)
    with ThreadPoolExecutor(len(queries)) as pool:
        sessions = [session for page in pool.map(_run, queries) for session in page]
    suspects = {suspect.reference.path: suspect for suspect in sessions}
    return _judge_all(db, fleet, policy, now, suspects.values(), units or unguarded())


def walk_if_due(
    db: firestore.Client, fleet: str, policy: Fleet, now: datetime, units: Units | None = None
) -> WatchResult | None:
    """Judge every open session, once an hour of each process: one read for each of them.

    A walk that runs out of time goes on where it was in the next call.
    """
    if _walked.get(fleet) == hour_of(now):
        return None
    sessions, units = db.collection(FLEETS, fleet, SESSIONS), units or unguarded()
    opened = sessions.where(filter=_is("state", "in", OPEN_STATES)).order_by("__name__")
    last = _stopped_at.get(fleet)
    rest = opened.start_after({"__name__": sessions.document(last)}) if last else opened
    last = ""

    def walked() -> Iterator[_Snapshot]:
        nonlocal last
        for session in pages(rest):
            last = session.id
            yield session

    result = _judge_all(db, fleet, policy, now, walked(), units)
    if units.has_time():
        _walked.put(fleet, hour_of(now))
        last = ""
    _stopped_at.put(fleet, last)
    return result


def _judge_all(
    db: firestore.Client,
    fleet: str,
    policy: Fleet,
    now: datetime,
    suspects: Iterable[_Snapshot],
    units: Units,
) -> WatchResult:
    """Judge sessions as they were read, and write what changed, each only as it was read."""
    counts = Counter[str]()
    for batch in batches(suspects, _BATCH):
        read = [parse(Session, fields_of(suspect))[0] for suspect in batch]
        counts["reads"] += len(batch)
        expected = expected_durations(db, fleet, read)
        for suspect, session, duration in zip(batch, read, expected, strict=True):
            judged = partial(_judge, db, fleet, policy, now, suspect, session, duration, counts)
            units.run("session", suspect.id, judged)
        if not units.has_time():
            break
    return WatchResult(counts["reads"], counts["stuck"], counts["cleared"], counts["lost"])


def _suspects(
    sessions: firestore.CollectionReference, policy: LivenessPolicy, now: datetime
) -> list[firestore.Query]:
    """Return what finds the sessions that broke a promise, stand still, or are stuck no more."""
    broken: list[BaseFilter] = [
        firestore.And(
            [
                _is("heartbeat_s", "==", promised),
                _is("state", "in", OPEN_STATES),
                _is(
                    "last_seen_at",
                    "<",
                    now - timedelta(seconds=promised * policy.missed_heartbeats),
                ),
            ]
        )
        for promised in HEARTBEATS_S
    ]
    lately = now - timedelta(seconds=policy.stuck_after_min_s)
    still: list[BaseFilter] = [
        _is("state", "in", WORKING_STATES),
        _is("last_progress_at", "<", lately),
    ]
    moved = firestore.And(
        [_is("effective_state", "==", "stuck"), _is("last_progress_at", ">=", lately)]
    )
    stopped = firestore.And(
        [
            _is("effective_state", "==", "stuck"),
            _is("state", "in", ("idle", "stuck", "error", "completed")),
        ]
    )
    return [
        _newest(sessions.where(filter=firestore.Or(broken)), "last_seen_at"),
        _newest(sessions.where(filter=firestore.And(still)), "last_progress_at"),
        sessions.where(filter=firestore.Or([moved, stopped])).limit(MAX_SUSPECTS),
    ]


def _judge(
    db: firestore.Client,
    fleet: str,
    policy: Fleet,
    now: datetime,
    suspect: _Snapshot,
    session: Session,
    expected: timedelta | None,
    counts: Counter[str],
) -> None:
    verdict = liveness(session, suspect.update_time, expected, policy.liveness, now)
    if verdict == "lost":
        counts["lost"] += close_lost(db, fleet, suspect, session, now)
    elif (verdict == "stuck") != (session.effective_state is not None):
        outcome = "stuck" if verdict == "stuck" else "cleared"
        counts[outcome] += _write(suspect, session, verdict, now)


def _write(suspect: _Snapshot, session: Session, verdict: Liveness, now: datetime) -> bool:
    """Write a verdict; False where the session was written in between, which the next tick sees."""
    stuck = {
        "effective_state": "stuck",
        "effective_since": now,
        "effective_progress_at": session.last_progress_at,
    }
    fields = stuck if verdict == "stuck" else dict.fromkeys(stuck, firestore.DELETE_FIELD)
    with suppress(FailedPrecondition, NotFound):
        suspect.reference.update(fields, option=unchanged(suspect))
        _log.warning("%s is %s", suspect.reference.path, verdict)
        return True
    return False


def _run(query: firestore.Query) -> list[_Snapshot]:
    return list(query.stream())


def _newest(query: firestore.Query, field: str) -> firestore.Query:
    return query.order_by(field, direction=firestore.Query.DESCENDING).limit(MAX_SUSPECTS)


def _is(field: str, operator: str, value: object) -> firestore.FieldFilter:
    return firestore.FieldFilter(field, operator, value)
