"""Warnings that are given once for each kind, however often the reason comes again."""

from __future__ import annotations

import logging

_log = logging.getLogger("tachograph")
MAX_KINDS = 200
_warned: set[tuple[str, str]] = set()


def warn_once(kind: str, words: str, *parts: object) -> None:
    """Log a warning, unless one of its kind and words was logged before in this process."""
    key = kind, words
    if key not in _warned and len(_warned) < MAX_KINDS:
        _warned.add(key)
        _log.warning(words, *parts)


def words_of(trouble: BaseException) -> str:
    """Return the type and the words of an exception; one of anybody's class may have no words."""
    try:
        return f"{type(trouble).__name__}: {trouble}"
    except Exception:  # noqa: BLE001 - whatever its text raises, its type is known
        return type(trouble).__name__
