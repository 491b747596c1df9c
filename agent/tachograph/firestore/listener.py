"""Listening to Firestore, as an agent can afford it: offline it idles, refused it says so.

The library's own listener takes a core while there is no network, and raises what it is refused
for in threads of its own, where nobody can catch it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from google.cloud import firestore
from google.cloud.firestore_v1.watch import Watch

_log = logging.getLogger("tachograph")
_BREATH_S = 1.0


def listen(source: Any, hear: Callable[..., None]) -> Listener:  # noqa: ANN401 - either of two
    """Listen to a document or a query; a refusal is the listener's to `tell`."""
    one = isinstance(source, firestore.DocumentReference)
    begin: Callable[..., Listener] = Listener.for_document if one else Listener.for_query
    return begin(source, hear, firestore.DocumentSnapshot)


def listen_or_warn(
    source: Any,  # noqa: ANN401 - either of two
    hear: Callable[..., None],
    what: str,
) -> Listener:
    """Listen to a document or a query; a refusal is a warning that names `what` is not heard."""
    listener = listen(source, hear)
    listener.tell(lambda refusal: _log.warning("%s cannot be listened to: %s", what, refusal))
    return listener


class Listener(Watch):
    """A listener that tells why it ended, where the library's raises in threads of its own.

    And one that takes a breath between two attempts: offline, the library's takes a core.
    """

    _lock = threading.Lock()
    _reason: Exception | None = None
    _told: Callable[[Exception], None] | None = None

    def _init_stream(self) -> None:
        self._breath = _Breath()
        super()._init_stream()  # type: ignore[no-untyped-call]  # Google's
        stream: Any = self._rpc
        stream._reopen_throttle = self._breath  # noqa: SLF001 - what it is opened with, is not ours

    def tell(self, told: Callable[[Exception], None]) -> None:
        """Have somebody told why the listener ended, even if it has."""
        with self._lock:
            self._told, reason = told, self._reason
        if reason is not None:
            told(reason)

    def on_snapshot(self, proto: Any) -> None:  # noqa: ANN401 - the library's
        """Take an answer; that it is a refusal, the library raises where nobody catches it."""
        try:
            super().on_snapshot(proto)  # type: ignore[no-untyped-call]  # Google's
        except RuntimeError as refusal:
            cause = refusal.__cause__
            self._end(cause if isinstance(cause, Exception) else refusal)

    def close(self, reason: Any = None) -> None:  # noqa: ANN401 - the library's
        """Stop listening."""
        self._breath.ends.set()
        super().close()  # type: ignore[no-untyped-call]  # Google's
        if reason is not None:
            self._end(reason if isinstance(reason, Exception) else RuntimeError(str(reason)))

    def _end(self, reason: Exception) -> None:
        with self._lock:
            self._reason, told = reason, self._told
        if told is not None:
            told(reason)


class _Breath:
    """What a stream waits for before it is opened anew."""

    def __init__(self) -> None:
        self.ends = threading.Event()

    def __enter__(self) -> None:
        self.ends.wait(_BREATH_S)

    def __exit__(self, *_: object) -> None:
        return None
