"""Whose each call is, as earlier replays into the same fleet on this machine have decided.

A session that is resumed or forked begins with a copy of another's calls. Where the two files are
replayed one after the other, only this file can tell.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_log = logging.getLogger("tachograph")
FILE = "calls.sqlite"
_WAIT_S = 30.0
_TABLE = (
    "CREATE TABLE IF NOT EXISTS calls (id TEXT, request TEXT, owner TEXT, sidechain INT,"
    " total INT, PRIMARY KEY (id, request)) WITHOUT ROWID"
)
_FIND = "SELECT request, owner, sidechain, total FROM calls WHERE id = ?"
_KEEP = "INSERT OR IGNORE INTO calls VALUES (?, ?, ?, ?, ?)"

Known = tuple[str, str, int, int]
"""The request, the owner, whether it is a side chain's, and the tokens."""


class KnownCalls:
    """The calls of earlier replays; trouble with the file is a warning, and then none is known."""

    def __init__(self, folder: Path | None) -> None:
        self._database: sqlite3.Connection | None = None
        if folder is None:
            return
        path = folder / FILE
        try:
            self._database = _opened(path)
        except sqlite3.DatabaseError as damage:
            _log.warning("%s: %s; it is set aside, and begun again", path, damage)
            with suppress(OSError, sqlite3.Error):
                path.rename(path.with_name(FILE + ".damaged"))
                self._database = _opened(path)
        except OSError as trouble:
            _log.warning("%s: %s; a copied call may count twice", path, trouble.strerror)

    def close(self) -> None:
        """Close the file."""
        if self._database is not None:
            self._database.close()

    def find(self, identity: str) -> list[Known]:
        """Return what is known of the calls with an id."""
        return self._tried(_FIND, identity)

    def keep(self, rows: Iterable[tuple[str, str, str, int, int]]) -> None:
        """Keep calls: id, request, owner, side chain and tokens; a known one stays as it is."""
        if self._database is None:
            return
        try:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany(_KEEP, rows)
            self._database.execute("COMMIT")
        except sqlite3.Error as trouble:
            self._give_up(trouble)

    def _tried(self, query: str, *values: str) -> list[Known]:
        if self._database is None:
            return []
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.Error as trouble:
            self._give_up(trouble)
            return []

    def _give_up(self, trouble: sqlite3.Error) -> None:
        _log.warning("%s: %s; a copied call may count twice", FILE, trouble)
        if self._database is not None:
            self._database.close()
            self._database = None


def _opened(path: Path) -> sqlite3.Connection:
    """Open the file, for its user alone. Raises OSError and sqlite3.DatabaseError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
    database = sqlite3.connect(path, isolation_level=None, timeout=_WAIT_S)
    try:
        database.execute(_TABLE)
        with closing(database.execute(_FIND, ("",))):
            pass
    except sqlite3.Error:
        database.close()
        raise
    return database
