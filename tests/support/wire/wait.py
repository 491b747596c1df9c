"""Waiting until documents fulfil a condition."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from google.cloud import firestore

LONG_S = 120.0
_AGAIN_S = 5.0
"""The interval of reading, because the emulator sometimes reports a new document as absent."""
_Watched = firestore.DocumentReference | firestore.Query | firestore.CollectionReference


def until(
    watched: _Watched, holds: Callable[[list[Mapping[str, Any]]], bool]
) -> list[Mapping[str, Any]]:
    """Return the fields of a document, or of a query's, once `holds` is true of them.

    Raises AssertionError after 120 s.
    """
    latest: list[list[Mapping[str, Any]]] = [[]]
    done = threading.Event()

    def look(documents: Iterable[Any], *_: object) -> None:
        latest[0] = [document.to_dict() for document in documents if document.exists]
        if latest[0] and holds(latest[0]):
            done.set()

    watch: Any = watched.on_snapshot(look)
    try:
        for _ in range(int(LONG_S / _AGAIN_S)):
            if done.wait(_AGAIN_S):
                return latest[0]
            current: Any = watched.get()
            look([current] if isinstance(watched, firestore.DocumentReference) else current)
        raise AssertionError(f"{len(latest[0])} documents: {latest[0][:3]}")
    finally:
        watch.unsubscribe()
