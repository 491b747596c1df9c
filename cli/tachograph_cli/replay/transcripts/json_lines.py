"""The lines of a transcript as JSON objects, in constant memory, whatever they hold."""

from __future__ import annotations

import io
import json
from contextlib import contextmanager
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
COMPRESSED = ".zst"
"""What ends the name of a file that Codex has compressed."""


class DamagedError(Exception):
    """A compressed file that is damaged: what follows in it is lost."""


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a transcript, which may be compressed. Raises OSError."""
    with path.open("rb") as file:
        if not path.name.endswith(COMPRESSED):
            yield file
            return
        import zstandard  # noqa: PLC0415 - few have compressed transcripts

        reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        yield io.BufferedReader(reader)


def numbered(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Yield each line with its number from 1; None stands for one longer than LONGEST_LINE."""
    number = 0
    while line := _line(file, number):
        number += 1
        whole = line.endswith(b"\n") or len(line) < LONGEST_LINE
        while not (line.endswith(b"\n") or len(line) < LONGEST_LINE):
            line = _line(file, number)
        yield number, line if whole else None


def _line(file: BinaryIO, number: int) -> bytes:
    try:
        return file.readline(LONGEST_LINE)
    except OSError:
        raise
    except Exception as trouble:  # zstandard's own class, which nobody else needs to import
        raise DamagedError(f"the file is damaged behind line {number}: {trouble}") from trouble


def _until_damaged(
    lines: Iterable[tuple[int, bytes | None]], path: Path
) -> Iterator[tuple[int, bytes | UnreadableLine | None]]:
    number = 0
    try:
        for number, line in lines:
            yield number, line
    except DamagedError as damage:
        yield number, UnreadableLine(path, number + 1, str(damage))


def records(
    lines: Iterable[tuple[int, bytes | None]], path: Path
) -> Iterator[tuple[int, Record] | UnreadableLine]:
    """Yield each line's number and JSON object, or an UnreadableLine with the reason.

    What a crash or a damaged disk leaves in a line costs that place alone: NUL bytes, a byte that
    is no UTF-8, a second record behind the first.
    """
    for number, line in _until_damaged(lines, path):
        if isinstance(line, UnreadableLine):
            yield line
            continue
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
