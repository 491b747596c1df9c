"""JSON documents of a file, one or one a line: whole, or the parts that are whole of a damaged one.

The readers of Claude Code and Codex pass by a line that is no JSON. Here a document may be a whole
session, so what stands before and behind the damage is kept.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tachograph_cli.replay.transcripts.events import UnreadableLine
from tachograph_cli.replay.transcripts.json_lines import LONGEST_LINE, numbered, opened
from tachograph_cli.replay.transcripts.values import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

MAX_FAILURES = 1000
"""Places at which no part begins; a document with more is not searched on."""
MAX_SCANS = 8
"""How often a damaged text may be read over, because each open object is read to the damage."""
_DECODER = json.JSONDecoder(strict=False)
_TEXT = re.compile(r"\S")


@dataclass(frozen=True, slots=True)
class Document:
    """A text; `whole` is None for a damaged one, and `damage` says why."""

    text: str
    whole: Record | None = None
    damage: UnreadableLine | None = None
    end: int = 0
    """Where the object ends, and what stands behind it begins."""

    @property
    def rest(self) -> str:
        """The text behind the object, none behind a damaged one."""
        return self.text[self.end :] if self.whole is not None else ""


def document(path: Path, *marks: bytes) -> Document:
    """Read a file of at most 64 MiB as one JSON object. Raises OSError.

    A file without any of the `marks` is another's, and is not parsed: there may be thousands.
    """
    with path.open("rb") as file:
        data = file.read(LONGEST_LINE + 1)
    if not any(mark in data for mark in marks):
        return Document("")
    if len(data) > LONGEST_LINE:
        reason = f"the document is longer than {LONGEST_LINE} bytes"
        return Document("", None, UnreadableLine(path, 1, reason))
    found = _decoded(_text(data), path, 1, 0)
    if found.rest:
        return replace(found, damage=UnreadableLine(path, 1, "more stands behind the object"))
    return found


def lines(
    path: Path, saved: Callable[[str], Iterable[Record]]
) -> Iterator[tuple[int, Record] | UnreadableLine]:
    """Yield each line's number and JSON object; of a damaged line all that `saved` finds in it.

    Raises OSError.
    """
    with opened(path) as file:
        for number, line in numbered(file):
            if line is None:
                reason = f"the line is longer than {LONGEST_LINE} bytes"
                yield UnreadableLine(path, number, reason)
                continue
            text, end = _text(line), 0
            while end < len(text):
                found = _decoded(text, path, number, end)
                if found.damage is not None:
                    yield found.damage
                whole = found.whole
                for record in saved(text[end:]) if whole is None else (whole,):
                    yield number, record
                end = len(text) if whole is None else found.end


def parts(text: str) -> Iterator[tuple[str, Record]]:
    """Yield the outermost whole objects of a damaged text, each with the text before it.

    The search ends after 1,000 places at which no object begins, or when the text has been read
    over eight times.
    """
    failures = behind = read = 0
    place = text.find("{")
    while place >= 0 and failures < MAX_FAILURES and read <= MAX_SCANS * len(text):
        try:
            part, end = _DECODER.raw_decode(text, place)
            yield text[behind:place], part
            place = behind = end
        except (ValueError, RecursionError) as refusal:
            read += getattr(refusal, "pos", len(text)) - place
            failures, place = failures + 1, place + 1
        place = text.find("{", place)


def scalars(text: str, *names: str) -> Record:
    """Return the last text that stands under each name in a damaged text."""
    found = ((name, re.findall(rf'"{name}"\s*:\s*"([^"\\]{{1,200}})"', text)) for name in names)
    return {name: values[-1] for name, values in found if values}


def file_time(path: Path) -> datetime:
    """Return when a file was written, for a recording that states no time. Raises OSError."""
    return datetime.fromtimestamp(int(path.stat().st_mtime), UTC)


def _text(data: bytes) -> str:
    """Return text without what a crash leaves in it: NUL bytes, and bytes that are no UTF-8."""
    return data.replace(b"\0", b"").decode(errors="replace").strip()


def _decoded(text: str, path: Path, line: int, begin: int) -> Document:
    """Read the JSON object that begins at a place of a text, on a line of a file."""
    try:
        whole, end = _DECODER.raw_decode(text, begin)
    except json.JSONDecodeError as refusal:
        line += refusal.lineno - 1
        reason = f"no JSON: {refusal.msg}, at character {refusal.pos}; what is found whole is kept"
    except ValueError as refusal:  # a number of thousands of digits
        reason = f"no JSON: {refusal}; what is found whole is kept"
    except RecursionError:
        reason = "nested too deeply to be a record"
    else:
        if isinstance(whole, dict):
            behind = _TEXT.search(text, end)
            return Document(text, whole, None, behind.start() if behind else len(text))
        reason = "no object; expected one"
    return Document(text, None, UnreadableLine(path, line, reason))
