"""The destinations of a process's spans: a trace back end, and the fleet's `traces/`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from google.api_core.exceptions import AlreadyExists, GoogleAPICallError, RetryError
from google.cloud import firestore

from tachograph.process.fork import call
from tachograph.tracing.batches import batches
from tachograph.tracing.buffer import TraceBuffer
from tachograph.tracing.settings import Tracing
from tachograph_schema.documents.fleet import TracingPolicy
from tachograph_schema.paths import BATCHES, TRACES, DocumentPath
from tachograph_schema.tracing.export import Breaker, CannotExportError, Export, open_export
from tachograph_schema.tracing.sampling import KeepReason
from tachograph_schema.tracing.spans import SESSION_ID, Span, digest

_log = logging.getLogger("tachograph")
_SERVICE: Final = "tachograph-agent"
_EXPORT_TIMEOUT_S: Final = 5.0
_WRITE_TIMEOUT_S: Final = 30.0
_EXPORTED_AT_ONCE: Final = 500


class Destinations:
    """Sends kept spans wherever the settings say; a failure is logged and never raised."""

    def __init__(self, fleet: str, client: firestore.Client, tracing: Tracing) -> None:
        self._fleet, self._client, self._tracing = fleet, client, tracing
        self._export: Export | None = None
        self._breaker = Breaker()

    def open(self) -> None:
        """Open the exporter, which takes long to import: in the background."""
        if self._tracing.export is None:
            return
        try:
            self._export = open_export(
                self._tracing.export,
                _SERVICE,
                timeout_s=_EXPORT_TIMEOUT_S,
                endpoint=self._tracing.endpoint,
            )
        except CannotExportError as refusal:
            _log.warning("%s", refusal)

    def close(self) -> None:
        """Let go of the exporter, whose connection ends with it."""
        self._export = None

    @property
    def any(self) -> bool:
        """Whether there is a place to send spans to."""
        return self._export is not None or self._tracing.batches

    def send(
        self, buffer: TraceBuffer, spans: Sequence[Span], kept: KeepReason, policy: TracingPolicy
    ) -> None:
        """Send spans of a task; one that no place takes is lost."""
        if self._export is not None and self._breaker.may():
            for start in range(0, len(spans), _EXPORTED_AT_ONCE):
                arrived = self._export(spans[start : start + _EXPORTED_AT_ONCE])
                self._breaker.tell(arrived=arrived)
                if not arrived:
                    break
        if self._tracing.batches:
            expires_at = datetime.now(UTC) + timedelta(days=policy.trace_days)
            for fields in batches(spans, kept, expires_at):
                self._write(buffer, fields)

    def _write(self, buffer: TraceBuffer, fields: dict[str, Any]) -> None:
        """Create the next batch of a task's spans; an existing one holds the same spans."""
        session = buffer.span.attributes.get(SESSION_ID, "")
        number = buffer.batches
        buffer.batches += 1
        path = DocumentPath(self._fleet, TRACES, buffer.span.trace_id)
        name = f"{buffer.span.span_id}-{digest(str(session))[:8]}-{number}"
        try:
            batch = self._client.document(f"{path}/{BATCHES}/{name}")
            with call():
                batch.create(fields, retry=None, timeout=_WRITE_TIMEOUT_S)
        except AlreadyExists:
            return
        except (GoogleAPICallError, RetryError) as trouble:
            _log.warning("%s/%s/%s is not written: %s", path, BATCHES, name, trouble)
