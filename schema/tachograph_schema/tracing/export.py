"""Where spans go: to Cloud Trace or to an OTLP collector, each call bounded.

OpenTelemetry is imported when an export is opened, so that nothing of it is where tracing is off.
"""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from tachograph_schema.tracing.spans import LINK, Span

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

_log = logging.getLogger("tachograph")
Destination = Literal["cloud", "otlp"]
Export = Callable[[Sequence[Span]], bool]
"""Exports spans within its timeout and tells whether they arrived."""
OTLP_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_OTLP_VARIABLES: Final = (OTLP_ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_FIRST_PAUSE_S: Final = 30.0
_LONGEST_PAUSE_S: Final = 300.0


class CannotExportError(Exception):
    """No retry can open an export: something is not installed, or there are no credentials."""


class Breaker:
    """Lets exports through until one fails; then one in 30 s, and in up to 5 min if that fails."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._closed_until = 0.0
        self._pause_s = _FIRST_PAUSE_S

    def may(self) -> bool:
        """Tell whether an export may be tried."""
        return self._clock() >= self._closed_until

    def tell(self, *, arrived: bool) -> None:
        """Note how an export went."""
        if arrived:
            self._pause_s = _FIRST_PAUSE_S
        else:
            self._closed_until = self._clock() + self._pause_s
            self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)


def open_export(
    destination: Destination, service: str, *, timeout_s: float, endpoint: str = ""
) -> Export:
    """Open an export of this process's spans.

    `cloud` is Cloud Trace, unless the environment names an OTLP collector. `endpoint` is another
    server that speaks as Cloud Trace does, without encryption: a test's. Raises CannotExportError.
    """
    try:
        if destination == "otlp" or any(map(os.environ.get, _OTLP_VARIABLES)):
            return _Exports(_otlp(timeout_s), service)
        client = _Bounded(_client(endpoint), timeout_s)
        exporter = _cloud(client)
        return _Exports(exporter, service, lambda: client.arrived)
    except ImportError as missing:
        raise CannotExportError(
            f"tracing to {destination} needs {missing.name}; install it with: "
            "pip install 'tachograph[tracing]'"
        ) from missing


class _Exports:
    def __init__(
        self, exporter: SpanExporter, service: str, arrived: Callable[[], bool] = lambda: True
    ) -> None:
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - only where tracing is on
        from opentelemetry.sdk.trace.export import SpanExportResult  # noqa: PLC0415 - likewise

        self._exporter = exporter
        self._success, self._arrived = SpanExportResult.SUCCESS, arrived
        self._resource = Resource.create(
            {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": service}
        )

    def __call__(self, spans: Sequence[Span]) -> bool:
        converted = [_readable(span, self._resource) for span in spans]
        return self._exporter.export(converted) is self._success and self._arrived()


class _Bounded:
    """Cloud Trace's client, asked once and briefly: by itself it tries for two minutes.

    A refusal is a line of the log: the exporter would write a page.
    """

    def __init__(self, client: Any, timeout_s: float) -> None:  # noqa: ANN401 - carries no types
        self._client, self._timeout_s = client, timeout_s
        self.arrived = True

    def batch_write_spans(self, request: Any) -> None:  # noqa: ANN401 - carries no types
        from google.api_core.exceptions import GoogleAPICallError  # noqa: PLC0415 - as above

        self.arrived = False
        try:
            self._client.batch_write_spans(request=request, retry=None, timeout=self._timeout_s)
            self.arrived = True
        except GoogleAPICallError as refusal:
            _log.warning("Cloud Trace did not take %d spans: %s", len(request.spans), refusal)


def _client(endpoint: str) -> Any:  # noqa: ANN401 - carries no types
    from google.auth.exceptions import DefaultCredentialsError  # noqa: PLC0415 - as above
    from google.cloud.trace_v2 import TraceServiceClient  # noqa: PLC0415

    if endpoint:
        return _plain_client(endpoint)
    try:
        return TraceServiceClient()
    except DefaultCredentialsError as refusal:
        raise CannotExportError(f"tracing to cloud needs credentials: {refusal}") from refusal


def _cloud(client: _Bounded) -> SpanExporter:
    from google.auth.exceptions import DefaultCredentialsError  # noqa: PLC0415 - as above
    from opentelemetry.exporter.cloud_trace import CloudTraceSpanExporter  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            # It says that OTLP is to replace it; whoever wants that sets OTLP's endpoint.
            warnings.simplefilter("ignore", DeprecationWarning)
            return CloudTraceSpanExporter(  # type: ignore[no-untyped-call]  # carries no types
                project_id=os.environ.get("GOOGLE_CLOUD_PROJECT"),
                client=client,
                resource_regex=r"service\..*",
            )
    except DefaultCredentialsError as refusal:
        raise CannotExportError(f"tracing to cloud needs a project: {refusal}") from refusal


def _plain_client(endpoint: str) -> Any:  # noqa: ANN401 - carries no types
    import grpc  # noqa: PLC0415 - as above
    from google.cloud.trace_v2 import TraceServiceClient  # noqa: PLC0415
    from google.cloud.trace_v2.services.trace_service.transports import (  # noqa: PLC0415
        TraceServiceGrpcTransport,
    )

    channel = grpc.insecure_channel(endpoint)
    return TraceServiceClient(transport=TraceServiceGrpcTransport(channel=channel))


def _otlp(timeout_s: float) -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - as above
        OTLPSpanExporter,
    )

    endpoint = next(filter(None, map(os.environ.get, _OTLP_VARIABLES)), "")
    if not (urlsplit(endpoint).hostname or "").endswith(".googleapis.com"):
        return OTLPSpanExporter(timeout=timeout_s)
    import google.auth  # noqa: PLC0415 - only to Google's own collector
    from google.auth.transport.requests import AuthorizedSession  # noqa: PLC0415

    try:
        credentials, _ = google.auth.default(["https://www.googleapis.com/auth/cloud-platform"])
    except google.auth.exceptions.DefaultCredentialsError as refusal:
        raise CannotExportError(f"tracing to {endpoint} needs credentials: {refusal}") from refusal
    session: Any = AuthorizedSession
    return OTLPSpanExporter(timeout=timeout_s, session=session(credentials))


def _readable(span: Span, resource: Any) -> ReadableSpan:  # noqa: ANN401 - imported late
    """Return a span as exporters take it; it was made elsewhere, so there is no tracer's span."""
    from opentelemetry.sdk.trace import ReadableSpan  # noqa: PLC0415 - only where tracing is on
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415
    from opentelemetry.trace import (  # noqa: PLC0415
        Link,
        SpanContext,
        SpanKind,
        Status,
        StatusCode,
        TraceFlags,
    )

    def context(trace_id: str, span_id: str, *, remote: bool) -> SpanContext:
        sampled = TraceFlags(TraceFlags.SAMPLED)
        return SpanContext(int(trace_id, 16), int(span_id, 16), remote, sampled)

    links = [
        Link(context(place.trace_id, place.span_id, remote=True), {LINK: what})
        for place, what in span.links
    ]
    parent = span.parent_id and context(span.trace_id, span.parent_id, remote=True)
    failed = span.error is not None
    return ReadableSpan(
        name=span.name,
        context=context(span.trace_id, span.span_id, remote=False),
        parent=parent or None,
        resource=resource,
        attributes=span.attributes,
        links=links,
        kind=SpanKind[span.kind.upper()],
        status=Status(StatusCode.ERROR, span.error) if failed else Status(StatusCode.UNSET),
        start_time=span.start_ns,
        end_time=max(span.end_ns, span.start_ns + 1),
        instrumentation_scope=InstrumentationScope("tachograph"),
    )
