"""The `with` and `async with` statements of the package: one set of dunders for all of them."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import ClassVar, Self


class Block:
    """A context manager that works in `with` and in `async with`.

    A subclass says what entering and leaving does. `async with` calls the same two methods: in the
    event loop, or in a thread where they wait for the network (`_blocking`).
    """

    __slots__ = ()
    _blocking: ClassVar[bool] = False

    def _enter(self) -> None:
        """Begin the block."""

    def _leave(self, error: type[BaseException] | None) -> None:
        """End the block, which `error` has left; None where no exception did."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._enter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leave(kind)

    async def __aenter__(self) -> Self:
        if self._blocking:
            await asyncio.to_thread(self._enter)
        else:
            self._enter()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._blocking:
            await asyncio.to_thread(self._leave, kind)
        else:
            self._leave(kind)


def failed(error: type[BaseException] | None) -> bool:
    """Tell whether a block failed: not where it was interrupted, cancelled or left to exit."""
    return error is not None and issubclass(error, Exception)
