"""Keeping documents alive: saying something of them when there is nothing new to say."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Generic, Protocol, TypeVar


class Written(Protocol):
    """What knows when it was written last, by the monotonic clock."""

    written_s: float


W = TypeVar("W", bound=Written)


class Heartbeats(Generic[W]):
    """The documents that are to be written however little there is to say. Not thread-safe."""

    def __init__(self) -> None:
        self._kept: dict[W, tuple[Callable[[], None], float]] = {}
        self.next_s = inf
        """When the next may be due; looking at all of them before that is of no use."""

    def keep(self, document: W, beat: Callable[[], None], every_s: float) -> None:
        """Have `beat` called whenever the document was not written for so long."""
        self._kept[document] = (beat, every_s)
        self.next_s = min(self.next_s, document.written_s + every_s)

    def let_go(self, document: W) -> None:
        """Forget a document."""
        self._kept.pop(document, None)

    def due(self, now_s: float) -> list[W]:
        """Return the documents that were silent for too long, after their beats."""
        if now_s < self.next_s:
            return []
        late: list[W] = []
        self.next_s = inf
        for document, (beat, every_s) in self._kept.items():
            due_s = document.written_s + every_s
            if due_s <= now_s:
                beat()
                late.append(document)
                due_s = now_s + every_s
            self.next_s = min(self.next_s, due_s)
        return late
