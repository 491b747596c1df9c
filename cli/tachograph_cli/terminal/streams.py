"""Standard output and error while a command runs: all that is written to them is escaped.

That is `click.echo`, error messages, warnings of libraries and tracebacks. A console's pages bring
colours with them and pass: their texts are escaped already.
"""

from __future__ import annotations

import io
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from tachograph_cli.terminal.shown import escaped_lines


class EscapedStream(io.TextIOBase):
    """A text stream that escapes all that is written to it, except for newlines."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write a text, escaped."""
        self.stream.write(escaped_lines(text))
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        self.stream.flush()

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self.stream.isatty()

    def fileno(self) -> int:
        """Return its descriptor, which a child process inherits."""
        return self.stream.fileno()

    def writable(self) -> bool:
        """Tell that it can be written to."""
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]  # an attribute in typeshed
        """Its encoding."""
        return self.stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]  # likewise
        """The treatment of characters that its encoding lacks."""
        return self.stream.errors


@contextmanager
def escaped_streams() -> Iterator[None]:
    """Escape what is written to standard output and error while the block runs.

    An exception that would leave the block is one that no command expects. Its traceback quotes
    whatever was at hand, so it is printed within the block. Raises SystemExit from it, with the
    status of a Python program that fails.
    """
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (_escaped_stream(stream) for stream in before)
    try:
        yield
    except Exception as error:  # whatever it is, it is told and ends the program
        traceback.print_exc()
        raise SystemExit(1) from error
    finally:
        sys.stdout, sys.stderr = before


def _escaped_stream(stream: TextIO | EscapedStream | None) -> Any:  # noqa: ANN401 - as sys.stdout
    # None where there is no standard stream, as under pythonw.
    if stream is None or isinstance(stream, EscapedStream):
        return stream
    return EscapedStream(stream)
