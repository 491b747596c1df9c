"""The lines of a file of pi, and what is whole of a damaged one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tachograph_cli.replay.transcripts.others.document import lines, parts, scalars
from tachograph_cli.replay.transcripts.others.steps import Item
from tachograph_cli.replay.transcripts.values import Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TYPES = (
    "session|message|model_change|thinking_level_change|compaction|branch_summary"
    "|custom|custom_message|label|session_info"
)
_BEGINNING = re.compile(rf'\{{\s*"type"\s*:\s*"({_TYPES})"')
_NEXT = re.compile(rf"(?={_BEGINNING.pattern.replace('(', '(?:')})")
"""Where a record begins in a damaged line. Inside a text of a record the quotes are escaped."""
COUNTS = ("input", "output", "cacheRead", "cacheWrite")
_SURFACE = 4
"""How deep a usage may stand in a record of a type that is not known."""


def items(path: Path) -> Iterator[Item]:
    """Yield the records of a file; of a damaged line what is whole of it. Raises OSError."""
    return lines(path, _saved)


def _saved(text: str) -> list[Record]:
    """Return the records that are whole in a damaged line, and the usage of each that is not."""
    saved, names, usage = list[Record](), "", None
    for before, part in parts(f"{text}{{}}"):  # the empty object ends the text behind the others
        here, *begun = _NEXT.split(before)
        names += here
        if begun or _is_record(part):
            saved += _cut(names, usage)
            names, usage = "".join(begun[-1:]), None
        if _is_record(part):
            saved.append(part)
            names = ""
        elif usage is None and _is_usage(part) and '"retainedTail"' not in names:
            usage = part  # what a compaction retains are copies of messages
    return saved + _cut(names, usage)


def _cut(names: str, usage: Record | None) -> list[Record]:
    """Return a record that is cut: its message or its usage, under what is left of its names."""
    if usage is None:
        return []
    began = _BEGINNING.match(names)
    at = scalars(names, "timestamp")
    if began and began[1] != "message":
        return [{"type": began[1], "usage": usage, **at}]
    if "role" not in usage:
        whose = scalars(names, "role", "provider", "model", "stopReason", "responseId")
        usage = {"role": "assistant", **whose, "usage": usage}
    return [{"type": "message", "message": usage, **at}]


def _is_record(part: Record) -> bool:
    kind = part.get("type")
    known = isinstance(kind, str) and re.fullmatch(_TYPES, kind) is not None
    return known and ("message" in part or "timestamp" in part)


def _is_usage(part: Record) -> bool:
    """Tell whether a part of a damaged record is its usage, or the message that has one."""
    usage = part.get("usage") if part.get("role") in ("assistant", "toolResult") else part
    return isinstance(usage, dict) and "input" in usage and "cacheRead" in usage


def has_usage(value: object, depth: int = 0) -> bool:
    """Tell whether a value has counts of tokens in pi's words near its surface."""
    if depth > _SURFACE or not isinstance(value, dict | list):
        return False
    if isinstance(value, list):
        return any(has_usage(each, depth + 1) for each in value)
    stated = [n for name in COUNTS if _is_count(n := value.get(name))]
    total = value.get("totalTokens")
    if (len(stated) > 1 and any(stated)) or (total and _is_count(total)):
        return True
    return any(has_usage(each, depth + 1) for each in value.values())


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
