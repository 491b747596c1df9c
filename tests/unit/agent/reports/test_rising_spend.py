"""Spend of an agent only rises, as the rules demand: corrections take back what has not landed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tachograph.reports.queue import ReportQueue
from tachograph_schema.pricing.call import Call
from tachograph_schema.usage import Usage

_AT = datetime(2026, 3, 1, tzinfo=UTC)
_Reported = tuple[str, int, int]


def _call(model: str, tokens: int, nanousd: int) -> Call:
    calls = 1 if tokens >= 0 else 0
    return Call(Usage(tokens_in=tokens), model, "p", _AT, nanousd, calls)


def _landed(reported: list[list[_Reported]], *, lowers: bool) -> list[dict[str, Any]]:
    """Return the document after each write of some reports."""
    queue = ReportQueue("b-1:s-1", "s-1")
    queue.lowers = lowers
    landed: dict[str, Any] = {}
    after = []
    for group in reported:
        for one in group:
            queue.add(_AT, calls=(_call(*one),), counts={"llm_calls": 1})
        while (fields := queue.next_fields(landed)) is not None:
            landed = {**landed, **fields}
            queue.wrote()
        after.append(landed)
    return after


_MODELS = st.sampled_from(["m1", "m2"])
_REPORTS = st.tuples(_MODELS, st.integers(-50, 100), st.integers(-50, 100))


@given(reported=st.lists(st.lists(_REPORTS, max_size=4), max_size=6))
def test_no_write_of_an_agent_lowers_spend(reported: list[list[_Reported]]) -> None:
    before: dict[str, Any] = {}
    for after in _landed(reported, lowers=False):
        for name in ("tokens_in", "cost_nanousd", "llm_calls"):
            assert after.get(name, 0) >= before.get(name, 0)
        for model, row in before.get("usage_by_model", {}).items():
            assert after["usage_by_model"][model].get("tokens_in", 0) >= row.get("tokens_in", 0)
        before = after


def test_correction_of_a_call_that_has_not_landed_is_exact() -> None:
    [after] = _landed([[("m1", 100, 50), ("m1", -30, -10)]], lowers=False)
    assert (after["tokens_in"], after["cost_nanousd"]) == (70, 40)


def test_owner_takes_back_what_has_landed() -> None:
    after = _landed([[("m1", 100, 50)], [("m1", -30, -10)]], lowers=True)[-1]
    assert (after["tokens_in"], after["cost_nanousd"]) == (70, 40)
