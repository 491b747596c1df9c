"""Record calls with one library and print the nanoseconds of each call, as JSON.

Run by bench/peers/__init__.py in the environment that has that library:
`python call.py NAME CALLS PAUSE_S`.
Every library sends in the background, as by default, to the address in its environment.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

# A library is imported by the one run that is about it.
# ruff: noqa: PLC0415

MODEL = "claude-sonnet-4-5"
_USAGE = {
    "input_tokens": 900,
    "cache_read_input_tokens": 41_000,
    "cache_creation_input_tokens": 0,
    "output_tokens": 350,
}
_RESPONSE = {"type": "message", "model": MODEL, "stop_reason": "end_turn", "usage": _USAGE}
_ATTRIBUTES: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": MODEL,
    "gen_ai.response.model": MODEL,
    "gen_ai.usage.input_tokens": 41_900,
    "gen_ai.usage.cache_read.input_tokens": 41_000,
    "gen_ai.usage.output_tokens": 350,
}


def tachograph() -> Callable[[], None]:
    """Record a provider's response with our SDK."""
    from tachograph import Fleet

    session = Fleet("bench").session("b-1", model=MODEL, context_window=200_000)
    task = session.task("t-1")

    def call() -> None:
        with task.llm_call(model=MODEL, provider="anthropic") as recorded:
            recorded.record(_RESPONSE)

    return call


def opentelemetry() -> Callable[[], None]:
    """Make a span by the GenAI conventions with the plain SDK."""
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    tracer = trace.get_tracer("bench")

    def call() -> None:
        with tracer.start_as_current_span(f"chat {MODEL}") as span:
            span.set_attributes(_ATTRIBUTES)

    return call


def langfuse() -> Callable[[], None]:
    """Make a generation with Langfuse."""
    import langfuse as library

    client = library.Langfuse()

    def call() -> None:
        made = client.start_observation(name="chat", as_type="generation", model=MODEL)
        made.update(usage_details=_USAGE)
        made.end()

    return call


def langsmith() -> Callable[[], None]:
    """Make a run with LangSmith."""
    from langsmith import Client
    from langsmith.run_trees import RunTree

    client = Client()

    def call() -> None:
        run = RunTree(name="chat", run_type="llm", inputs={}, ls_client=client)
        run.post()
        run.end(outputs={"usage_metadata": _USAGE})
        run.patch()

    return call


def logfire() -> Callable[[], None]:
    """Make a span with Logfire."""
    import logfire as library

    library.configure(send_to_logfire=False, console=False)

    def call() -> None:
        with library.span("chat", **_ATTRIBUTES):
            pass

    return call


def main(name: str, calls: int, pause_s: float) -> None:
    """Record `calls` calls with a pause in between; print all but the first hundred, a warm-up."""
    call = globals()[name]()
    took = []
    for _ in range(calls + 100):
        begun = time.perf_counter_ns()
        call()
        took.append(time.perf_counter_ns() - begun)
        time.sleep(pause_s)
    print(json.dumps(took[100:]), flush=True)
    os._exit(0)  # what is still to be sent is not what is measured


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
