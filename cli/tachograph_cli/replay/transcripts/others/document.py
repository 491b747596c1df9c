"""A file that is one JSON document: all of it, or of a damaged one the parts that are whole."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tachograph_cli.replay.transcripts.events import UnreadableLine
from tachograph_cli.replay.transcripts.json_lines import LONGEST_LINE
from tachograph_cli.replay.transcripts.values import Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_FAILURES = 1000
"""Places at which no part begins; a document with more is not searched on."""
_DECODER = json.JSONDecoder(strict=False)


@dataclass(frozen=True, slots=True)
class Document:
    """The text of a file; `whole` is None for one that is damaged, and `damage` says why."""

    text: str
    whole: Record | None
    damage: UnreadableLine | None


def document(path: Path, *marks: bytes) -> Document:
    """Read a file of at most 64 MiB as one JSON object. Raises OSError.

    A file without any of the `marks` is another's, and is not parsed: there may be thousands.
    """
    with path.open("rb") as file:
        data = file.read(LONGEST_LINE + 1)
    if not any(mark in data for mark in marks):
        return Document("", None, None)
    if len(data) > LONGEST_LINE:
        reason = f"the document is longer than {LONGEST_LINE} bytes"
        return Document("", None, UnreadableLine(path, 1, reason))
    return decoded(data, path, 1)


def decoded(data: bytes, path: Path, line: int) -> Document:
    """Read bytes, which begin on a line of a file, as one JSON object."""
    text = data.replace(b"\0", b"").decode(errors="replace").strip()
    try:
        whole, end = _DECODER.raw_decode(text)
    except json.JSONDecodeError as refusal:
        line += refusal.lineno - 1
        reason = f"no JSON: {refusal.msg}, at character {refusal.pos}; its whole parts are kept"
    except ValueError as refusal:  # a number of thousands of digits
        reason = f"no JSON: {refusal}; its whole parts are kept"
    except RecursionError:
        reason = "nested too deeply to be a record"
    else:
        if isinstance(whole, dict):
            rest = text[end:].strip()
            damage = UnreadableLine(path, line, "more stands behind the object") if rest else None
            return Document(text, whole, damage)
        reason = "no object; expected one"
    return Document(text, None, UnreadableLine(path, line, reason))


def parts(text: str) -> Iterator[Record]:
    """Yield the outermost whole objects of a damaged text, at most up to 1,000 failures."""
    failures, place = 0, text.find("{")
    while place >= 0 and failures < MAX_FAILURES:
        try:
            part, place = _DECODER.raw_decode(text, place)
            yield part
        except (ValueError, RecursionError):
            failures, place = failures + 1, place + 1
        place = text.find("{", place)


def file_time(path: Path) -> datetime:
    """Return when a file was written, for a recording that states no time. Raises OSError."""
    return datetime.fromtimestamp(int(path.stat().st_mtime), UTC)
