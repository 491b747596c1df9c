"""The cost of tracing: for an event, with a backend that answers, hangs or is gone; for a call."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, perf_counter_ns
from unittest.mock import MagicMock

sys.path[:0] = [str(Path(__file__).parent.parent / name) for name in ("functions", "tests")]

from support.fakes.trace_server import CloudTrace, cloud_trace  # noqa: E402
from support.wire.events import Served, history, serve  # noqa: E402 - from the tests' folder
from tachograph import Fleet, Usage  # noqa: E402
from tachograph.tracing.settings import Tracing  # noqa: E402
from tachograph_cli.local.stack import Stack  # noqa: E402

EVENTS = 60
CALLS = 5_000
TIMEOUT_MS = 500
_ROOT = Path(__file__).parent.parent
_TASK = {"status": "completed", "model": "claude-opus-4-6", "cost_usd": 0.36, "task_type": "build"}
_PROGRAM = """
import os, time
begun = time.perf_counter()
import main
from runtime.span_export import outlet
from tachograph_schema.tracing.spans import Span
outlet().send([Span("s", "1" * 32, "2" * 16, None, 1, 2)], 60)
seconds = time.perf_counter() - begun
from pathlib import Path
[peak] = [line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line]
print(seconds, int(peak.split()[1]) / 1024)
"""


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield the rows of the first export, of the event and of the recorded call."""
    seconds, mebibytes = _first_export()
    yield "import and first export, tracing on", f"{seconds:.2f} s, {mebibytes:.0f} MB", "120 MB"
    with Stack.start(_ROOT, only=("firestore",)) as stack:
        for name in ("off", "answers", "hangs", "refuses"):
            first, rest = _events(stack.address("firestore"), name)
            p50, worst = statistics.median(rest), max(rest)
            yield (
                f"event, tracing {name}" if name == "off" else f"event, Cloud Trace {name}",
                f"first {first:.0f} ms, then p50 {p50:.1f} ms, worst {worst:.0f} ms",
                "off + 500 ms",
            )
    for name, tracing in (("off", "off"), ("to traces/", Tracing(batches=True))):
        p50, p99 = _recorded(tracing)
        yield f"SDK call, tracing {name}", f"p50 {p50:.0f} us, p99 {p99:.0f} us", "30, 150 us"


def _events(firestore: str, name: str) -> tuple[float, list[float]]:
    """Return the milliseconds of the first event, and of each of the 59 after it."""
    with cloud_trace("hang" if name == "hangs" else "ok") as server:
        settings = {
            "TACHOGRAPH_TRACING": "off" if name == "off" else "cloud",
            "TACHOGRAPH_TRACE_ENDPOINT": _gone() if name == "refuses" else server.address,
            "TACHOGRAPH_TRACE_KEEP_PCT": "100",
            "TACHOGRAPH_TRACE_TIMEOUT_MS": str(TIMEOUT_MS),
        }
        with serve("roll_up", firestore, **settings) as roll_up:
            warm = history("fleets/bench-warm/tasks/t-0", [{**_TASK, "traceparent": _unsampled()}])
            roll_up.deliver(warm[0])  # connects to Firestore, and exports nothing
            took = [_deliver(roll_up, name, n) for n in range(EVENTS)]
    return took[0], took[1:]


def _deliver(roll_up: Served, name: str, n: int) -> float:
    [write] = history(f"fleets/bench-{name}/tasks/t-{n}", [_TASK])
    begun = perf_counter()
    roll_up.deliver(write)
    return (perf_counter() - begun) * 1000


def _gone() -> str:
    with cloud_trace() as server:
        return server.address


def _unsampled() -> str:
    return f"00-{'1' * 32}-{'2' * 16}-00"


def _first_export() -> tuple[float, float]:
    """Return the medians of fresh processes that import the hot function and export one span."""
    with cloud_trace() as server:
        found = [_process(server) for _ in range(5)]
    seconds, mebibytes = (statistics.median(column) for column in zip(*found, strict=True))
    return seconds, mebibytes


def _process(server: CloudTrace) -> tuple[float, float]:
    environment = {
        "PATH": "/usr/bin:/bin",
        "TACHOGRAPH_TRACING": "cloud",
        "TACHOGRAPH_TRACE_ENDPOINT": server.address,
        "GOOGLE_CLOUD_PROJECT": "demo-tachograph",
    }
    command = [sys.executable, "-c", _PROGRAM]
    folder = _ROOT / "functions"
    run = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    seconds, mebibytes = map(float, run.stdout.split())
    return seconds, mebibytes


def _recorded(tracing: str | Tracing) -> tuple[float, float]:
    """Return the median and the 99th percentile of one `record`, in microseconds."""
    client = MagicMock()  # answers at once, so only the agent's side is measured
    client.project, client._database = "bench", "(default)"  # noqa: SLF001 - as Firestore's has it
    client.document.return_value.get.return_value.to_dict.return_value = {}
    usage = Usage(tokens_in=900, cache_read_tokens=41_000, tokens_out=350)
    took: list[int] = []
    with Fleet("bench", client=client, tracing=tracing) as fleet:
        session = fleet.session("b-1", model="claude-sonnet-4-5", context_window=200_000)
        task = session.task("t-1")
        for _ in range(CALLS):
            begun = perf_counter_ns()
            task.record(usage, model="claude-sonnet-4-5", provider="anthropic")
            took.append(perf_counter_ns() - begun)
    return statistics.median(took) / 1000, statistics.quantiles(took, n=100)[98] / 1000
