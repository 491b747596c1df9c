"""Scopes, the names that counters are kept under: built and read here and nowhere else.

A scope is `fleet`, `KIND:NAME`, `type:TYPE|model:MODEL` or `label:KEY=VALUE`. Agents choose the
names, so what separates is escaped in them, as in an address: `%` is `%25`, `:` is `%3A`, `=` is
`%3D`, `|` is `%7C`. A name that is literally `_unknown` or `_other` is `%5Funknown` or `%5Fother`,
because the plain words are reserved for what has no name and for the rest of many.
docs/decisions/0026-bounded-documents.md says how documents with unescaped scopes are read.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from tachograph_schema.counters.cells import AnyCells, Cells, renamed
from tachograph_schema.counters.names import OTHER, UNKNOWN

PAIR: Final = "type|model"
"""The dimension of a type of task on a model."""
_ESCAPES: Final = {"%": "%25", ":": "%3A", "=": "%3D", "|": "%7C"}
_ESCAPED = re.compile("|".join(_ESCAPES.values()))
_CHARACTERS: Final = {escape: character for character, escape in _ESCAPES.items()}
_TABLE = str.maketrans(_ESCAPES)


class Reserved(Enum):
    """The words that stand for no name of anybody's."""

    UNKNOWN = UNKNOWN
    OTHER = OTHER


_RESERVED: Final = {word.value: word for word in Reserved}
_LITERALS: Final = {f"%5F{word[1:]}": word for word in _RESERVED}
_LITERAL_OF: Final = {word: escape for escape, word in _LITERALS.items()}


def scope(kind: str, name: str | Reserved | None) -> str:
    """Return the scope of a name, such as `agent:builder-3`; None is a name that is not known."""
    return f"{kind}:{_escaped(name)}"


def pair(task_type: str | Reserved | None, model: str | Reserved | None) -> str:
    """Return the scope of a type of task on a model; None is a name that is not known."""
    return f"type:{_escaped(task_type)}|model:{_escaped(model)}"


def label(key: str, value: str) -> str:
    """Return the scope of a label's value, such as `label:team=core`."""
    return f"label:{_escaped(key)}={_escaped(value)}"


def rest(dimension: str) -> str:
    """Return the scope that holds what a dimension does not tell apart."""
    if dimension == PAIR:
        return f"type:{OTHER}|model:{OTHER}"
    return f"{dimension}={OTHER}" if dimension.startswith("label:") else f"{dimension}:{OTHER}"


def dimension(scope: str) -> str:
    """Name what a scope tells apart: `agent`, `type|model`, `label:team`, or `fleet`.

    A label's key stands in it as it does in the scope, escaped.
    """
    kind, parts = _split(scope)
    return f"label:{parts[0]}" if kind == "label" else kind


def names(scope: str) -> tuple[str | Reserved, ...]:
    """Return the names in a scope, as `scope`, `pair` or `label` was given them."""
    return tuple(_unescaped(part) for part in _split(scope)[1])


def word(name: str) -> str | Reserved:
    """Return a name, or the reserved word that it is.

    The SDK writes `_other` for the models and tools of a task beyond those that it tells apart, and
    a model that nobody stated is `_unknown`: there the words mean what they say.
    """
    return _RESERVED.get(name, name)


def titles(scope: str) -> tuple[str, ...]:
    """Return the names in a scope for a person to read; a label's key is left out.

    Reserved words stay as they are, and a name that is literally one of them stands in quotes.
    """
    kind, parts = _split(scope)
    return tuple(_title(part) for part in (parts[1:] if kind == "label" else parts))


def title(scope: str) -> str:
    """Return a scope's value for a person to read: `fix · claude-sonnet-4-5` of a pair."""
    return " · ".join(titles(scope))


def canonical(scope: str) -> str:
    """Return a scope as it is written today, whether it was written with escapes or before them."""
    kind, parts = _split(scope)
    if not parts:
        return scope
    escaped = [_escaped(_unescaped(part)) for part in parts]
    if kind == PAIR:
        return f"type:{escaped[0]}|model:{escaped[1]}"
    return f"{kind}:{'='.join(escaped)}"


def canonical_cells(cells: AnyCells) -> Cells:
    """Return cells with the scopes of today; two spellings of one scope are added up."""
    return renamed(cells, canonical)


def _split(scope: str) -> tuple[str, list[str]]:
    """Return a scope's kind and its names, still escaped; the first separator counts."""
    kind, separator, value = scope.partition(":")
    if kind == "type" and "|model:" in value:
        return PAIR, value.split("|model:", 1)
    if kind == "label" and "=" in value:
        return kind, value.split("=", 1)
    return kind, [value] if separator else []


def _escaped(name: str | Reserved | None) -> str:
    if name is None:
        return UNKNOWN
    if isinstance(name, Reserved):
        return name.value
    return _LITERAL_OF.get(name) or name.translate(_TABLE)


def _unescaped(part: str) -> str | Reserved:
    if part in _RESERVED:
        return _RESERVED[part]
    return _LITERALS.get(part) or _ESCAPED.sub(lambda escape: _CHARACTERS[escape[0]], part)


def _title(part: str) -> str:
    if part in _LITERALS:
        return f'"{_LITERALS[part]}"'
    name = _unescaped(part)
    return name.value if isinstance(name, Reserved) else name
