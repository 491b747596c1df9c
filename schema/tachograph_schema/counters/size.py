"""Pure: how many bytes a document takes, and which integers it can hold.

The rules are Firestore's (https://firebase.google.com/docs/firestore/storage-size): text is its
bytes in UTF-8 and one more, a number 8, a map as much as a document of its fields without its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from tachograph_schema.counters.cells import AnyCells, Cells

MAX_DOCUMENT_BYTES: Final = 900_000
"""The bound of what is written: Firestore refuses documents above 1,048,576 bytes."""
MAX_INT: Final = 2**63 - 1
"""The largest integer of Firestore; an increment beyond it stays at it."""
MIN_INT: Final = -(2**63)
NUMBER_BYTES: Final = 8
MAP_BYTES: Final = 32
"""Of a map or a document, beside its fields."""
_NAME_BYTES: Final = 16


def text_size(text: str) -> int:
    """Return the bytes of a text or of a field's name."""
    return (len(text) if text.isascii() else len(text.encode())) + 1


def value_size(value: Any) -> int:  # noqa: ANN401 - whatever a document holds
    """Return the bytes of a field's value. Raises TypeError for a type no document here has."""
    if isinstance(value, bool) or value is None:
        return 1
    if isinstance(value, int | float | datetime):
        return NUMBER_BYTES
    if isinstance(value, str):
        return text_size(value)
    if isinstance(value, Mapping):
        return MAP_BYTES + sum(text_size(name) + value_size(part) for name, part in value.items())
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return sum(value_size(part) for part in value)
    raise TypeError(f"the value is a {type(value).__name__}; expected text, a number, a map")


def document_size(path: str, fields: Mapping[str, Any]) -> int:
    """Return the bytes of a document at a path such as `fleets/acme/rollups/day_2026-02-16`."""
    return sum(text_size(part) for part in path.split("/")) + _NAME_BYTES + value_size(fields)


def saturated(n: int) -> int:
    """Return an integer that Firestore can hold: the nearest, as its own increments do."""
    return max(MIN_INT, min(MAX_INT, n))


def saturated_cells(cells: AnyCells) -> Cells:
    """Return cells whose counters Firestore can hold."""
    return {
        scope: {name: n if MIN_INT <= n <= MAX_INT else saturated(n) for name, n in row.items()}
        for scope, row in cells.items()
    }
