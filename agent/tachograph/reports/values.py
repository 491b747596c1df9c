"""Pure: values of any kind -> values that a document can hold.

An agent may pass whatever a model has answered. A value that no document can hold is left out, or
mended where there is one way to mend it, and the refusal says where, what was found, what is
allowed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, TypeVar
from uuid import UUID

from tachograph_schema.fields import MAX_COUNT, MAX_NAME_CHARS

T = TypeVar("T")
MAX_BYTES = 100_000
"""Of all values that are given at once."""
MAX_ITEMS = 200
MAX_DEPTH = 6
MAX_KEY_BYTES = 1_500
"""Of one entry of a map: Firestore's own bound."""
_INT64 = range(-(2**63), 2**63)
_FIELD = re.compile(r"(?!__.*__$)[A-Za-z_][A-Za-z0-9_]{0,199}")
_NUMBERS_BYTES = 8
_SHOWN_CHARS = 40
_EXPECTED = "null, true, false, a number, text, a moment, a list or a map"
Warn = Callable[[str, object, str, str], None]
"""Takes what is refused or mended: where, what was found, what is allowed, what becomes of it."""


class _RefusedError(Exception):
    def __init__(self, allowed: str) -> None:
        self.allowed = allowed


def storable_fields(fields: Mapping[Any, Any], warn: Warn) -> dict[str, Any]:
    """Return the fields that a document can hold, each as it can hold it."""
    return _Reader(warn).fields(fields)


def moment(at: object, warn: Warn) -> datetime | None:
    """Return a moment with its zone; None, for now, where there is none.

    One without a zone is taken for UTC, as the database's client does.
    """
    if at is None:
        return None
    allowed = "a datetime with a time zone, such as datetime.now(UTC)"
    try:
        if isinstance(at, datetime):
            if at.utcoffset() is not None:
                at.astimezone(UTC)
                return at
            warn("at", at, allowed, "it is taken for UTC")
            return at.replace(tzinfo=UTC)
    except Exception:  # noqa: BLE001, S110 - a zone is a class of anybody's
        pass
    warn("at", at, allowed, "it is taken for now")
    return None


def whole(value: object, where: str, warn: Warn) -> int:
    """Return a count of at most 10^15 either way; 0 for anything else."""
    try:
        item = _unwrapped(value)
        n = int(item) if isinstance(item, int | float | Decimal) else None
        if n is not None and abs(n) <= MAX_COUNT:
            return n
    except Exception:  # noqa: BLE001, S110 - a number is a class of anybody's
        pass
    warn(where, value, "a whole number of at most 10^15", "it counts as 0")
    return 0


def name(value: object, where: str, warn: Warn) -> str | None:
    """Return a name, such as a model's; None for anything that is none."""
    if value is None:
        return None
    try:
        text = _exact(value.value if isinstance(value, Enum) else value)
    except Exception:  # noqa: BLE001 - no text
        text = ""
    if text and len(text) <= MAX_NAME_CHARS and text.isprintable():
        return text
    warn(where, value, "1-200 printable characters", "it is left out")
    return None


def found(value: object) -> str:
    """Show what was found, shortly, whatever it is."""
    kind = f"a value of the type {type(value).__name__}"
    if isinstance(value, str):
        return f"{str.__str__(value)[:_SHOWN_CHARS]!a}, {len(value)} characters long"
    if type(value) is int:
        return str(value) if value in _INT64 else kind
    return ascii(value) if type(value) in (float, bool, datetime) else kind


def _is_key(text: str) -> bool:
    """Tell whether a map may have a key; Firestore keeps `__*__` for itself."""
    reserved = text.startswith("__") and text.endswith("__")
    return (
        bool(text) and text.isprintable() and not reserved and len(text.encode()) <= MAX_KEY_BYTES
    )


class _Reader:
    """Reads values within a budget, and reports those that it leaves out."""

    def __init__(self, warn: Warn) -> None:
        self._warn = warn
        self._left_bytes = MAX_BYTES

    def fields(self, fields: Mapping[Any, Any]) -> dict[str, Any]:
        read: dict[str, Any] = {}
        for key, value in fields.items():
            if not isinstance(key, str) or not _FIELD.fullmatch(key):
                self._warn(
                    found(key), value, "a name of letters, digits and _", "the field is left out"
                )
                continue
            read |= self._entry(str.__str__(key), key, value, 0)
        return read

    def _entry(self, key: str, where: str, value: object, depth: int) -> dict[str, Any]:
        """Return one entry of a map, or none where its value is refused."""
        try:
            return {key: self._value(value, where, depth)}
        except _RefusedError as refused:
            self._warn(where, value, refused.allowed, "it is left out")
        except Exception:  # noqa: BLE001 - a value is of a class of anybody's
            self._warn(where, value, _EXPECTED, "it is left out")
        return {}

    def _value(self, value: Any, where: str, depth: int) -> Any:  # noqa: ANN401 - any data
        if value is None or value is True or value is False:
            return value
        value = _unwrapped(value)
        for kind, read in _READERS:
            if isinstance(value, kind):
                return read(self, value, where, depth)
        if type(value).__module__.startswith("google.cloud.firestore"):
            return value  # a place, a reference, or a value that the database fills in
        raise _RefusedError(_EXPECTED)

    def _flag(self, value: Any, *_: object) -> Any:  # noqa: ANN401 - true or false
        return value

    def _bytes(self, value: Any, *_: object) -> Any:  # noqa: ANN401 - one of three
        data = bytes(value)
        return self._sized(data, len(data))

    def _shown(self, value: object, where: str, depth: int) -> str:
        return self._text(str(value), where, depth)

    def _duration(self, *_: object) -> None:
        raise _RefusedError("a number, with the unit in the field's name")

    def _int(self, value: int, *_: object) -> int:
        exact = int(value)
        if exact not in _INT64:
            raise _RefusedError("a number of at most 64 bits")
        return self._sized(exact, _NUMBERS_BYTES)

    def _float(self, value: float, *_: object) -> float:
        exact = float(value)
        if not math.isfinite(exact):
            raise _RefusedError("a finite number")
        return self._sized(exact, _NUMBERS_BYTES)

    def _text(self, value: str, where: str, _: int) -> str:
        text = _exact(value)
        if not text.isascii():
            encoded = text.encode(errors="replace")
            if (mended := encoded.decode()) != text:
                self._warn(
                    where, value, "text without halves of characters", "they become question marks"
                )
                text = mended
        return self._sized(text, len(text.encode()))

    def _moment(self, value: datetime, where: str, _: int) -> datetime:
        at = moment(value, lambda _, *rest: self._warn(where, *rest))
        if at is None:
            raise _RefusedError("a datetime with a time zone")
        return self._sized(at, _NUMBERS_BYTES)

    def _map(self, value: Mapping[Any, Any], where: str, depth: int) -> dict[str, Any]:
        _check_depth(depth)
        read: dict[str, Any] = {}
        for key, entry in value.items():
            text = key.value if isinstance(key, Enum) else key
            if not isinstance(text, str) or not _is_key(_exact(text)):
                self._warn(
                    f"a key of {where}", key, "printable text, not __*__", "the entry is left out"
                )
                continue
            if len(read) == MAX_ITEMS:
                self._warn(where, value, f"at most {MAX_ITEMS} entries", "the others are left out")
                break
            name = self._sized(_exact(text), len(text.encode()))
            read |= self._entry(name, f"{where}.{name[:40]}", entry, depth + 1)
        return read

    def _list(self, value: Any, where: str, depth: int) -> list[Any]:  # noqa: ANN401 - any of two
        _check_depth(depth)
        read: list[Any] = []
        for item in value:
            if len(read) == MAX_ITEMS:
                self._warn(where, value, f"at most {MAX_ITEMS} items", "the others are left out")
                break
            nested = isinstance(item, Sequence | AbstractSet) and not isinstance(item, str | bytes)
            if nested:
                self._warn(f"an item of {where}", item, "no list in a list", "it is left out")
            else:
                read += self._entry("", f"an item of {where}", item, depth + 1).values()
        return read

    def _sized(self, value: T, size_bytes: int) -> T:
        if size_bytes > self._left_bytes:
            raise _RefusedError(f"at most {MAX_BYTES} bytes in all")
        self._left_bytes -= size_bytes
        return value


_READERS: tuple[tuple[Any, Callable[[_Reader, Any, str, int], Any]], ...] = (
    (bool, _Reader._flag),  # noqa: SLF001 - of this module, as all below
    (int, _Reader._int),  # noqa: SLF001
    (float, _Reader._float),  # noqa: SLF001
    (str, _Reader._text),  # noqa: SLF001
    (datetime, _Reader._moment),  # noqa: SLF001
    (bytes | bytearray | memoryview, _Reader._bytes),  # noqa: SLF001
    (UUID | PurePath | date | time, _Reader._shown),  # noqa: SLF001
    (timedelta, _Reader._duration),  # noqa: SLF001
    (Mapping, _Reader._map),  # noqa: SLF001
    (Sequence | AbstractSet, _Reader._list),  # noqa: SLF001
)


def _check_depth(depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise _RefusedError(f"at most {MAX_DEPTH} maps or lists in each other")


def _exact(value: object) -> str:
    """Return text of the type `str` itself: a subclass may do anything when it is shown."""
    if not isinstance(value, str):
        raise TypeError
    return str.__str__(value)


def _unwrapped(value: Any) -> Any:  # noqa: ANN401 - any data
    """Return the value of an enumeration, of a decimal, or of a library's own number."""
    if isinstance(value, Enum):
        return value.value if isinstance(value.value, str | int | float) else value.name
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bool | int | float | str | datetime):
        return value
    item = getattr(type(value), "item", None)
    if callable(item) and hasattr(type(value), "dtype"):
        return value.item()
    return value
