"""The lines of a transcript as JSON objects, in constant memory, whatever they hold."""

from __future__ import annotations

import io
import json
import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tachograph_cli.replay.transcripts.events import UnreadableLine
from tachograph_cli.replay.transcripts.values import Record, UnreadableError, mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import Any, TypeVar

    T = TypeVar("T")
    Buffered = io.BufferedReader[Any]

LONGEST_LINE = 64 * 2**20
"""Bytes of the longest line that is read; a picture in a prompt makes a line of megabytes."""
MOST_BYTES = 2**30
"""Bytes that are read of what a compressed file holds; a few bytes of zstd can hold any number."""
MOST_LINES = 2_000_000
"""Lines with text that are read of a compressed file."""
MOST_BAD_LINES = 100_000
"""Lines that are no JSON objects, after which a file is not read on."""
_DECODER = json.JSONDecoder()
_TEXT = re.compile(r"\S")
_BLANK = b" \t\r\n"
COMPRESSED = ".zst"
"""What ends the name of a file that Codex has compressed."""
_BUFFER_BYTES = 2**17
_FED_BYTES = 256
"""Compressed bytes that are read at a time: they hold at most 11 MiB."""
_CHECKSUM_BYTES = 4


class _Frames(io.RawIOBase):
    """The contents of the zstd frames of a file; `damage` says why they end early, if they do."""

    def __init__(self, file: io.BufferedReader) -> None:
        self.damage: str | None = None
        self._texts = self._decompressed(file)
        self._text = memoryview(b"")

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any buffer, which typing cannot name
        """Fill a buffer and return its bytes, 0 at the end and where the damage begins."""
        self._text = self._text or memoryview(next(self._texts, b""))
        size = min(len(buffer), len(self._text))
        buffer[:size], self._text = self._text[:size], self._text[size:]
        return size

    def _decompressed(self, file: io.BufferedReader) -> Iterator[bytes]:
        import zstandard  # noqa: PLC0415 - few have compressed transcripts

        decompressor, frame = zstandard.ZstdDecompressor(), None
        left, held, behind = os.fstat(file.fileno()).st_size, 0, b""
        while held <= MOST_BYTES:
            # The checksum is fed apart: where it is wrong, what was fed with it is lost.
            size = min(_FED_BYTES, max(1, left - _CHECKSUM_BYTES))
            if not (piece := behind or file.read(size)):
                if frame is not None:
                    self.damage = "the file ends inside a zstd frame"
                return
            left -= 0 if behind else len(piece)
            frame = frame or decompressor.decompressobj()
            try:
                text = frame.decompress(piece)
            except zstandard.ZstdError as refusal:
                self.damage = f"the file is damaged here: {refusal}"
                return
            behind, frame = (frame.unused_data, None) if frame.eof else (b"", frame)
            held += len(text)
            if text:
                yield text
        self.damage = f"the file holds more than {MOST_BYTES:,} bytes; decompress it to read all"


@contextmanager
def opened(path: Path) -> Iterator[Buffered]:
    """Open a transcript, which may be compressed. Raises OSError."""
    with path.open("rb") as file:
        if not path.name.endswith(COMPRESSED):
            yield file
            return
        with io.BufferedReader(_Frames(file), _BUFFER_BYTES) as contents:
            yield contents


def damage(path: Path) -> UnreadableLine | None:
    """Return why the end of a compressed file cannot be read, and where; else None.

    It is read once more for that, which takes a fraction of what its JSON takes. Raises OSError.
    """
    if not path.name.endswith(COMPRESSED):
        return None
    number = 0
    with opened(path) as file:
        for number, _ in numbered(file):  # noqa: B007 - the last one's is the place
            pass
        reason = file.raw.damage if isinstance(file.raw, _Frames) else None
    return None if reason is None else UnreadableLine(path, max(1, number), reason)


def numbered(file: Buffered) -> Iterator[tuple[int, bytes | None]]:
    """Yield each line with its number from 1; None stands for one longer than LONGEST_LINE.

    Blank lines are passed by. Of a compressed file at most MOST_LINES are yielded.
    """
    number = yielded = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        if line.isspace() and line.endswith(b"\n"):
            number += _blank_lines(file)
            continue
        if yielded == MOST_LINES and isinstance(file.raw, _Frames):
            file.raw.damage = f"the file holds more than {MOST_LINES:,} lines; decompress it"
            return
        yielded += 1
        whole = line.endswith(b"\n") or len(line) < LONGEST_LINE
        yield number, line if whole else None
        while not whole and line and not line.endswith(b"\n"):
            line = file.readline(_BUFFER_BYTES)


def _blank_lines(file: Buffered) -> int:
    """Pass by the blank lines that stand next, a buffer at a time; return how many they are."""
    passed = 0
    while ahead := file.peek():
        blank = ahead[: len(ahead) - len(ahead.lstrip(_BLANK))]
        blank = blank[: blank.rfind(b"\n") + 1]
        passed += blank.count(b"\n")
        file.read(len(blank))
        if len(blank) < len(ahead):
            break
    return passed


def records(
    lines: Iterable[tuple[int, bytes | None]], path: Path
) -> Iterator[tuple[int, Record] | UnreadableLine]:
    """Yield each line's number and JSON object, or an UnreadableLine with the reason.

    What a crash or a damaged disk leaves in a line costs that place alone: NUL bytes, a byte that
    is no UTF-8, a second record behind the first. After MOST_BAD_LINES nothing more is yielded.
    """
    return until_hopeless(_records(lines, path))


def until_hopeless(items: Iterable[T | UnreadableLine]) -> Iterator[T | UnreadableLine]:
    """Yield records and bad lines; of more than MOST_BAD_LINES bad ones the last says so."""
    bad = 0
    for item in items:
        if isinstance(item, UnreadableLine):
            bad += 1
            if bad > MOST_BAD_LINES:
                reason = f"{MOST_BAD_LINES:,} lines before are no records; the rest is not read"
                yield UnreadableLine(item.path, item.line, reason)
                return
        yield item


def _records(
    lines: Iterable[tuple[int, bytes | None]], path: Path
) -> Iterator[tuple[int, Record] | UnreadableLine]:
    for number, line in lines:
        if line is None:
            yield UnreadableLine(path, number, f"the line is longer than {LONGEST_LINE} bytes")
            continue
        text, end = line.replace(b"\0", b"").decode(errors="replace"), 0
        while begin := _TEXT.search(text, end):
            try:
                value, end = _DECODER.raw_decode(text, begin.start())
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
