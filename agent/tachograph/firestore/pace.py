"""When a document is written, and when one that failed is tried again."""

from __future__ import annotations

import functools
from collections.abc import Callable
from math import inf
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

MOST_WAIT_S = 32.0
"""The longest wait for another attempt at a document that is refused."""
_MOST_DOUBLINGS = 32
_PACE = ((60, 1), (168, 5), (368, 15), (668, 60), (inf, 300))
"""Up to so many writes of a document, and the intervals between two of them: with one of a second,
through its first minute, ten minutes, hour, six hours, and after."""
_MOST_PACE_S = 300.0


def retry_wait_s(interval_s: float, refusals: int) -> float:
    """Return the seconds until a document is tried again, by its refusals in a row before.

    A refusal is one of the rules, or of a token that has ended. It may be for good, so the wait
    doubles, up to MOST_WAIT_S; any other trouble is tried again after the interval.
    """
    doubled_s = interval_s * 2.0 ** min(refusals, _MOST_DOUBLINGS)
    return max(interval_s, min(MOST_WAIT_S, doubled_s))


def pace_s(interval_s: float, writes: int) -> float:
    """Return the least seconds between two writes of a document, by its writes before.

    What lasts is written less often: each second at first, every 5 minutes after six hours. So a
    task that reports all day costs under a thousand writes. A longer interval stays as it is.
    """
    intervals = next(n for most, n in _PACE if writes < most)
    return max(interval_s, min(_MOST_PACE_S, intervals * interval_s))


def due_s(now_s: float, wait_s: float, written_s: float, interval_s: float, writes: int) -> float:
    """Return when a document that changes now is due, by the monotonic clock.

    What comes after a silence waits `wait_s` alone, for others to come with it.
    """
    return max(now_s + wait_s, written_s + pace_s(interval_s, writes))
