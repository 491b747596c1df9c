"""A transcript line by line, in constant memory, whatever stands in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tachograph_cli.replay.transcripts.events import Broken
from tachograph_cli.replay.transcripts.values import Record, UnreadableError, mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

LONGEST_LINE = 64 * 2**20
"""Bytes of the longest line that is read: pictures pasted into a prompt make lines of megabytes."""


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
) -> Iterator[tuple[int, Record] | Broken]:
    """Yield each line's JSON object with its number, or what is wrong with the line."""
    for number, line in lines:
        if line is None:
            yield Broken(path, number, f"the line is longer than {LONGEST_LINE} bytes")
            continue
        if not line.strip():
            continue
        try:
            yield number, mapping(json.loads(line), "the line")
        except UnreadableError as refusal:
            yield Broken(path, number, str(refusal))
        except RecursionError:
            yield Broken(path, number, "the line is nested too deeply to be a record")
        except ValueError as refusal:  # not JSON, or not UTF-8
            yield Broken(path, number, f"the line is no JSON: {refusal}; expected one object")
