"""Typed values out of an untrusted record; errors name the place, the value and what is allowed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from tachograph_schema.fields import MAX_COUNT, is_name
from tachograph_schema.parsing import shown

Record = dict[str, Any]

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_9999_MS = 253_370_764_800_000
_FIRST_MS = 10**11
"""From here a number is milliseconds: as seconds it would be the year 5138, as these it is 1973."""
_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,9})?")
SHORT = 8
_SURFACE = 2
UUID_CHARS = 36
UUID_VERSION_AT = 14


class UnreadableError(ValueError):
    """A value of a record is not allowed; the message says where it is and what is expected."""


def mapping(value: object, where: str) -> Record:
    """Return a JSON object. Raises UnreadableError, which names the place `where`."""
    if not isinstance(value, dict):
        raise UnreadableError(f"{where} is {shown(value)}; expected an object")
    return value


def optional_mapping(value: object, where: str) -> Record:
    """Return a JSON object, an empty one for None. Raises UnreadableError."""
    return {} if value is None else mapping(value, where)


def kind_of(record: Record, name: str = "type") -> str | None:
    """Return what kind of record it says to be; None where that is no text."""
    kind = record.get(name)
    return kind if isinstance(kind, str) else None


def blocks(value: object) -> list[Record]:
    """Return the content blocks of a message; plain text has none."""
    return [block for block in value if isinstance(block, dict)] if isinstance(value, list) else []


def whole(value: object, where: str) -> int:
    """Return a count from 0 to 10^15, 0 for None. Raises UnreadableError."""
    if value is None:
        return 0
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_COUNT:
        raise UnreadableError(f"{where} is {shown(value)}; expected a whole number from 0 to 10^15")
    return value


def named(value: object, where: str) -> str:
    """Return a name of 1-200 printable characters. Raises UnreadableError."""
    if not isinstance(value, str) or not is_name(value):
        raise UnreadableError(f"{where} is {shown(value)}; expected 1-200 printable characters")
    return value


def optional_name(value: object) -> str | None:
    """Return a usable name, or None: a missing description does not make a line unreadable."""
    return value if isinstance(value, str) and is_name(value) else None


def instant(value: object, where: str) -> datetime:
    """Return a moment from ISO 8601, UTC where it names no zone, or from a number since 1970.

    A number is seconds or milliseconds by its size. Raises UnreadableError.
    """
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            value = float(value) if _NUMBER.fullmatch(value) else value
    if (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and 0 <= value < _YEAR_9999_MS
    ):
        milliseconds = value if value >= _FIRST_MS else value * 1000
        return EPOCH + timedelta(milliseconds=milliseconds)
    raise UnreadableError(
        f"{where} is {shown(value)}; expected a time such as 2026-02-16T18:00:00.000Z"
    )


def ident(value: str) -> str:
    """Return a text as part of a document's id: at most 100 letters, digits, `-`, `_`, `.`."""
    return _UNSAFE.sub("-", value)[:100].strip(".") or "unnamed"


def short(identity: str) -> str:
    """Return the 8 characters of an id that differ among its siblings.

    These are the first, but the last of a version 7 UUID, which begins with the time.
    """
    is_uuid = len(identity) == UUID_CHARS and identity.count("-") == UUID_CHARS // 9
    if is_uuid and identity[UUID_VERSION_AT] == "7":
        return identity[-SHORT:]
    return identity[:SHORT]


def states_tokens(value: object, depth: int = 0) -> bool:
    """Tell whether a record of an unknown type has a count of tokens near its surface."""
    if not isinstance(value, dict) or depth > _SURFACE:
        return False
    return any(
        ("tokens" in name and isinstance(n, int) and n > 0) or states_tokens(n, depth + 1)
        for name, n in value.items()
    )
