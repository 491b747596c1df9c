"""Waiting for documents to be as they should be."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from google.cloud import firestore

LONG_S = 120.0
_AGAIN_S = 5.0
"""The emulator sometimes tells of a document's absence after it told that it was created."""
_Watched = firestore.DocumentReference | firestore.Query | firestore.CollectionReference


def until(
    watched: _Watched, holds: Callable[[list[Mapping[str, Any]]], bool]
) -> list[Mapping[str, Any]]:
    """Return the fields of the documents, once there are some and `holds` approves."""
    seen: list[list[Mapping[str, Any]]] = [[]]
    done = threading.Event()

    def look(documents: Iterable[Any], *_: object) -> None:
        seen[0] = [found.to_dict() for found in documents if found.exists]
        if seen[0] and holds(seen[0]):
            done.set()

    watch: Any = watched.on_snapshot(look)
    try:
        for _ in range(int(LONG_S / _AGAIN_S)):
            if done.wait(_AGAIN_S):
                return seen[0]
            found: Any = watched.get()
            look([found] if isinstance(watched, firestore.DocumentReference) else found)
        raise AssertionError(f"{len(seen[0])} documents: {seen[0][:3]}")
    finally:
        watch.unsubscribe()
