"""Numbers as the commands print them: the dashboard's formats, and quantiles within 2 %."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.places import GOLDEN
from tachograph_cli.replay.transcripts import folder
from tachograph_cli.replay.transcripts.deduplication import CallRegistry
from tachograph_cli.replay.transcripts.events import ModelCall, ToolUsed, TurnEnded
from tachograph_cli.terminal import fmt
from tachograph_schema.counters.derived import (
    percentiles,
)
from tachograph_schema.counters.sketch import bucket_counter, nearest_rank
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.price import price


def test_formats_are_those_of_the_golden_file() -> None:
    golden = json.loads((GOLDEN / "formats.json").read_text())
    for name, cases in golden.items():
        write = getattr(fmt, name)
        assert [[n, write(n)] for n, _ in cases] == cases


@given(st.integers(0, 10**14))
def test_every_amount_is_written_shortly(n: int) -> None:
    for write in (fmt.money, fmt.count, fmt.duration):
        assert len(write(n)) <= 12


def test_days_are_a_range_with_the_year_when_it_is_another() -> None:
    assert fmt.days("2026-02-16", "2026-02-16", 2026) == "16 Feb"
    assert fmt.days("2026-02-16", "2026-02-22", 2026) == "16–22 Feb"  # noqa: RUF001
    assert fmt.days("2025-02-28", "2025-03-03", 2026) == "28 Feb – 3 Mar 2025"  # noqa: RUF001
    assert fmt.days("2025-12-31", "2026-01-01", 2026) == "31 Dec 2025 – 1 Jan 2026"  # noqa: RUF001


@pytest.mark.parametrize("recordings", ["claude-code/dev", "codex/dev"])
def test_quantiles_of_the_recordings_are_within_two_percent_of_exact(
    shared: Path, recordings: str
) -> None:
    costs: Counter[str] = Counter()
    measures: dict[str, list[int]] = {"duration_ms": [], "tool_ms": [], "call_cost_nanousd": []}
    registry = CallRegistry()
    for source in folder.find(shared / "data" / recordings).sources:
        for event in folder.read(source, registry):
            if isinstance(event, TurnEnded) and event.duration_ms is not None:
                measures["duration_ms"].append(event.duration_ms)
            elif isinstance(event, ToolUsed):
                measures["tool_ms"].append(event.duration_ms)
            elif isinstance(event, ModelCall) and event.model and event.counted_before is None:
                cost = price(Call(event.usage, event.model, None, event.at)) or 0
                measures["call_cost_nanousd"].append(cost)
                costs[event.task] += cost
    registry.close()
    measures["cost_nanousd"] = list(costs.values())
    for name, values in measures.items():
        assert len(values) > 20, name
        row = Counter(bucket_counter(name, value) for value in values)
        sketched = percentiles(row)[name]
        for q, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
            exact = sorted(values)[nearest_rank(share, len(values)) - 1]
            assert sketched[q] == pytest.approx(exact, rel=0.020001), (name, q)
