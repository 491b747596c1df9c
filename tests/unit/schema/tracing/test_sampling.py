"""Which traces are kept: what went wrong, what stands out, and a share of the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tachograph_schema.documents.fleet import TracingPolicy
from tachograph_schema.tracing.sampling import (
    Ended,
    KeepReason,
    TraceBaseline,
    head,
    in_share,
    promoted,
    tail,
    trace_baseline,
)

_NOTHING = TracingPolicy(keep_pct=0, head_pct=0)
_USUAL = TraceBaseline(p99_ms=60_000, cost_nanousd=1_000_000)
_TRACE = "0af7651916cd43dd8448eb211c80319c"
_TRACES = st.integers(1, 2**128 - 1).map("{:032x}".format)


def _ended(**fields: object) -> Ended:
    known = {"trace_id": _TRACE, "error": False, "duration_ms": 100.0, "cost_nanousd": 10}
    return Ended(**{**known, **fields})


@pytest.mark.parametrize(
    ("ended", "kept"),
    [
        (_ended(), None),
        (_ended(error=True), "error"),
        (_ended(duration_ms=60_000.0), None),
        (_ended(duration_ms=60_001.0), "slow"),
        (_ended(cost_nanousd=3_000_000), None),
        (_ended(cost_nanousd=3_000_001), "costly"),
        (_ended(error=True, duration_ms=60_001.0, cost_nanousd=3_000_001), "error"),
    ],
)
def test_errors_the_slow_and_the_costly_are_kept_whatever_the_share(
    ended: Ended, kept: KeepReason | None
) -> None:
    assert tail(ended, _USUAL, _NOTHING) == kept


def test_nothing_is_slow_or_costly_where_nobody_knows_what_is_usual() -> None:
    assert tail(_ended(duration_ms=1e9, cost_nanousd=10**15), TraceBaseline(), _NOTHING) is None


def test_what_is_usual_is_read_from_a_baseline_as_far_as_it_goes() -> None:
    quantiles = {"duration_ms": {"n": 9, "p50": 10, "p99": 90}, "cost_nanousd": {"n": 9, "p50": 7}}
    assert trace_baseline(quantiles) == TraceBaseline(90, 7)
    assert trace_baseline({"duration_ms": {"n": 9, "p50": 10, "p99": 90}}) == TraceBaseline(
        90, None
    )
    assert trace_baseline({}) == TraceBaseline()


@given(_TRACES)
def test_whoever_decides_on_a_trace_decides_alike(trace: str) -> None:
    assert in_share(trace, 100)
    assert not in_share(trace, 0)
    for pct in (1, 15, 20, 99):
        # The part of an id that is random decides; the rest may be a timestamp.
        assert in_share(trace, pct) == in_share("0" * 18 + trace[-14:], pct)
        assert in_share(trace, pct) <= in_share(trace, pct + 1)


def test_share_is_as_large_as_it_says() -> None:
    step = 16**14 // 10_000
    kept = sum(in_share(f"{n * step:032x}", 15) for n in range(10_000))
    assert abs(kept - 1_500) <= 1


def test_head_keeps_further_attempts_and_takes_in_later_what_fails_or_grows_long() -> None:
    assert head(_TRACE, 1, _NOTHING) is None
    assert head(_TRACE, 2, _NOTHING) == "retry"
    assert head(_TRACE, 1, TracingPolicy(head_pct=100)) == "share"
    assert promoted(_ended(spans=100), _NOTHING) is None
    assert promoted(_ended(spans=101), _NOTHING) == "long"
    assert promoted(_ended(error=True), _NOTHING) == "error"
