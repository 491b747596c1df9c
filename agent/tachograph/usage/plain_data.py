"""Pure: the data of an object of any library, without knowing the library.

Dictionaries, pydantic models, dataclasses, protobuf messages, and whatever has attributes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import Any

MAX_DEPTH = 6
MAX_ITEMS = 200
_BROKEN = (AttributeError, LookupError, TypeError, ValueError, RuntimeError)
"""Errors that an object's own property may raise where it has no value."""


def fields_of(value: object, wanted: Sequence[str]) -> Mapping[str, Any]:
    """Return an object's fields by name: all of them, or at least those `wanted` that it has.

    The object's own dictionary comes first, because one lookup for each name takes longer.
    """
    if type(value) is dict or isinstance(value, Mapping):  # the first check is much faster
        return value
    if value is None or isinstance(value, str | bytes | int | float | Sequence):
        return {}
    own = getattr(value, "__dict__", None) or {}
    extra = own.get("__pydantic_extra__") or getattr(value, "__pydantic_extra__", None)
    if isinstance(extra, dict) and extra:
        own = {**own, **extra}
    if (own and not wanted) or any(name in own for name in wanted):
        return own
    named = {name: _attribute(value, name) for name in wanted}
    return {name: value for name, value in named.items() if value is not None}


def plain(value: object, depth: int = 0) -> Any:  # noqa: ANN401 - any data
    """Return a value as dictionaries, lists, numbers and text; anything else is left out.

    Names that begin with an underscore and values of None are left out too.
    """
    if value is None or isinstance(value, bool | int | float | Decimal | str) or depth > MAX_DEPTH:
        simple = isinstance(value, bool | int | float | Decimal | str)
        return (word(value) or None if isinstance(value, Enum) else value) if simple else None
    if isinstance(value, Enum):
        return word(value)
    if isinstance(value, Mapping):
        return _entries(value.items(), depth)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [plain(item, depth + 1) for item in value[:MAX_ITEMS]]
    message: Any = getattr(value, "_pb", value)  # what proto-plus wraps
    if hasattr(type(message), "ListFields"):
        return _entries(((kind.name, entry) for kind, entry in message.ListFields()), depth)
    slots = getattr(type(value), "__slots__", ())
    named = (slots,) if isinstance(slots, str) else slots
    names = [name for name in named if not name.startswith("_")]
    return _entries(fields_of(value, names).items(), depth)


def word(value: object) -> str | None:
    """Return text, or the name that an enumeration's value has; None for anything else."""
    if isinstance(value, Enum):
        return value.value if isinstance(value.value, str) else value.name
    return value if isinstance(value, str) else None


def _entries(items: Iterable[tuple[Any, object]], depth: int) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for name, value in items:
        if isinstance(name, str) and not name.startswith("_"):
            entry = plain(value, depth + 1)
            if entry is not None:
                entries[name] = entry
    return entries


def _attribute(value: object, name: str) -> object:
    try:
        return getattr(value, name, None)
    except _BROKEN:
        return None
