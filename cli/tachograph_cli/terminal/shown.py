"""Pure: text from documents, files, errors and arguments, made harmless for a terminal.

A terminal obeys control characters, and shows nothing of others: escape sequences move the cursor
and retitle the window, bidirectional controls reorder a line, zero-width characters make two names
look alike. All of them are replaced by one visible character each.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from rich.cells import cell_len, set_cell_size

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
CUT = "…"
_MAX_MARKS = 4
"""The combining marks in a row that are shown; a heap of them covers the lines around it."""
_MAX_CHARS_PER_CELL = 2 * (1 + _MAX_MARKS)
_CONTROL_PICTURES = 0x2400
_DELETE = 0x7F
_MARKS = ("Mn", "Me")
_SELECTORS = "\ufe0e\ufe0f"
"""The choice between a symbol as text and as an emoji; behind anything else it shows nothing."""
_INVISIBLE = frozenset(
    chr(code)
    for first, last in (
        (0x034F, 0x034F),  # combining grapheme joiner
        (0x115F, 0x1160),  # Hangul fillers
        (0x17B4, 0x17B5),  # Khmer inherent vowels
        (0x180B, 0x180F),  # Mongolian variation selectors
        (0x2800, 0x2800),  # the empty pattern of Braille
        (0x3164, 0x3164),  # Hangul filler
        (0xFE00, 0xFE0F),  # variation selectors
        (0xFFA0, 0xFFA0),  # halfwidth Hangul filler
        (0xE0100, 0xE01EF),  # variation selectors, supplement
    )
    for code in range(first, last + 1)
)
"""Characters that Unicode calls printable and ignorable at once."""


def shown(text: object, cells: int | None = None) -> str:
    """Return a text as one line without control or invisible characters.

    With `cells`, it is cut to that many cells of a terminal, where a wide character takes two.
    """
    words = str(text)
    if cells is None:
        return escaped(words)
    visible = escaped(words[: (cells + 1) * _MAX_CHARS_PER_CELL])
    whole = len(words) <= (cells + 1) * _MAX_CHARS_PER_CELL
    if whole and cell_len(visible) <= cells:
        return visible
    return (set_cell_size(visible, cells - 1).rstrip() + CUT) if cells > 0 else ""


def shortened(name: str, cells: int, tail: float = 2 / 3) -> str:
    """Shorten a name in its middle to so many cells; `tail` is the part of them for its end."""
    visible = escaped(name)
    if cell_len(visible) <= cells:
        return visible
    end = int(cells * tail)
    start = max(0, cells - end - 1)
    begin = set_cell_size(visible, start).rstrip() if start else ""
    return f"{begin}{CUT}{_end(visible, end)}"


def escaped(text: str) -> str:
    """Replace each control or invisible character by one visible character, newlines too."""
    return _replaced(text, _picture)


def escaped_lines(text: str) -> str:
    """Do the same, but leave newlines as they are."""
    return "\n".join(escaped(line) for line in text.split("\n"))


def escaped_json(document: str) -> str:
    r"""Write the same characters of a JSON document as \uXXXX, which leaves its value as it is."""
    return "\n".join(_replaced(line, _json_escape) for line in document.split("\n"))


def _replaced(text: str, replace: Callable[[str], str]) -> str:
    if text.isascii() and text.isprintable():
        return text
    kept: list[str] = []
    marks, before = 0, ""
    for char in text:
        category = _category(char)
        marks = marks + 1 if category in _MARKS else 0
        selects = char in _SELECTORS and _category(before) == "So"
        harmless = selects or (_is_visible(char) and marks <= _MAX_MARKS)
        kept.append(char if harmless else replace(char))
        before = char
    return "".join(kept)


@lru_cache(maxsize=4096)
def _category(char: str) -> str:
    return unicodedata.category(char) if char else ""


@lru_cache(maxsize=4096)
def _is_visible(char: str) -> bool:
    # Not printable are: controls, formats, surrogates, separators of lines, and what is unassigned.
    return char not in _INVISIBLE and (char.isprintable() or unicodedata.category(char) == "Zs")


def _picture(char: str) -> str:
    code = ord(char)
    if code < ord(" "):
        return chr(_CONTROL_PICTURES + code)
    return "\N{SYMBOL FOR DELETE}" if code == _DELETE else REPLACEMENT


def _json_escape(char: str) -> str:
    if ord(char) == _DELETE:
        return "\\u007f"
    return json.dumps(char)[1:-1]


def _end(text: str, cells: int) -> str:
    """Return as much of the end of a text as fits into so many cells."""
    start = len(text)
    while start and cell_len(text[start - 1 :]) <= cells:
        start -= 1
    return text[start:]
