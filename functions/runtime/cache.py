"""One bounded cache with a maximum age, for what a process remembers between two events."""

from __future__ import annotations

import math
import threading
import time
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Cache(Generic[K, V]):
    """A map that forgets an entry after `max_age_s` seconds, and the oldest when it is full.

    Ages are measured by the monotonic clock. Any thread may use it, because the server answers
    several events of one process at the same time.
    """

    def __init__(self, max_entries: int, max_age_s: float = math.inf) -> None:
        self._max_entries, self._max_age_s = max_entries, max_age_s
        self._entries: dict[K, tuple[float, V]] = {}
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """Return the value of a key; None where there is none, or one that is too old."""
        with self._lock:
            return self._get(key)

    def put(self, key: K, value: V) -> None:
        """Remember the value of a key from now on."""
        with self._lock:
            self._put(key, value)

    def change(self, key: K, value: V) -> bool:
        """Remember a value and return True; False where it is the value already."""
        with self._lock:
            if self._get(key) == value:
                return False
            self._put(key, value)
            return True

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()

    def _get(self, key: K) -> V | None:
        put_at, value = self._entries.get(key, (-math.inf, None))
        return value if time.monotonic() - put_at < self._max_age_s else None

    def _put(self, key: K, value: V) -> None:
        self._entries.pop(key, None)  # so that the entries stay in the order of their age
        if len(self._entries) >= self._max_entries:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = (time.monotonic(), value)
