"""The history that a forked Codex session begins with: copies of its parent's records.

What is the parent's is decided by what says so: the ordinal at which the session's own records
begin, or the parent's own file. Where there is neither, the copies are the lines written in one
burst with the first.
"""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING

from tachograph_cli.replay.transcripts.values import Record, kind_of, optional_name

if TYPE_CHECKING:
    from datetime import datetime

    from tachograph_cli.replay.transcripts.deduplication import CallRegistry
    from tachograph_cli.replay.transcripts.events import Source

BURST_GAP = timedelta(seconds=1)
_MARKED = {
    *("token_count", "error", "stream_error", "user_message", "task_started", "turn_started"),
    *("task_complete", "turn_complete", "turn_aborted", "web_search_call"),
}
"""Events and items that are marks of their session; so are contexts, compactions and usage."""


def mark_of(record: Record) -> str | None:
    """Return a record as a mark of its session, the same in a copy; None for one that is none.

    A turn is marked by its id, anything else by all that it says but its time.
    """
    payload = record.get("payload")
    if not isinstance(payload, dict):
        return None
    if (turn := optional_name(payload.get("turn_id"))) is not None:
        return f"turn:{turn}"
    kind = kind_of(payload) if kind_of(record) in {"event_msg", "response_item"} else None
    if kind not in _MARKED and kind_of(record) not in {"compacted", "token_usage_record"}:
        return None
    said = json.dumps([kind_of(record), payload], sort_keys=True)
    return hashlib.sha256(said.encode(errors="replace")).hexdigest()[:32]


class History:
    """Whether the records that are read are still the parent's."""

    def __init__(self, source: Source, registry: CallRegistry) -> None:
        self.forked = self.copying = False
        self._registry = registry
        self._parent: str | None = None
        self._own_from: int | None = None
        self._before_at = source.started_at

    def begin(self, parent: str | None, own_from: object) -> None:
        """Begin with the copies of a parent; `own_from` is the ordinal of the first own record."""
        self.forked = self.copying = parent is not None
        if isinstance(own_from, str) and own_from.isdecimal():
            own_from = int(own_from)
        if isinstance(own_from, int) and not isinstance(own_from, bool):
            self._own_from = own_from
        if parent is not None and self._registry.has_marks(parent):
            self._parent = parent

    def ends_before(self, record: Record, at: datetime) -> bool:
        """Tell whether this record is the session's first own one."""
        before_at, self._before_at = self._before_at, at
        if self.copying and self._is_own(record, at - before_at):
            self.copying = False
            return True
        return False

    def _is_own(self, record: Record, pause: timedelta) -> bool:
        ordinal = record.get("ordinal")
        if self._own_from is not None and isinstance(ordinal, int):
            return ordinal >= self._own_from
        if self._parent is None:
            return pause >= BURST_GAP
        mark = mark_of(record)
        return mark is not None and not self._registry.has_mark(self._parent, mark)
