"""Pages of the command line, as a terminal prints them, and the characters it must not get."""

from __future__ import annotations

import io
import re
import unicodedata

from rich.console import RenderableType

from tachograph_cli.terminal.console import Console

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
HOSTILE = {
    "clears the screen": "\x1b[2J\x1b[H",
    "retitles the window": "\x1b]0;pwned\x07",
    "is a link": "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "writes the clipboard": "\x1b]52;c;ZXZpbA==\x07",
    "begins a sequence in one character": "\x9b31m\x9d0;pwned\x9c",
    "overwrites the line": "real\r$0.00\x08\x08",
    "adds a line": "T-1\nEverything holds.\x0b\x0c\x85",
    "reorders the line": "\u202ereversed\u202c\u2066isolated\u2069\u200f\u061c",
    "hides characters": "a\u200bb\u200cc\u200dd\u2060e\ufefff\u00adg\u3164h\U000e0041",
    "separates lines": "one\u2028two\u2029three",
    "is no text": "half \ud83d of a pair",
    "deletes": "abc\x7f\x7f\x00",
    "is markup": "[bold red]x[/bold red][link=https://evil.example]y[/link][/]",
}
"""Names, by what a terminal would do that obeyed them."""


def printed(page: RenderableType, width: int) -> str:
    """Return a page as plain text, for a terminal that is `width` columns wide."""
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(page)
    return console.export_text()


def commands(output: str) -> list[str]:
    """Return what a terminal would obey or hide, other than newlines and colours."""
    text = _COLOURS.sub("", output).replace("\n", "")
    return [
        f"U+{ord(char):04X}"
        for char in text
        if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} or char == "\u3164"
    ]
