"""The lines of a file of pi, and what is whole of a damaged one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tachograph_cli.replay.transcripts.others.document import lines, parts, scalars
from tachograph_cli.replay.transcripts.others.steps import Item
from tachograph_cli.replay.transcripts.values import Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KNOWN = ("session", "message", "model_change", "compaction", "branch_summary")
"""Types of lines that are read, or that state no usage."""
_SURFACE = 3
"""How deep a usage may stand in a record of a type that is not known."""


def items(path: Path) -> Iterator[Item]:
    """Yield the records of a file; of a damaged line what is whole of it. Raises OSError."""
    return lines(path, _saved)


def _saved(text: str) -> list[Record]:
    """Return the records that are whole in a damaged line, and its answer, by its own names."""
    found, saved, own = list(parts(text)), list[Record](), ""
    alone = sum(_is_record(part) or has_usage(part) for _, part in found) == 1
    for before, part in found:
        own += before
        names = text if alone else own
        if _is_record(part):
            saved.append(part)
        elif part.get("role") == "assistant":
            saved.append({"type": "message", "message": part, **scalars(names, "timestamp")})
        elif _has_counts(part):
            whose = scalars(names, "provider", "model", "stopReason")
            message = {"role": "assistant", "usage": part, **whose}
            saved.append({"type": "message", "message": message, **scalars(names, "timestamp")})
        else:
            continue
        own = ""
    return saved


def _is_record(part: Record) -> bool:
    return part.get("type") in KNOWN and ("message" in part or "timestamp" in part)


def _has_counts(part: Record) -> bool:
    return "input" in part and "cacheRead" in part


def has_usage(value: object, depth: int = 0) -> bool:
    """Tell whether a record has a usage in pi's words near its surface."""
    if not isinstance(value, dict) or depth > _SURFACE:
        return False
    return _has_counts(value) or any(has_usage(each, depth + 1) for each in value.values())
