"""Listening to Firestore at a price an agent can pay: idle while offline, and a clear refusal.

The library's own listener uses a whole core while there is no network, and raises a refusal in a
thread of its own, where nobody can catch it.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import Any

from google.api_core.exceptions import Cancelled
from google.cloud import firestore
from google.cloud.firestore_v1.watch import Watch

from tachograph.process.warnings import warn_once

_log = logging.getLogger("tachograph")
_REOPEN_AFTER_S = 1.0


def listen(source: Any, on_documents: Callable[..., None]) -> Listener:  # noqa: ANN401 - either of two
    """Listen to a document or a query; `Listener.on_end` reports a refusal."""
    one = isinstance(source, firestore.DocumentReference)
    start: Callable[..., Listener] = Listener.for_document if one else Listener.for_query

    def guarded(*documents: Any) -> None:  # noqa: ANN401 - the library's
        try:
            on_documents(*documents)
        except Exception as trouble:  # noqa: BLE001 - the next answer comes by the same thread
            warn_once(type(trouble).__name__, "a document is passed over: %s", trouble)

    return start(source, guarded, firestore.DocumentSnapshot)


def listen_or_warn(
    source: Any,  # noqa: ANN401 - either of two
    on_documents: Callable[..., None],
    subject: str,
) -> Listener:
    """Listen to a document or a query; a refusal is logged as a warning about `subject`."""
    listener = listen(source, on_documents)
    listener.on_end(lambda refusal: _log.warning("%s cannot be listened to: %s", subject, refusal))
    return listener


class Listener(Watch):
    """The library's listener, which reports why it ended and waits a second between attempts."""

    _lock = threading.Lock()
    _process = 0
    _reason: Exception | None = None
    _ended: Callable[[Exception], None] | None = None

    def _init_stream(self) -> None:
        self._delay = _ReopenDelay()
        self._process = os.getpid()
        super()._init_stream()  # type: ignore[no-untyped-call]  # Google's
        # There is no public way to either.
        stream: Any = self._rpc
        stream._reopen_throttle = self._delay  # noqa: SLF001
        ends: Callable[[Exception], bool] = stream._should_terminate  # noqa: SLF001
        stream._should_terminate = lambda error: self._delay.over.is_set() or ends(error)  # noqa: SLF001

    def on_end(self, ended: Callable[[Exception], None]) -> None:
        """Call `ended` with the reason when the listener ends, also where it has already."""
        with self._lock:
            self._ended, reason = ended, self._reason
        if reason is not None:
            ended(reason)

    def on_snapshot(self, proto: Any) -> None:  # noqa: ANN401 - the library's
        """Take an answer; for a refusal the library raises in a thread where nobody catches it."""
        try:
            super().on_snapshot(proto)  # type: ignore[no-untyped-call]  # Google's
        except RuntimeError as refusal:
            cause = refusal.__cause__
            self._end(cause if isinstance(cause, Exception) else refusal)

    def close(self, reason: Any = None) -> None:  # noqa: ANN401 - the library's
        """Stop listening."""
        self._delay.over.set()
        super().close()  # type: ignore[no-untyped-call]  # Google's
        if reason is not None:
            self._end(reason if isinstance(reason, Exception) else RuntimeError(str(reason)))

    def _end(self, reason: Exception) -> None:
        if os.getpid() != self._process:
            return  # gRPC ends the parent's streams in a forked child, which opens its own
        with self._lock:
            self._reason, ended = reason, self._ended
        if ended is not None:
            ended(reason)


class _ReopenDelay:
    """The pause before a stream is opened again; the stream of a closed listener is not.

    Without this, the library opens the stream of a closed listener again for as long as Firestore
    cannot be reached, 370 times a second, each time in a new thread.
    """

    def __init__(self) -> None:
        self.over = threading.Event()

    def __enter__(self) -> None:
        if self.over.wait(_REOPEN_AFTER_S):
            raise Cancelled("the listener is closed")  # type: ignore[no-untyped-call]  # Google's

    def __exit__(self, *_: object) -> None:
        return None
