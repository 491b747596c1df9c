"""Lines of pi that a crash cut off, with what was written behind them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.fleets.pi import HEADER, answer, events, said
from support.fleets.transcripts import START, Record, broken, buckets, calls, stamp


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


A, B = answer(1, [7, 1, 0, 0]), answer(5, [8, 1, 0, 0], model="claude-opus-4-5")
USER = said(9, "user", content="go on")
EFFORT = {"type": "thinking_level_change", "timestamp": stamp(9), "thinkingLevel": "high"}
CUSTOM = {"type": "custom", "timestamp": stamp(9), "data": {"provider": "x", "model": "y"}}
TAIL = {"usage": A["message"]["usage"] | {"input": 500}, "retainedTail": [A["message"]] * 2}
SUMMARY = {"type": "compaction", "timestamp": stamp(6), "summary": "s", **TAIL}
ARGUMENTS = {"type": "message", "timestamp": stamp(50), "model": "z"}
CALL = {"type": "toolCall", "id": "t", "name": "send", "arguments": ARGUMENTS}
TOOL = said(3, "toolResult", toolCallId="t", usage=A["message"]["usage"], isError=False)


def text(record: Record, end: int | None = None) -> str:
    return json.dumps(record)[:end]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (text(A, -10) + text(EFFORT), [(7, 1, "claude-sonnet-4-5")]),
        (text(A, -10) + text(CUSTOM), [(7, 1, "claude-sonnet-4-5")]),
        (text(A, -10) + text(USER, 90), [(7, 1, "claude-sonnet-4-5")]),
        (text(USER, 90) + text(A, -10), [(7, 1, "claude-sonnet-4-5")]),
        (
            text(A, -10) + text(B, -10),
            [(7, 1, "claude-sonnet-4-5"), (8, 5, "claude-opus-4-5")],
        ),
        (text(A, 120) + text(USER, 90) + text(B), [(8, 5, "claude-opus-4-5")]),
        (
            text(answer(1, [7, 1, 0, 0], content=[CALL]), -30) + text(B),
            [(7, 1, "claude-sonnet-4-5"), (8, 5, "claude-opus-4-5")],
        ),
        (text(SUMMARY, -3), [(500, 6, None)]),
        (text(SUMMARY, -3) + text(B), [(500, 6, None), (8, 5, "claude-opus-4-5")]),
        (text(TOOL, -20), [(7, 3, None)]),
    ],
    ids=[
        "before a record without a message",
        "before another's names",
        "before a cut record",
        "behind a cut record",
        "twice",
        "before its usage",
        "with a call of a tool",
        "a compaction",
        "a compaction before an answer",
        "a tool's result",
    ],
)
def test_record_that_is_cut_keeps_its_own_names(
    line: str, found: list[tuple[int, float, str | None]], tmp_path: Path
) -> None:
    happened = events(tmp_path, [HEADER, line])
    read = [
        (call.usage.tokens_in, (call.at - START).total_seconds(), call.model)
        for call in calls(happened)
    ]
    assert read == found
    assert all("no JSON" in each.reason for each in broken(happened))


def test_call_of_a_cut_compaction_or_tool_fills_no_context(tmp_path: Path) -> None:
    found = calls(events(tmp_path, [HEADER, A, text(SUMMARY, -3), text(TOOL, -20)]))
    assert [call.fills_context for call in found] == [True, False, False]
    assert found[1].model == "claude-sonnet-4-5"


def test_usage_of_a_type_that_is_not_known_is_told_of_a_damaged_line_too(tmp_path: Path) -> None:
    custom = {**CUSTOM, "data": {"usage": A["message"]["usage"]}}
    found = events(tmp_path, [HEADER, A, text(B, 90) + text(custom)])
    assert [buckets(call.usage)[0] for call in calls(found)] == [7]
    assert any("'custom' states tokens" in each.reason for each in broken(found))
