"""A streamed response on its way to the agent."""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Generic, TypeVar, cast

from tachograph.usage.excerpt import Skimmed

T = TypeVar("T")


class Stream(Generic[T]):
    """Hands each chunk on and skims it; tells what was skimmed, and when, at the end.

    `record` is called once, with the milliseconds to the first chunk and from there to the last.
    """

    def __init__(
        self,
        source: Iterable[T] | AsyncIterable[T],
        began: float,
        record: Callable[[Skimmed, int, int], None],
    ) -> None:
        self._source = source
        self._began = began
        self._record = record
        self._skimmed = Skimmed()
        self._first: float | None = None
        self._last = began
        self._finished = False

    def __iter__(self) -> Iterator[T]:
        try:
            for chunk in cast("Iterable[T]", self._source):
                self._take(chunk)
                yield chunk
        finally:
            self.finish()

    async def __aiter__(self) -> AsyncIterator[T]:
        try:
            async for chunk in cast("AsyncIterable[T]", self._source):
                self._take(chunk)
                yield chunk
        finally:
            self.finish()

    def finish(self) -> None:
        """Record what has passed, once."""
        if not self._finished:
            self._finished = True
            first = self._last if self._first is None else self._first
            ttft_ms, generation_ms = first - self._began, self._last - first
            self._record(self._skimmed, round(1000 * ttft_ms), round(1000 * generation_ms))

    def _take(self, chunk: object) -> None:
        self._last = time.perf_counter()
        if self._first is None:
            self._first = self._last
        self._skimmed.take(chunk)
