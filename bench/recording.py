"""The SDK's overhead for one recorded call."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from time import perf_counter_ns
from unittest.mock import MagicMock

from tachograph import Fleet, Usage

CALLS = 20_000


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield the median and the 99th percentile of one `record`, with writes in the background."""
    client = MagicMock()  # answers every write at once, so only the agent's side is measured
    client.document.return_value.get.return_value.to_dict.return_value = {}
    usage = Usage(tokens_in=900, cache_read_tokens=41_000, tokens_out=350)
    took: list[int] = []
    with Fleet("bench", client=client) as fleet:
        session = fleet.session("b-1", model="claude-sonnet-4-5", context_window=200_000)
        task = session.task("t-1")
        for _ in range(CALLS):
            begun = perf_counter_ns()
            task.record(usage, model="claude-sonnet-4-5", provider="anthropic")
            took.append(perf_counter_ns() - begun)
    p50, p99 = statistics.median(took) / 1000, statistics.quantiles(took, n=100)[98] / 1000
    yield "SDK overhead for one recorded call", f"p50 {p50:.0f} us, p99 {p99:.0f} us", "30, 150 us"
