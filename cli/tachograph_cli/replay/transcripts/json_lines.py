"""The lines of a transcript as JSON objects, in constant memory, whatever they hold."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tachograph_cli.replay.transcripts.events import UnreadableLine
from tachograph_cli.replay.transcripts.values import Record, UnreadableError, mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

LONGEST_LINE = 64 * 2**20
"""Bytes of the longest line that is read; a picture in a prompt makes a line of megabytes."""
_DECODER = json.JSONDecoder()


def numbered(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Yield each line with its number from 1; None stands for one longer than LONGEST_LINE."""
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        whole = line.endswith(b"\n") or len(line) < LONGEST_LINE
        while not (line.endswith(b"\n") or len(line) < LONGEST_LINE):
            line = file.readline(LONGEST_LINE)
        yield number, line if whole else None


def records(
    lines: Iterable[tuple[int, bytes | None]], path: Path
) -> Iterator[tuple[int, Record] | UnreadableLine]:
    """Yield each line's number and JSON object, or an UnreadableLine with the reason.

    What a crash or a damaged disk leaves in a line costs that place alone: NUL bytes, a byte that
    is no UTF-8, a second record behind the first.
    """
    for number, line in lines:
        if line is None:
            yield UnreadableLine(path, number, f"the line is longer than {LONGEST_LINE} bytes")
            continue
        text = line.replace(b"\0", b"").decode(errors="replace").strip()
        while text:
            try:
                value, end = _DECODER.raw_decode(text)
                yield number, mapping(value, "the line")
            except UnreadableError as refusal:
                yield UnreadableLine(path, number, str(refusal))
            except RecursionError:
                reason = "the line is nested too deeply to be a record"
                yield UnreadableLine(path, number, reason)
                break
            except ValueError as refusal:
                reason = f"the line is no JSON: {refusal}; expected one object"
                yield UnreadableLine(path, number, reason)
                break
            text = text[end:].lstrip()
