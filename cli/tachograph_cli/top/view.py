"""Pure: the view of a fleet at a moment, from the latest documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from tachograph_schema.documents.fleet import Fleet, RotationPolicy
from tachograph_schema.documents.session import Session
from tachograph_schema.documents.session_liveness import shown_state
from tachograph_schema.parsing import parse
from tachograph_schema.rotation.thresholds import context_left_pct, thresholds, with_window

_UNKNOWN_LAST = 1000.0


@dataclass(frozen=True, slots=True)
class Row:
    """One open session, as the table shows it."""

    session_id: str
    session: Session
    threshold_pct: float

    @property
    def left_pct(self) -> float | None:
        """The free part of its context in percent; None where it is unknown."""
        return context_left_pct(self.session)

    @property
    def state(self) -> str:
        """Its effective state: `stuck`, once detected, holds until the session reports progress."""
        return shown_state(self.session)

    @property
    def moved_at(self) -> datetime | None:
        """The time of its last progress, or of its last heartbeat."""
        return self.session.last_progress_at or self.session.last_seen_at


@dataclass(frozen=True, slots=True)
class View:
    """Everything that a frame shows."""

    fleet: str
    live: Mapping[str, Any] | None = None
    """`live/now`, if there is one."""
    rows: Sequence[Row] = ()
    signals: Sequence[Mapping[str, Any]] = ()
    """The latest, newest first."""
    errors: Mapping[str, str] = field(default_factory=dict)
    """The reason of each refused listener, by its name."""
    pending: frozenset[str] = frozenset()
    """The names of the listeners that have neither answered nor been refused."""
    offline_since: datetime | None = None


Sort = Callable[[Row], tuple[Any, ...]]


def _by_cliff(row: Row) -> tuple[Any, ...]:
    left = row.left_pct
    return (_UNKNOWN_LAST if left is None else left - row.threshold_pct, row.session_id)


def _by_cost(row: Row) -> tuple[Any, ...]:
    return (-(row.session.cost_nanousd or 0), row.session_id)


def _by_progress(row: Row) -> tuple[Any, ...]:
    moved = row.moved_at
    return (moved is None, moved.timestamp() if moved else 0.0, row.session_id)


def _by_agent(row: Row) -> tuple[Any, ...]:
    return (row.session.agent_id or "", row.session_id)


SORTS: Final[Mapping[str, Sort]] = {
    "nearest to its cliff": _by_cliff,
    "longest without progress": _by_progress,
    "costliest": _by_cost,
    "agent": _by_agent,
}
"""The orders of sessions by name; the key `s` moves from one to the next."""


def ranked(rows: Sequence[Row], sort: str) -> list[Row]:
    """Return the rows in the order of that name."""
    return sorted(rows, key=SORTS[sort])


def next_sort(sort: str) -> str:
    """Return the name of the next order."""
    names = list(SORTS)
    return names[(names.index(sort) + 1) % len(names)]


def read_row(
    session_id: str,
    fields: Mapping[str, Any],
    policy: RotationPolicy,
    windows: Mapping[str, int] | None = None,
) -> Row:
    """Return the row of a session's document; a field that does not parse counts as absent.

    `windows` are the fleet's, by model: they serve a session that states none.
    """
    session = with_window(parse(Session, fields)[0], windows or {})
    return Row(session_id, session, thresholds(session, policy).rotate_pct)


def read_policy(fields: Mapping[str, Any]) -> RotationPolicy:
    """Return the rotation policy of a fleet's document, the default where it does not parse."""
    return _read(fields, "rotation").rotation


def read_windows(fields: Mapping[str, Any]) -> Mapping[str, int]:
    """Return the context window in tokens of each model that a fleet's document lists."""
    return _read(fields, "context_windows").context_windows


def _read(fields: Mapping[str, Any], name: str) -> Fleet:
    return parse(Fleet, {name: fields[name]} if name in fields else {})[0]


def age(at: datetime | None, now: datetime) -> timedelta | None:
    """Return the time since `at`; zero where clocks differ and `at` is in the future."""
    return None if at is None else max(timedelta(0), now - at)
