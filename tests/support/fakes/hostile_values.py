"""Values that a caller may pass by mistake and that no document, or no code, expects."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, NoReturn


class Raising(str):
    """A text that cannot be shown."""

    __slots__ = ()

    def __str__(self) -> NoReturn:
        """Raise, as a lazy translation without a language does."""
        raise RuntimeError("no text")

    __repr__ = __str__


class Untrue:
    """An object that answers no question at all."""

    def __bool__(self) -> NoReturn:
        """Raise, as an array of several numbers does."""
        raise ValueError("neither true nor false")

    def __eq__(self, other: object) -> NoReturn:
        """Raise likewise."""
        raise ValueError("not to be compared")

    def __hash__(self) -> NoReturn:
        """Raise likewise."""
        raise TypeError("not to be hashed")

    __repr__ = __bool__


class Colour(enum.Enum):
    """An enumeration whose value is no text."""

    RED = ("r", 1)


class _NoZone(tzinfo):
    def utcoffset(self, _: datetime | None) -> timedelta:
        raise RuntimeError("no such zone")

    dst = utcoffset

    def tzname(self, _: datetime | None) -> str:
        raise RuntimeError("no such zone")


class _Broken(Mapping[str, Any]):
    def __getitem__(self, key: str) -> NoReturn:
        raise RuntimeError(key)

    def __iter__(self) -> Iterator[str]:
        yield "a"

    def __len__(self) -> int:
        return 1


def _within_itself() -> dict[str, Any]:
    ring: dict[str, Any] = {}
    ring["ring"] = ring
    return ring


def _deep() -> list[Any]:
    nest: list[Any] = []
    for _ in range(5_000):
        nest = [nest]
    return nest


HOSTILE: Mapping[str, Callable[[], Any]] = {
    "lone surrogate": lambda: "a\ud800b",
    "NUL": lambda: "a\x00b",
    "2 MB of text": lambda: "x" * 2_000_000,
    "text whose str raises": lambda: Raising("text"),
    "2**70": lambda: 2**70,
    "-2**70": lambda: -(2**70),
    "10**5000": lambda: 10**5_000,
    "NaN": lambda: float("nan"),
    "infinity": lambda: float("inf"),
    "Decimal NaN": lambda: Decimal("NaN"),
    "Decimal": lambda: Decimal("1.5"),
    "object": object,
    "object that answers nothing": Untrue,
    "naive datetime": lambda: datetime(2026, 1, 1),  # noqa: DTZ001 - the point of it
    "earliest datetime": lambda: datetime.min,  # noqa: DTZ901 - likewise
    "latest datetime": lambda: datetime.max.replace(tzinfo=UTC),
    "datetime of a broken zone": lambda: datetime(2026, 1, 1, tzinfo=_NoZone()),
    "bytes": lambda: b"\xff\xfe",
    "enum": lambda: Colour.RED,
    "class": lambda: Colour,
    "generator": lambda: (n for n in range(3)),
    "set": lambda: {1, "a"},
    "list of lists": lambda: [[1], [[2]]],
    "very deep list": _deep,
    "map within itself": _within_itself,
    "map with keys that are no text": lambda: {1: "a", None: "b", (2,): "c"},
    "map with hostile keys": lambda: {"": 1, "a\ud800": 2, "__x__": 3, "a.b/`c": 4},
    "map that raises": _Broken,
    "lambda": lambda: lambda: None,
}
"""By name, a function that makes the value anew: a generator is used up by its first reader."""
