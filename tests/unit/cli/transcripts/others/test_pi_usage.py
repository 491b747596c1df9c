"""What pi states of a call's usage and cost, wherever it states it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.fleets.pi import HEADER, answer, events, said
from support.fleets.transcripts import START, Record, broken, buckets, calls, stamp
from tachograph_schema.pricing.explanation import explain
from tachograph_schema.usage import Usage


@pytest.mark.parametrize("count", [-5, None, True, 100.5, 10**20, "x", [1], {"a": 1}], ids=repr)
def test_input_that_is_no_count_leaves_the_other_counts_and_the_cost(
    count: object, tmp_path: Path
) -> None:
    found = events(tmp_path, [HEADER, answer(1, [count, 50, 1000, 200], 0.001)])
    [call] = calls(found)
    assert buckets(call.usage) == [0, 1000, 200, 0, 50]
    assert call.calls[0].cost_nanousd == 1_000_000
    assert any("input" in line.reason for line in broken(found))


def _usage(given: int, out: int, cost: float, **more: int) -> Record:
    return {"input": given, "output": out, "cacheRead": 0, "cacheWrite": 0, **more} | {
        "cost": {"total": cost}
    }


def of_usage(usage: Record) -> Record:
    served = {"provider": "anthropic", "model": "claude-sonnet-4-5", "stopReason": "stop"}
    return said(1, "assistant", usage=usage, **served)


# pi's session-format.md: of both entries "included in session token and cost totals".
@pytest.mark.parametrize("kind", ["compaction", "branch_summary"])
def test_summary_is_a_call_of_the_sessions_model_and_fills_no_context(
    kind: str, tmp_path: Path
) -> None:
    summary = {"type": kind, "id": "c", "timestamp": stamp(2), "usage": _usage(50_000, 2_000, 0.18)}
    found = events(tmp_path, [HEADER, answer(1, [100, 50, 0, 0], 0.001), summary])
    first, second = calls(found)
    assert [call.calls[0].cost_nanousd for call in (first, second)] == [1_000_000, 180_000_000]
    assert (second.model, second.usage.tokens_in) == ("claude-sonnet-4-5", 50_000)
    assert (first.fills_context, second.fills_context) == (True, False)
    assert broken(found) == []


def test_model_that_a_tool_asked_is_a_call(tmp_path: Path) -> None:
    # pi's types.ts: `ToolResultMessage.usage`
    result = said(2, "toolResult", toolCallId="t", usage=_usage(300, 20, 0.02))
    found = events(tmp_path, [HEADER, answer(1, [100, 50, 0, 0], 0.001), result])
    assert [call.calls[0].cost_nanousd for call in calls(found)] == [1_000_000, 20_000_000]
    assert [call.fills_context for call in calls(found)] == [True, False]


@pytest.mark.parametrize(
    "line",
    [
        {"type": "custom", "data": {"usage": _usage(5, 1, 0.1)}},
        {"type": "judgement", "usage": _usage(5, 1, 0.1)},
        said(2, "custom", usage=_usage(5, 1, 0.1)),
    ],
    ids=["custom line", "unknown line", "custom message"],
)
def test_usage_in_a_place_that_is_not_known_is_told(line: Record, tmp_path: Path) -> None:
    found = events(tmp_path, [HEADER, answer(1, [7, 1, 0, 0]), line])
    assert len(calls(found)) == 1
    assert any("states tokens; it is not known" in each.reason for each in broken(found))


def test_parts_of_the_counts_are_read(tmp_path: Path) -> None:
    # types.ts: `cacheWrite1h` is a part of `cacheWrite`, `reasoning` of `output`
    usage = {**_usage(100, 50, 0.2), "cacheWrite": 2000, "cacheWrite1h": 1500, "reasoning": 30}
    [call] = calls(events(tmp_path, [HEADER, of_usage(usage)]))
    assert call.usage == Usage(100, 0, 2000, 1500, 50, 30)


@pytest.mark.parametrize(
    ("provider", "cost", "certainty"),
    [
        ("anthropic", 0, "list price"),  # pi's models.md: a model of one's own has "all zeros"
        ("our-own", 0, "unpriced"),
        ("ollama", 0, "reported"),  # on one's own machine
        ("anthropic", 0.5, "reported"),
    ],
)
def test_cost_of_zero_is_no_price_but_on_ones_own_machine(
    provider: str, cost: float, certainty: str, tmp_path: Path
) -> None:
    [call] = calls(events(tmp_path, [HEADER, answer(1, [9, 1, 0, 0], cost, provider=provider)]))
    assert explain(call.calls[0]).certainty == certainty


@pytest.mark.parametrize("cost", [{"total": -1}, {"input": 0.1, "output": 0.2}, {"total": "x"}])
def test_cost_that_is_no_amount_is_told(cost: Record, tmp_path: Path) -> None:
    usage = {**_usage(9, 1, 0), "cost": cost}
    found = events(tmp_path, [HEADER, of_usage(usage)])
    assert explain(calls(found)[0].calls[0]).certainty == "list price"
    assert any("message.usage.cost is" in line.reason for line in broken(found))


def test_response_is_known_by_its_id_where_it_has_one(tmp_path: Path) -> None:
    one = answer(1, [7, 1, 0, 0], responseId="msg_1")
    grown = answer(1, [7, 9, 0, 0], 0.5, responseId="msg_1")
    other = answer(1, [7, 1, 0, 0], responseId="msg_2")
    found = calls(events(tmp_path, [HEADER, one, other, grown]))
    assert sorted(call.usage.tokens_out for call in found) == [1, 9]


@pytest.mark.parametrize("cut", [200, -30, 60])
def test_records_behind_a_line_that_was_cut_off_are_read_at_their_own_time(
    cut: int, tmp_path: Path
) -> None:
    first, second = answer(1, [7, 1, 0, 0]), answer(5, [8, 1, 0, 0])
    broken_line = json.dumps(first)[:cut] + json.dumps(second)
    found = calls(events(tmp_path, [HEADER, said(0.5, "user"), broken_line]))
    assert [(call.usage.tokens_in, (call.at - START).total_seconds()) for call in found][-1] == (
        8,
        5,
    )
    assert [call.usage.tokens_in for call in found] == ([7, 8] if cut < 0 else [8])
