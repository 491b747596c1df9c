"""The stocks of a fleet, counted by the database as of one instant, so that the counts add up.

A count reads index entries only, at one read for a thousand. There are 23 counts and one for each
model, whatever the fleet's size.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from google.cloud import firestore

from runtime.firestore import equals, fields_of
from tachograph_schema.counters.names import OTHER
from tachograph_schema.documents.session import OPEN_STATES, WORKING_STATES
from tachograph_schema.documents.signal import OPEN_STATUSES
from tachograph_schema.documents.task import HELD_STATUSES, UNENDED_STATUSES, Task
from tachograph_schema.parsing import parse
from tachograph_schema.paths import FLEETS, MESSAGES, SESSIONS, SIGNALS, TASKS

IDLE_FLEET = 0.3
"""With nothing queued and less than this part of the sessions active, there are too many."""
_PARALLEL_QUERIES = 8
_HISTOGRAM_STEP_PCT = 10
_MOMENTS: Final = (
    (datetime(2000, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC), 1),
    ("2000", "3000", 3),
)
"""From, before, and how many are read: timestamps, and text, which may be no moment."""
_Query = firestore.Query | firestore.CollectionReference


def stocks(
    db: firestore.Client, fleet: str, models: Sequence[str], as_of: datetime, now: datetime
) -> dict[str, Any]:
    """Count how the fleet stood at `as_of`; active tasks by model, as far as those are named."""
    sessions, tasks, messages, signals = (
        db.collection(FLEETS, fleet, name) for name in (SESSIONS, TASKS, MESSAGES, SIGNALS)
    )
    opened = _among(sessions, "state", OPEN_STATES)
    active = _equal(tasks, "status", "active")
    with ThreadPoolExecutor(_PARALLEL_QUERIES) as pool:
        count = partial(_count, as_of=as_of)
        by_state = pool.map(count, (_equal(sessions, "state", s) for s in OPEN_STATES))
        stuck = pool.map(count, (_stuck(sessions, s) for s in WORKING_STATES))
        by_status = pool.map(count, (_equal(tasks, "status", s) for s in UNENDED_STATUSES))
        by_model = pool.map(count, (_equal(active, "model", model) for model in models))
        histogram = pool.map(count, (_context_left(opened, low) for low in _histogram_lows()))
        oldest = pool.submit(_oldest_queued, tasks, as_of)
        unread = pool.submit(count, _equal(messages, "acknowledged_at", None))
        rotating = pool.submit(
            count, _among(_equal(signals, "kind", "rotate"), "status", OPEN_STATUSES)
        )
        states = effective(
            dict(zip(OPEN_STATES, by_state, strict=True)),
            dict(zip(WORKING_STATES, stuck, strict=True)),
        )
        statuses = dict(zip(UNENDED_STATUSES, by_status, strict=True))
        since = oldest.result()
        return {
            "sessions": states,
            **provision(states, statuses["queued"]),
            "tasks": statuses,
            "queue_depth": statuses["queued"],
            "queue_oldest_age_ms": None if since is None else _age_ms(since, now),
            "tasks_in_flight": sum(statuses[status] for status in HELD_STATUSES),
            "active_by_model": named(models, by_model, statuses["active"]),
            "messages_pending": unread.result(),
            "signals_open": rotating.result(),
            "context_histogram": list(histogram),
        }


def effective(reported: Mapping[str, int], stuck: Mapping[str, int]) -> dict[str, int]:
    """Return sessions by what they do: `stuck` are those that say otherwise, by what they say."""
    states = {state: n - stuck.get(state, 0) for state, n in reported.items()}
    return states | {"stuck": states["stuck"] + sum(stuck.values())}


def provision(states: Mapping[str, int], queued: int) -> dict[str, Any]:
    """Say how many sessions there are, how many at work at once, and whether that is too many."""
    opened = sum(states.values())
    used = states["active"] / opened if opened else None
    return {
        "sessions_open": opened,
        "parallel_agents": states["active"] + states["waiting"],
        "utilisation": None if used is None else round(used, 4),
        "over_provisioned": used is not None and not queued and used < IDLE_FLEET,
    }


def named(models: Sequence[str], counts: Iterable[int], active: int) -> dict[str, int]:
    """Return the active tasks by model; those of other models, or of none, as `_other`."""
    by_model = {model: n for model, n in zip(models, counts, strict=True) if n}
    rest = active - sum(by_model.values())
    return by_model | ({OTHER: rest} if rest else {})


def _stuck(sessions: firestore.CollectionReference, says: str) -> firestore.Query:
    return _equal(_equal(sessions, "state", says), "effective_state", "stuck")


def _oldest_queued(tasks: firestore.CollectionReference, as_of: datetime) -> datetime | None:
    """Return since when the oldest task has been queued, by what can be read as a moment.

    Firestore sorts by kind, so timestamps and text each have a query; a number is no moment.
    """
    queued = _equal(tasks, "status", "queued").select(["created_at"])
    since = [
        task.created_at
        for first, end, most in _MOMENTS
        for found in queued.where(filter=firestore.FieldFilter("created_at", ">=", first))
        .where(filter=firestore.FieldFilter("created_at", "<", end))
        .order_by("created_at")
        .limit(most)
        .get(read_time=as_of)
        for task in [parse(Task, fields_of(found))[0]]
        if task.created_at is not None
    ]
    return min(since, default=None)


def _histogram_lows() -> range:
    return range(0, 100, _HISTOGRAM_STEP_PCT)


def _context_left(query: firestore.Query, low: int) -> firestore.Query:
    field = "context_remaining_pct"
    high = low + _HISTOGRAM_STEP_PCT
    below = "<=" if high == 100 else "<"  # noqa: PLR2004 - a full window is in the last bar
    return query.where(filter=firestore.FieldFilter(field, ">=", low)).where(
        filter=firestore.FieldFilter(field, below, high)
    )


def _count(query: _Query, as_of: datetime) -> int:
    counted: Any = query.count()  # its types are wrong
    return int(counted.get(read_time=as_of)[0][0].value)


def _equal(query: _Query, field: str, value: object) -> firestore.Query:
    return query.where(filter=equals(field, value))


def _among(query: _Query, field: str, values: Sequence[str]) -> firestore.Query:
    return query.where(filter=firestore.FieldFilter(field, "in", values))


def _age_ms(since: datetime, now: datetime) -> int:
    return max(0, round((now - since).total_seconds() * 1000))
