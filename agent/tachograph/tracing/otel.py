"""The application's own OpenTelemetry, where it has one: its spans and ours become one trace.

Only the API is used; the application's provider samples and exports the spans.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from tachograph_schema.tracing.spans import LINK, Place, Span

if TYPE_CHECKING:
    from opentelemetry.trace import Span as LiveSpan
    from opentelemetry.trace import SpanContext

_TRACER = "tachograph"


def has_provider() -> bool:
    """Tell whether the application has set up tracing, without importing anything."""
    api = _loaded()
    if api is None:
        return False
    provider = api.get_tracer_provider()
    return not isinstance(provider, api.ProxyTracerProvider | api.NoOpTracerProvider)


def current_place() -> Place | None:
    """Return the application's current span, if it has one."""
    api = _loaded()
    if api is None:
        return None
    context = api.get_current_span().get_span_context()
    return _place(context) if context.is_valid else None


class LiveSpans:
    """Our spans that have begun and not ended, as the application's provider made them."""

    def __init__(self) -> None:
        from opentelemetry import trace  # noqa: PLC0415 - only where tracing is on

        self._tracer = trace.get_tracer(_TRACER)
        self._open: dict[str, LiveSpan] = {}

    def start(self, span: Span) -> None:
        """Begin a span, and take the ids that the provider gives it."""
        from opentelemetry import trace  # noqa: PLC0415 - as above
        from opentelemetry.context import Context  # noqa: PLC0415

        parent = Context()
        if span.parent_id:
            above = self._open.get(span.parent_id)
            place = Place(span.trace_id, span.parent_id)
            parent = trace.set_span_in_context(
                above or trace.NonRecordingSpan(_context(place)), parent
            )
        links = [trace.Link(_context(place), {LINK: relation}) for place, relation in span.links]
        live = self._tracer.start_span(
            span.name,
            parent,
            trace.SpanKind[span.kind.upper()],
            span.attributes,
            links,
            span.start_ns,
        )
        given = live.get_span_context()
        if given.is_valid:
            place = _place(given)
            span.trace_id, span.span_id = place.trace_id, place.span_id
        self._open[span.span_id] = live

    def end(self, span: Span) -> None:
        """End a span with its final attributes."""
        from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 - as above

        live = self._open.pop(span.span_id, None)
        if live is not None:
            live.set_attributes(span.attributes)
            live.update_name(span.name)
            if span.error is not None:
                live.set_status(Status(StatusCode.ERROR, span.error))
            live.end(span.end_ns)

    def enter(self, span: Span) -> object:
        """Make a span the current one, so that spans of other libraries are below it."""
        from opentelemetry import context, trace  # noqa: PLC0415 - as above

        live = self._open.get(span.span_id)
        return None if live is None else context.attach(trace.set_span_in_context(live))

    @staticmethod
    def leave(token: Any) -> None:  # noqa: ANN401 - what `enter` returned
        """Make the span before it the current one again."""
        from opentelemetry import context  # noqa: PLC0415 - as above

        if token is not None:
            context.detach(token)


def _loaded() -> Any:  # noqa: ANN401 - a module, if it is there
    """Return the API if it is imported completely: another thread may be importing it."""
    api = sys.modules.get("opentelemetry.trace")
    return api if hasattr(api, "get_current_span") and hasattr(api, "use_span") else None


def _context(place: Place) -> SpanContext:
    from opentelemetry.trace import SpanContext, TraceFlags  # noqa: PLC0415 - as above

    flags = TraceFlags(int(place.sampled))
    return SpanContext(int(place.trace_id, 16), int(place.span_id, 16), True, flags)  # noqa: FBT003


def _place(context: SpanContext) -> Place:
    sampled = bool(context.trace_flags & 1)
    return Place(f"{context.trace_id:032x}", f"{context.span_id:016x}", sampled)
