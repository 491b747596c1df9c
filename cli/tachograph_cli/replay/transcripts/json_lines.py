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
    """Yield each line's number and JSON object, or an UnreadableLine with the reason."""
    for number, line in lines:
        if line is None:
            yield UnreadableLine(path, number, f"the line is longer than {LONGEST_LINE} bytes")
            continue
        if not line.strip():
            continue
        try:
            yield number, mapping(json.loads(line), "the line")
        except UnreadableError as refusal:
            yield UnreadableLine(path, number, str(refusal))
        except RecursionError:
            yield UnreadableLine(path, number, "the line is nested too deeply to be a record")
        except ValueError as refusal:  # not JSON, or not UTF-8
            yield UnreadableLine(
                path, number, f"the line is no JSON: {refusal}; expected one object"
            )
