"""Waiting for documents to be as they should be: told by a listener, not asked again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from google.cloud import firestore

LONG_S = 120.0
_Watched = firestore.DocumentReference | firestore.Query | firestore.CollectionReference


def until(
    watched: _Watched, holds: Callable[[list[Mapping[str, Any]]], bool]
) -> list[Mapping[str, Any]]:
    """Return the fields of the documents, as soon as `holds` says that they are as they should."""
    seen: list[list[Mapping[str, Any]]] = [[]]
    done = threading.Event()

    def look(documents: list[Any], *_: object) -> None:
        seen[0] = [found.to_dict() or {} for found in documents]
        if holds(seen[0]):
            done.set()

    watch: Any = watched.on_snapshot(look)
    try:
        assert done.wait(LONG_S), f"{len(seen[0])} documents: {seen[0][:3]}"
    finally:
        watch.unsubscribe()
    return seen[0]
