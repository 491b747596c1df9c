"""The export of spans: an event waits for it, but never longer than its timeout."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from functools import cache

from runtime.settings import settings
from tachograph_schema.tracing.export import (
    Breaker,
    CannotExportError,
    Destination,
    Export,
    open_export,
)
from tachograph_schema.tracing.spans import Span

_log = logging.getLogger(__name__)
MAX_WAITING = 2_000
"""Spans that may wait for a slow backend; further ones are let go."""
_SERVICE = "tachograph-functions"


class Outlet:
    """One thread that exports what events hand it, those of one moment together.

    An event waits, since the processor is taken away when it has been answered. It waits at most
    its timeout, whatever the backend does: one event for a backend that hangs (and those handled at
    the same moment), none while it is known to. A failed export has the next ones let go.
    """

    def __init__(
        self, destination: Destination, timeout_s: float, endpoint: str, breaker: Breaker
    ) -> None:
        self._to, self._timeout_s, self._endpoint = destination, timeout_s, endpoint
        self._breaker = breaker
        self._waiting: list[Span] = []
        self._handed = self._done = 0
        self._is_late = False
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()

    def send(self, spans: Sequence[Span], wait_s: float) -> bool:
        """Export spans; False when they had not arrived within the time, or were let go."""
        with self._changed:
            full = len(self._waiting) + len(spans) > MAX_WAITING
            if full or not self._breaker.may() or not self._is_running():
                return False
            self._waiting += spans
            self._handed += 1
            number = self._handed
            self._changed.notify_all()
            if self._is_late:
                return False
            arrived = self._changed.wait_for(lambda: self._done >= number, wait_s)
            self._is_late = not arrived
            return arrived

    def _is_running(self) -> bool:
        """Start the thread with the first event, after any fork; one that ended stays so."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
            self._thread.start()
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            export = open_export(
                self._to, _SERVICE, timeout_s=self._timeout_s, endpoint=self._endpoint
            )
            while True:
                self._export(export)
        except CannotExportError as refusal:
            _log.error("nothing is traced: %s", refusal)
        finally:
            with self._changed:  # whoever waits need not
                self._done = self._handed
                self._changed.notify_all()

    def _export(self, export: Export) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting)
            spans, self._waiting = self._waiting, []
            number = self._handed
            may = self._breaker.may()
        arrived = may and export(spans)
        with self._changed:
            if may:
                self._breaker.tell(arrived=arrived)
            self._done, self._is_late = number, False
            self._changed.notify_all()


@cache
def outlet() -> Outlet:
    """Return this process's way out."""
    to: Destination = "otlp" if settings().tracing == "otlp" else "cloud"
    timeout_s = settings().trace_timeout_ms / 1000
    return Outlet(to, timeout_s, settings().trace_endpoint, Breaker())
