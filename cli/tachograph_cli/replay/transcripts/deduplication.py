"""Which calls were counted already, exactly and over a whole folder, in constant memory.

Held in a private temporary SQLite database, which spills to disk what does not fit its small cache.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tachograph_cli.replay.transcripts.values import EPOCH
from tachograph_schema.usage import BUCKETS, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE calls (id TEXT, request TEXT, owner TEXT, sidechain INT, total INT, at INT, told TEXT,
    PRIMARY KEY (id, request)) WITHOUT ROWID;
CREATE TABLE spawned (agent TEXT PRIMARY KEY, task TEXT) WITHOUT ROWID;
BEGIN;
"""
_FIND = "SELECT request, owner, sidechain, total, at, told FROM calls WHERE id = ?"
_INSERT = "INSERT INTO calls VALUES (?, ?, ?, ?, ?, ?, ?)"
_CLAIM = (
    "UPDATE calls SET request = ?, owner = ?, sidechain = ?, total = ? WHERE id = ? AND request = ?"
)
_TELL = "UPDATE calls SET at = ?, told = ? WHERE id = ? AND request = ?"
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that counts once, however often and wherever it is written down.

    A call's `id` and `request` are those of its message; anything else is its id alone. `total` is
    its tokens: where accounts of a call differ, the larger is the later.
    """

    id: str
    request: str = ""
    sidechain: bool = False
    total: int = 0


@dataclass(frozen=True, slots=True)
class Growth:
    """What there is to tell of a call: when it was first seen, and what was told of it before."""

    at: datetime
    before: Usage | None


@dataclass(frozen=True, slots=True)
class _Row:
    request: str
    owner: str
    sidechain: bool
    total: int
    told: Growth | None


class Seen:
    """The calls of a folder: who tells of each, and how much was told.

    `claim` everything of a folder first, in one fixed order: then who tells of a call that stands
    in several files does not depend on the order, or the speed, at which they are replayed.
    Without claims, whoever comes first tells.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(_TABLES)

    def close(self) -> None:
        """Forget everything."""
        self._database.close()

    def claim(self, owner: str, claims: Iterable[Claim]) -> None:
        """Note who can tell of these; the parent before a side chain, then the larger total."""
        for claim in claims:
            row = self._find(claim)
            if row is None:
                self._insert(claim, owner, (None, None))
            elif _outranks(claim, row):
                values = (claim.request, owner, claim.sidechain, claim.total, claim.id, row.request)
                self._database.execute(_CLAIM, values)

    def tell(self, owner: str, claim: Claim, usage: Usage, at: datetime) -> Growth | None:
        """Return what is new of a call, or None where there is nothing, or another tells it."""
        row = self._find(claim)
        if row is None:
            self._insert(claim, owner, _values(usage, at))
            return Growth(at, None)
        if row.owner != owner or (claim.sidechain and not row.sidechain):
            return None
        if row.told is None:
            news = Growth(at, None)
        elif row.told.before is not None and usage.total_tokens > row.told.before.total_tokens:
            news = row.told
        else:
            return None
        self._database.execute(_TELL, (*_values(usage, news.at), claim.id, row.request))
        return news

    def once(self, owner: str, identity: str, at: datetime) -> bool:
        """Tell whether this is the first time, and this owner's to tell."""
        return self.tell(owner, Claim(identity), Usage(), at) is not None

    def spawned(self, agent: str, task: str) -> None:
        """Note the task that started a sub-agent whose own file may follow."""
        self._database.execute("INSERT OR IGNORE INTO spawned VALUES (?, ?)", (agent, task))

    def spawned_by(self, agent: str) -> str | None:
        """Return the task that started a sub-agent, if that is known yet."""
        row = self._database.execute(
            "SELECT task FROM spawned WHERE agent = ?", (agent,)
        ).fetchone()
        return None if row is None else str(row[0])

    def _find(self, claim: Claim) -> _Row | None:
        """Find the same call: by both ids, or by the message's where one is a side chain.

        A side chain replays messages of its parent under new request ids.
        """
        found = None
        for values in self._database.execute(_FIND, (claim.id,)):
            row = _row(values)
            if row.request == claim.request:
                return row
            if found is None and (claim.sidechain or row.sidechain):
                found = row
        return found

    def _insert(self, claim: Claim, owner: str, told: tuple[int | None, str | None]) -> None:
        values = (claim.id, claim.request, owner, claim.sidechain, claim.total, *told)
        self._database.execute(_INSERT, values)


def _outranks(claim: Claim, row: _Row) -> bool:
    if claim.sidechain != row.sidechain:
        return row.sidechain
    return claim.total > row.total


def _values(usage: Usage, at: datetime) -> tuple[int, str]:
    return (at - EPOCH) // MICROSECOND, json.dumps([getattr(usage, name) for name in BUCKETS])


def _row(values: tuple[Any, ...]) -> _Row:
    request, owner, sidechain, total, at, told = values
    growth = None if told is None else Growth(EPOCH + at * MICROSECOND, Usage(*json.loads(told)))
    return _Row(request, owner, bool(sidechain), total, growth)
