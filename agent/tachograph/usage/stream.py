"""A streamed response on its way to the agent."""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Generic, TypeVar, cast

from tachograph.process.warnings import warn_once
from tachograph.usage.excerpt import Excerpt

T = TypeVar("T")


class Stream(Generic[T]):
    """Passes each chunk on to the agent, and records the excerpt of them all at the end.

    `record` takes the milliseconds to the first chunk, and from there to the last.
    """

    def __init__(
        self,
        source: Iterable[T] | AsyncIterable[T],
        began_s: float,
        record: Callable[[Excerpt, int, int], None],
    ) -> None:
        self._source = source
        self._began_s = began_s
        self._record = record
        self._excerpt = Excerpt()
        self._first: float | None = None
        self._last = began_s
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
        """Record the chunks that have passed, once."""
        if not self._finished:
            self._finished = True
            first = self._last if self._first is None else self._first
            ttft_ms, generation_ms = first - self._began_s, self._last - first
            self._record(self._excerpt, round(1000 * ttft_ms), round(1000 * generation_ms))

    def _take(self, chunk: object) -> None:
        self._last = time.perf_counter()
        if self._first is None:
            self._first = self._last
        try:
            self._excerpt.take(chunk)
        except Exception as trouble:  # noqa: BLE001 - a chunk is of a class of anybody's
            kind = type(chunk).__name__
            warn_once(kind, "a chunk of the type %s cannot be read: %s", kind, type(trouble))
