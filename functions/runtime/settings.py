"""The settings of a deployment, read once from TACHOGRAPH_* variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Settings:
    """Every setting has a default and is a Terraform variable of the same name."""

    database: str = "(default)"
    policy_seconds: int = 60
    """How long a fleet's policies are remembered."""
    tick_on_write: bool = True
    """Whether a write may tick its fleet; without it only the scheduler does, each minute."""
    retry_seconds: int = 20
    """How long a commit is retried in place before the event goes back to Eventarc."""
    tick_caller: str = ""
    """The service account that may call the tick, by its e-mail; `anyone` in an emulator."""
    tracing: str = "off"
    """Where spans go: `cloud` is Cloud Trace, `otlp` is what OTEL_EXPORTER_OTLP_ENDPOINT names."""
    trace_timeout_ms: int = 500
    """How long an event waits for its spans to be exported, at most."""
    trace_keep_pct: int = 15
    """The share of traces that is kept of events that did not fail, in percent."""
    trace_endpoint: str = ""
    """Another server that speaks as Cloud Trace does, unencrypted: for tests."""
    run_endpoint: str = ""
    """A server that starts jobs instead of Cloud Run, `HOST:PORT` without TLS: for tests."""


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings of an environment; ValueError says which variable is wrong and how."""
    return Settings(
        database=environment.get("TACHOGRAPH_DATABASE", Settings.database),
        tick_on_write=_flag(environment, "TACHOGRAPH_TICK_ON_WRITE", Settings.tick_on_write),
        policy_seconds=_whole(environment, "TACHOGRAPH_POLICY_SECONDS", Settings.policy_seconds),
        retry_seconds=_whole(environment, "TACHOGRAPH_RETRY_SECONDS", Settings.retry_seconds),
        tick_caller=environment.get("TACHOGRAPH_TICK_CALLER", Settings.tick_caller),
        tracing=_tracing(environment),
        trace_timeout_ms=_whole(
            environment, "TACHOGRAPH_TRACE_TIMEOUT_MS", Settings.trace_timeout_ms
        ),
        trace_keep_pct=_whole(environment, "TACHOGRAPH_TRACE_KEEP_PCT", Settings.trace_keep_pct),
        trace_endpoint=environment.get("TACHOGRAPH_TRACE_ENDPOINT", Settings.trace_endpoint),
        run_endpoint=environment.get("TACHOGRAPH_RUN_ENDPOINT", Settings.run_endpoint),
    )


@cache
def settings() -> Settings:
    """Return this process's settings."""
    return read_settings(os.environ)


def _whole(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not int(text):
        raise ValueError(f"{name} is {text!r}; expected a whole number above 0, such as {default}")
    return int(text)


def _tracing(environment: Mapping[str, str]) -> str:
    """Read where spans go; agents, which read the same variable, know further words."""
    text = environment.get("TACHOGRAPH_TRACING") or Settings.tracing
    words = {word.strip() for word in text.split(",")}
    if words - {"cloud", "otlp", "off", "app", "batches"}:
        raise ValueError(f"TACHOGRAPH_TRACING is {text!r}; expected cloud, otlp or off")
    return "otlp" if "otlp" in words else "cloud" if "cloud" in words else "off"


def _flag(environment: Mapping[str, str], name: str, default: bool) -> bool:  # noqa: FBT001
    text = environment.get(name, str(default).lower())
    if text not in ("true", "false"):
        raise ValueError(f"{name} is {text!r}; expected true or false")
    return text == "true"
