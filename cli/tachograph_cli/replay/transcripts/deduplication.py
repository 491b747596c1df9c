"""The registry of calls: each call of a folder counts once, in however many files it stands.

It is a private temporary SQLite database, in constant memory: SQLite writes pages to disk that do
not fit its small cache.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import astuple, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tachograph_cli.replay.transcripts.values import EPOCH
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.terms import Terms
from tachograph_schema.usage import BUCKETS, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from tachograph_cli.replay.known_calls import KnownCalls

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE calls (id TEXT, request TEXT, owner TEXT, sidechain INT, total INT, at INT,
    counted TEXT, known INT, PRIMARY KEY (id, request)) WITHOUT ROWID;
CREATE TABLE copies (id TEXT, request TEXT, owner TEXT, PRIMARY KEY (id, request, owner))
    WITHOUT ROWID;
CREATE TABLE marks (session TEXT, mark TEXT, PRIMARY KEY (session, mark)) WITHOUT ROWID;
CREATE TABLE spawned (agent TEXT PRIMARY KEY, task TEXT) WITHOUT ROWID;
BEGIN;
"""
_FIND = "SELECT request, owner, sidechain, total, at, counted, known FROM calls WHERE id = ?"
_INSERT = "INSERT INTO calls VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_CLAIMED = "SELECT id, request, owner, sidechain, total FROM calls WHERE NOT known"
_CLAIM = (
    "UPDATE calls SET request = ?, owner = ?, sidechain = ?, total = ? WHERE id = ? AND request = ?"
)
_COUNT = "UPDATE calls SET at = ?, counted = ? WHERE id = ? AND request = ?"
_COPY = "INSERT OR IGNORE INTO copies VALUES (?, ?, ?)"
_RENAME = "UPDATE OR REPLACE copies SET request = ? WHERE id = ? AND request = ?"
_COUNTED = "SELECT id, request, owner, at, counted FROM calls WHERE counted IS NOT NULL"
_COPIED = "SELECT owner FROM copies WHERE id = ? AND request = ?"
_SPAWNED = "SELECT agent, task FROM spawned ORDER BY agent"
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Claim:
    """A call, or another event with an id, that counts once although it may stand in several files.

    A call has the `id` and the `request` of its message; other events have an `id` alone. `total`
    is the call's tokens: of two lines about one call, the larger total is the later.
    """

    id: str
    request: str = ""
    sidechain: bool = False
    total: int = 0


@dataclass(frozen=True, slots=True)
class Growth:
    """The uncounted part of a call: its first instant, what it took so far, and before."""

    at: datetime
    calls: tuple[Call, ...]
    before: tuple[Call, ...] | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    request: str
    owner: str
    sidechain: bool
    total: int
    known: bool
    """Whether an earlier replay decided whose it is, and has counted it there."""
    counted: Growth | None
    counted_total: int


class CallRegistry:
    """The calls of a folder: which transcript owns each, and how much of it is counted.

    Everything of a folder is claimed first, in one fixed order. The owner of a call that stands in
    several files then does not depend on the order or the speed of the replay. Without claims, the
    first transcript that counts a call owns it. A call that an earlier replay has counted stays
    with its owner.
    """

    def __init__(self, known: KnownCalls | None = None) -> None:
        self._known = known
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(_TABLES)

    def close(self) -> None:
        """Remove the database."""
        self._database.close()

    def claim(self, owner: str, claims: Iterable[Claim]) -> None:
        """Note `owner` as the owner of these, unless another has a better claim.

        A parent's claim is better than a side chain's, and a larger total is better than a smaller.
        """
        for claim in claims:
            row = self._find(claim)
            if row is None:
                self._insert(claim, owner, (None, None))
                continue
            if row.owner != owner:
                for other in (owner, row.owner):
                    self._database.execute(_COPY, (claim.id, row.request, other))
            if _outranks(claim, row) and not (row.known and row.owner != owner):
                values = (claim.request, owner, claim.sidechain, claim.total, claim.id, row.request)
                self._database.execute(_CLAIM, values)
                if claim.request != row.request:
                    self._database.execute(_RENAME, (claim.request, claim.id, row.request))

    def keep_claims(self) -> None:
        """Keep whose each call is, for the replays that follow."""
        if self._known is not None:
            self._known.keep(self._database.execute(_CLAIMED))

    def count(
        self, owner: str, claim: Claim, read: Callable[[], tuple[Call, ...]], at: datetime
    ) -> Growth | None:
        """Count what a call took so far; return its growth, or None where nothing of it is new.

        Nothing is new of a call that another transcript owns, nor of a line with no more tokens
        than were counted; what such a line says is not even read.
        """
        row = self._find(claim)
        if row is None:
            growth = Growth(at, read())
            self._insert(claim, owner, _values(claim.total, growth))
            return growth
        if row.owner != owner or (claim.sidechain and not row.sidechain):
            return None
        if row.counted is None:
            growth = Growth(at, read())
        elif claim.total > row.counted_total:
            growth = Growth(row.counted.at, read(), row.counted.calls)
        else:
            return None
        self._database.execute(_COUNT, (*_values(claim.total, growth), claim.id, row.request))
        return growth

    def count_once(self, owner: str, identity: str, at: datetime) -> bool:
        """Count an event by its id; False where it is counted, or another transcript owns it."""
        return self.count(owner, Claim(identity), tuple, at) is not None

    def counted(self) -> Iterator[tuple[str, frozenset[str], Growth]]:
        """Yield each call's owner, all that state it where it has copies, and what it took."""
        for identity, request, owner, at, counted in self._database.execute(_COUNTED):
            copies = self._database.execute(_COPIED, (identity, request))
            _, rows = json.loads(counted)
            took = Growth(EPOCH + at * MICROSECOND, tuple(map(_call, rows)))
            yield owner, frozenset(str(each) for (each,) in copies), took

    def note_mark(self, session: str, mark: str) -> None:
        """Note a record of a session, by which a copy of it in a fork is known."""
        self._database.execute("INSERT OR IGNORE INTO marks VALUES (?, ?)", (session, mark))

    def has_marks(self, session: str) -> bool:
        """Tell whether any record of a session is noted."""
        return self._any("SELECT 1 FROM marks WHERE session = ? LIMIT 1", session)

    def has_mark(self, session: str, mark: str) -> bool:
        """Tell whether this record of a session is noted."""
        return self._any("SELECT 1 FROM marks WHERE session = ? AND mark = ?", session, mark)

    def note_spawn(self, agent: str, task: str) -> None:
        """Note the task that started a sub-agent, whose own file may follow."""
        self._database.execute("INSERT OR IGNORE INTO spawned VALUES (?, ?)", (agent, task))

    def spawned(self) -> list[tuple[str, str]]:
        """Return each sub-agent that is noted, with the task that started it."""
        return [(str(agent), str(task)) for agent, task in self._database.execute(_SPAWNED)]

    def spawning_task(self, agent: str) -> str | None:
        """Return the task that started a sub-agent; None where none is noted yet."""
        row = self._database.execute(
            "SELECT task FROM spawned WHERE agent = ?", (agent,)
        ).fetchone()
        return None if row is None else str(row[0])

    def _any(self, query: str, *values: str) -> bool:
        return self._database.execute(query, values).fetchone() is not None

    def _find(self, claim: Claim) -> _Row | None:
        """Find the same call by both ids, or by the message's alone where one is a side chain's.

        A side chain repeats messages of its parent under new request ids.
        """
        sidechain = None
        rows = self._database.execute(_FIND, (claim.id,)).fetchall()
        if not rows and self._known is not None:
            for request, owner, of_sidechain, total in self._known.find(claim.id):
                values = (claim.id, request, owner, of_sidechain, total, None, None, True)
                self._database.execute(_INSERT, values)
            rows = self._database.execute(_FIND, (claim.id,)).fetchall()
        for found in rows:
            row = _row(found)
            if row.request == claim.request:
                return row
            if sidechain is None and (claim.sidechain or row.sidechain):
                sidechain = row
        return sidechain

    def _insert(self, claim: Claim, owner: str, counted: tuple[int | None, str | None]) -> None:
        values = (claim.id, claim.request, owner, claim.sidechain, claim.total, *counted, False)
        self._database.execute(_INSERT, values)


def _outranks(claim: Claim, row: _Row) -> bool:
    if claim.sidechain != row.sidechain:
        return row.sidechain
    return claim.total > row.total


def _values(total: int, growth: Growth) -> tuple[int, str]:
    rows = [
        [
            [getattr(call.usage, name) for name in BUCKETS],
            [call.model, call.provider, (call.priced_at - EPOCH) // MICROSECOND],
            [call.cost_nanousd, call.calls, astuple(call.terms), dict(call.units), call.readable],
        ]
        for call in growth.calls
    ]
    return (growth.at - EPOCH) // MICROSECOND, json.dumps([total, rows])


def _row(values: tuple[Any, ...]) -> _Row:
    request, owner, sidechain, total, at, counted, known = values
    if counted is None:
        return _Row(request, owner, bool(sidechain), total, bool(known), None, 0)
    counted_total, rows = json.loads(counted)
    growth = Growth(EPOCH + at * MICROSECOND, tuple(map(_call, rows)))
    return _Row(request, owner, bool(sidechain), total, bool(known), growth, counted_total)


def _call(row: list[list[Any]]) -> Call:
    usage, (model, provider, at), (cost, calls, terms, units, readable) = row
    priced_at = EPOCH + at * MICROSECOND
    return Call(
        Usage(*usage), model, provider, priced_at, cost, calls, Terms(*terms), units, readable
    )
