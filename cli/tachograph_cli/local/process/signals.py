"""Signals that ask a command to stop, so that every `with` block ends as it should."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_EXITS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def unwinding() -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP raise while the block runs, however the command was started.

    SIGINT raises KeyboardInterrupt, because a shell starts a background command with SIGINT
    ignored, and Python then installs no handler of its own. SIGTERM and SIGHUP raise SystemExit
    with the shell's status, 128 + the signal's number.
    """

    def leave(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in _EXITS}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
