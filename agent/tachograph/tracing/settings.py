"""Whether a process's spans are made, and where they go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tachograph.tracing import otel

if TYPE_CHECKING:
    from tachograph_schema.tracing.export import Destination

VARIABLE: Final = "TACHOGRAPH_TRACING"
ENDPOINT: Final = "TACHOGRAPH_TRACE_ENDPOINT"
_WORDS: Final = frozenset({"off", "app", "cloud", "otlp", "batches"})


@dataclass(frozen=True, slots=True)
class Tracing:
    """Where a process's spans go: to any of the three, or nowhere."""

    app: bool = False
    """Into the application's own OpenTelemetry, which samples and exports them."""
    export: Destination | None = None
    """To Cloud Trace (`cloud`) or to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names."""
    batches: bool = False
    """Into the fleet's `traces/`, for the dashboard's waterfall."""
    keep_pct: float | None = None
    """What is kept of ordinary tasks, in percent; by default what the fleet's policy says."""
    endpoint: str = ""
    """Another server that speaks as Cloud Trace does, unencrypted: for tests."""
    calls: bool = True
    """Whether calls of models are spans: not where the application's instruments make them."""


def read_tracing(said: str | Tracing | None, environment: Mapping[str, str]) -> Tracing | None:
    """Read what is asked for: `off`, or any of `app`, `cloud`, `otlp` and `batches`, with commas.

    Where neither the program nor TACHOGRAPH_TRACING says anything, spans go into the application's
    own OpenTelemetry if it has set that up. ValueError says what is wrong.
    """
    if isinstance(said, Tracing):
        return said
    text = environment.get(VARIABLE) if said is None else said
    if not text:
        return Tracing(app=True) if otel.has_provider() else None
    words = {word.strip() for word in text.split(",")}
    if words - _WORDS or {"cloud", "otlp"} <= words:
        raise ValueError(
            f"{VARIABLE} is {text!r}; expected off, or any of app, batches and one of cloud, otlp"
        )
    if "off" in words:
        return None
    exports: tuple[Destination, ...] = ("cloud", "otlp")
    export = next((to for to in exports if to in words), None)
    endpoint = environment.get(ENDPOINT, "")
    return Tracing("app" in words, export, "batches" in words, endpoint=endpoint)
