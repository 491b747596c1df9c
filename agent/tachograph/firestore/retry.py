"""The retry policy of writes with a precondition on the version that was read."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from google.api_core.exceptions import Aborted, ResourceExhausted, ServiceUnavailable
from google.api_core.retry import Retry, if_exception_type

from tachograph.process.fork import call

_P = ParamSpec("_P")
_R = TypeVar("_R")


class _BetweenForks(Retry):
    """A policy whose attempts are never in the middle of a fork; the pauses between them may be."""

    def __call__(
        self, func: Callable[_P, _R], on_error: Callable[[Exception], object] | None = None
    ) -> Callable[_P, _R]:
        @functools.wraps(func)
        def attempt(*args: _P.args, **named: _P.kwargs) -> _R:
            with call():
                return func(*args, **named)

        return super().__call__(attempt, on_error)


CONTENDED = _BetweenForks(
    if_exception_type(Aborted, ResourceExhausted, ServiceUnavailable),
    initial=0.1,
    maximum=5.0,
    multiplier=1.5,
    timeout=60.0,
)
"""The library's own policy for a commit, and contention in addition.

Repeating is safe for a write with a precondition: one that landed although its answer was lost is
refused when it is repeated, and the next read shows that it landed.
"""

BACKGROUND = CONTENDED.with_timeout(10.0)
"""The same for a thread that tries again anyway, and is to end soon when its process does."""
