"""The settings of tracing: whether a process makes spans, and their destinations."""

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
    """The destinations of a process's spans: any of the three, or none."""

    app: bool = False
    """Into the application's own OpenTelemetry, which samples and exports them."""
    export: Destination | None = None
    """To Cloud Trace (`cloud`) or to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names."""
    batches: bool = False
    """Into the fleet's `traces/`, for the dashboard's waterfall."""
    keep_pct: float | None = None
    """The share of ordinary tasks to keep, in percent; by default the fleet's policy decides."""
    endpoint: str = ""
    """An unencrypted server with the API of Cloud Trace, for tests."""
    calls: bool = True
    """Whether calls of models are spans; False where the application's instruments make them."""


def read_tracing(setting: str | Tracing | None, environment: Mapping[str, str]) -> Tracing | None:
    """Read a setting: `off`, or any of `app`, `cloud`, `otlp` and `batches`, with commas.

    Where neither the program nor TACHOGRAPH_TRACING sets it, spans go into the application's own
    OpenTelemetry, if that is set up. Raises ValueError for any other word.
    """
    if isinstance(setting, Tracing):
        return setting
    text = environment.get(VARIABLE) if setting is None else setting
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
