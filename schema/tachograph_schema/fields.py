"""The types of fields: what is allowed, and how a refusal words it.

Every validator raises ValueError with the words that follow "expected" in a message, so that a
person reads `context_remaining_pct is 140; expected 0-100, the percentage still free`.
"""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

MAX_COUNT = 10**15
"""The largest count or amount taken from one document: sums of 9,000 of them fit an int64."""
MAX_NAME_CHARS = 200
MAX_NAME_BYTES = 400
"""In UTF-8: two names, escaped, are below the 1,500 bytes of a field's name or a document's id."""
MAX_TEXT_CHARS = 2000
MAX_TEXT_BYTES = 8000
MAX_ENTRIES = 64
"""The most entries of a map on a document, such as the models that worked on one task."""
MAX_TOOLS = 12
MAX_MODELS = 4
"""The values that the SDK keeps apart on one task; the rules check each of them."""
MAX_REPORTERS = 200
"""The most processes that report of one task: a refusal would lose what the next one spent."""

T = TypeVar("T")
_RESERVED = re.compile(r"__.*__", re.DOTALL)
_YEARS = range(2000, 3000)
"""The last years that there are overflow as soon as something is added to them."""


def _whole(value: object) -> int:
    expected = "a whole number from 0 to 10^15"
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # clients of other languages write every number as a double
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_COUNT:
        raise ValueError(expected)
    return value


def _number(low: float, high: float, expected: str) -> BeforeValidator:
    def check(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(expected)
        if not (math.isfinite(value) and low <= value <= high):
            raise ValueError(expected)
        return value

    return BeforeValidator(check)


def is_name(value: object) -> bool:
    """Tell whether a value may name something: an agent, a model, a key of a map."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= MAX_NAME_CHARS
        and value.isprintable()  # no lone surrogate is
        and len(value.encode()) <= MAX_NAME_BYTES
        and not _RESERVED.fullmatch(value)
    )


def _name(value: object) -> str:
    if not isinstance(value, str) or not is_name(value):
        raise ValueError(
            f"1-{MAX_NAME_CHARS} printable characters, not of the form __x__, "
            f"of at most {MAX_NAME_BYTES} bytes in UTF-8"
        )
    return value


def is_id(value: object) -> bool:
    """Tell whether a value may be the id of a document: a name that can be a part of its path."""
    if not isinstance(value, str) or not is_name(value):
        return False
    return "/" not in value and value not in (".", "..")


def _id(value: object) -> str:
    if not isinstance(value, str) or not is_id(value):
        raise ValueError(
            f"the id of a document: 1-{MAX_NAME_CHARS} printable characters of at most "
            f"{MAX_NAME_BYTES} bytes, without a slash, neither . nor .., not of the form __x__"
        )
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT_CHARS or not _fits(value):
        raise ValueError(
            f"text of at most {MAX_TEXT_CHARS} characters and {MAX_TEXT_BYTES} bytes in UTF-8"
        )
    return value


def _fits(text: str) -> bool:
    try:
        return len(text.encode()) <= MAX_TEXT_BYTES
    except UnicodeEncodeError:  # half of a surrogate pair is no character
        return False


def _instant(value: object) -> datetime:
    expected = "a timestamp of 2000-2999, or ISO 8601 text of one, with a time zone"
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(expected) from None
    if not isinstance(value, datetime) or value.tzinfo is None or value.year not in _YEARS:
        raise ValueError(expected)
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _entries(value: object) -> object:
    if isinstance(value, dict) and len(value) > MAX_ENTRIES:
        raise ValueError(f"a map of at most {MAX_ENTRIES} entries")
    return value


def _sequences(value: object) -> object:
    if isinstance(value, dict) and len(value) > MAX_REPORTERS:
        raise ValueError(f"a map of at most {MAX_REPORTERS} entries")
    return value


Count = Annotated[int, BeforeValidator(_whole)]
"""A whole number of things, milliseconds, tokens or nano-dollars; never negative."""
Usd = Annotated[float, _number(0, 1e6, "dollars from 0 to 1000000")]
"""US dollars, as agents that know no better report them; stored on as nano-dollars."""
Pct = Annotated[float, _number(0, 100, "0-100, the percentage still free")]
"""Context that is still free, in percent of the window: never what is used."""
Feedback = Annotated[int, _number(-1, 1, "+1, 0 or -1")]
Rate = Annotated[float, _number(0, 1e9, "a number from 0 to 10^9")]
Name = Annotated[str, BeforeValidator(_name)]
"""A name: an id, a model, a type; it may become part of the name of a scope."""
Id = Annotated[str, BeforeValidator(_id)]
"""A reference to a document. It becomes a part of a path, so what cannot be one is refused here."""
Text = Annotated[str, BeforeValidator(_text)]
"""Words for a person; never counted by."""
Instant = Annotated[datetime, BeforeValidator(_instant)]
"""A moment, with its zone."""
Flag = Annotated[bool, BeforeValidator(_flag)]


Map = Annotated[dict[Name, T], BeforeValidator(_entries)]
"""A map on a document: named keys, bounded in number."""

Sequences = Annotated[dict[Name, Count], BeforeValidator(_sequences)]
"""How many of each reporter's reports have landed; every process of a session is a reporter."""


def optional(description: str, **constraints: Any) -> Any:  # noqa: ANN401 - as pydantic's own Field
    """Declare an optional field: absent means unknown, never zero."""
    return Field(default=None, description=description, **constraints)


class Record(BaseModel):
    """The base of documents that functions alone write."""

    model_config = ConfigDict(extra="ignore", frozen=True)
