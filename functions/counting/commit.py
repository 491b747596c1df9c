"""Pure: what is to be counted -> the writes of one commit, as raw protocol buffers.

Raw, because 160 increments take 0.3 ms of CPU this way and 6 ms through the client's batches: see
docs/decisions/0005-raw-commit.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from google.cloud.firestore_v1.types import Write

from tachograph_schema.counters.cells import Cells
from tachograph_schema.counters.dimensions import as_counted
from tachograph_schema.counters.size import saturated
from tachograph_schema.paths import (
    LEDGER,
    REJECTED,
    SHARDS,
    TREES,
    DocumentPath,
    shard_id,
    shard_of,
)

MAX_TRANSFORMS = 500
"""Field transforms Firestore takes for one document in one commit (its quotas page)."""
MAX_PROBLEMS = 20
"""Problems named for one document; the rest is more of the same."""

Message = Any
"""Generated protocol buffer classes, which carry no types."""
_Write = Write.pb()
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the ledger: a change, and where it is counted."""

    path: DocumentPath
    key: str
    update_time: str
    hour: str
    delta: Cells
    after: Cells
    spread: str
    """The key that chooses the shard: an agent's counters gather in few shards."""
    trees: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By root task: the change of what its tree cost."""
    created: str = ""
    """When the document came to be."""
    tree: str | None = None
    """The root whose tree the document is a part of since."""
    correction: str | None = None
    """The command that made the entry, where no event did: sweep, rebuild, reprice."""
    folded: str | None = None
    """Its hour is full: its shards tell no `names` apart but the agent's, or no `agents` either."""


class Documents:
    """Builds the writes of one database."""

    def __init__(self, root: str, now: datetime, *, shards: int, keep_days: int) -> None:
        """Build for documents below `root`, expiring `keep_days` after `now`."""
        self._root, self._shards = root, shards
        self._expires_at = now + timedelta(days=keep_days)

    def counted(self, entry: Entry, spill: int = 0) -> list[Message]:
        """Return the ledger entry's creation and the increments it stands for.

        One shard takes them, and one more for each 500 cells; `spill` chooses others where those
        are full.
        """
        return [
            self._ledger_entry(entry),
            *self._shard_writes(entry, spill),
            *self._tree_writes(entry),
        ]

    def rejected(
        self, path: DocumentPath, key: str, update_time: str, at: datetime, problems: Iterable[str]
    ) -> Message:
        """Return the write of rejected/{key}."""
        # No creation: the commit's one creation is what tells a second delivery.
        write = self._write(DocumentPath(path.fleet, REJECTED, key))
        fields = write.update.fields
        fields["path"].string_value = str(path)
        fields["update_time"].string_value = update_time
        for problem in islice(problems, MAX_PROBLEMS):
            fields["problems"].array_value.values.add(string_value=problem)
        fields["rejected_at"].timestamp_value.FromDatetime(at)
        fields["expires_at"].timestamp_value.FromDatetime(self._expires_at)
        return write

    def _ledger_entry(self, entry: Entry) -> Message:
        write = self._write(DocumentPath(entry.path.fleet, LEDGER, entry.key))
        write.current_document.exists = False
        fields = write.update.fields
        fields["path"].string_value = str(entry.path)
        fields["update_time"].string_value = entry.update_time
        fields["hour"].string_value = entry.hour
        fields["delta"].string_value = _json(entry.delta)
        fields["after"].string_value = _json(entry.after)
        optional = {
            "created": entry.created,
            "tree": entry.tree,
            "trees": _json(entry.trees) if entry.trees else None,
            "correction": entry.correction,
            "folded": entry.folded,
        }
        for name, value in optional.items():
            if value:
                fields[name].string_value = value
        fields["expires_at"].timestamp_value.FromDatetime(self._expires_at)
        return write

    def _shard_writes(self, entry: Entry, spill: int) -> Iterator[Message]:
        increments = [
            (f"c.{_quoted(scope)}.{_quoted(name)}", n)
            for scope, row in as_counted(entry.delta, entry.folded).items()
            for name, n in row.items()
        ]
        first = shard_of(entry.spread, self._shards) + spill * self._shards
        for part, start in enumerate(range(0, len(increments), MAX_TRANSFORMS)):
            shard = shard_id(first + part, entry.hour)
            write = self._write(DocumentPath(entry.path.fleet, SHARDS, shard))
            write.update.fields["hour"].string_value = entry.hour
            _mark_dirty(write, "hour")
            _increment(write, increments[start : start + MAX_TRANSFORMS])
            yield write

    def _tree_writes(self, entry: Entry) -> Iterator[Message]:
        for root, row in entry.trees.items():
            write = self._write(DocumentPath(entry.path.fleet, TREES, root))
            _mark_dirty(write)
            _increment(write, [(f"c.{_quoted(name)}", n) for name, n in row.items()])
            yield write

    def _write(self, path: DocumentPath) -> Message:
        write = _Write()
        write.update.name = f"{self._root}/documents/{path}"
        return write


def _mark_dirty(write: Message, *other_fields: str) -> None:
    write.update.fields["dirty"].boolean_value = True
    write.update_mask.field_paths.extend(("dirty", *other_fields))


def _increment(write: Message, increments: Iterable[tuple[str, int]]) -> None:
    for path, n in increments:
        write.update_transforms.add(field_path=path).increment.integer_value = saturated(n)


def _quoted(part: str) -> str:
    """Quote a part of a field path as Firestore wants it."""
    if _PLAIN.fullmatch(part):
        return part
    return "`" + part.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _json(cells: Mapping[str, Mapping[str, int]]) -> str:
    return json.dumps(cells, separators=(",", ":"), sort_keys=True)
