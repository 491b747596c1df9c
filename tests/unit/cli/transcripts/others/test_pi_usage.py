"""What pi states of a call's usage and cost, wherever it states it."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.fleets.pi import HEADER, answer, events, said
from support.fleets.transcripts import Record, broken, buckets, calls, stamp
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


# pi's session-manager.ts: the present model is that of the last `model_change` or answer.
CHOSEN = {"type": "model_change", "timestamp": stamp(2), "provider": "openai", "modelId": "gpt-5"}


@pytest.mark.parametrize(
    ("more", "provider", "model"),
    [
        ({}, "openai", "gpt-5"),
        ({"provider": "google", "model": "gemini-2.5-pro"}, "google", "gemini-2.5-pro"),
        ({"model": "claude-haiku-4-5"}, None, "claude-haiku-4-5"),
        ({"fromHook": True}, None, None),  # an extension's: session-format.md
    ],
    ids=["chosen", "stated", "stated without a provider", "an extension's"],
)
def test_summary_is_of_the_model_that_was_chosen_last(
    more: Record, provider: str | None, model: str | None, tmp_path: Path
) -> None:
    summary = {"type": "compaction", "timestamp": stamp(3), "usage": _usage(50_000, 2_000, 0.18)}
    lines = [HEADER, answer(1, [100, 50, 0, 0], 0.001), CHOSEN, {**summary, **more}]
    call = calls(events(tmp_path, lines))[1].calls[0]
    assert (call.provider, call.model, call.cost_nanousd) == (provider, model, 180_000_000)


def test_messages_that_a_compaction_retains_are_no_further_calls(tmp_path: Path) -> None:
    first = answer(1, [100, 50, 0, 0], 0.001)
    tail = {"usage": _usage(500, 20, 0.18), "retainedTail": [first["message"]]}
    summary = {"type": "compaction", "timestamp": stamp(2), **tail}
    found = events(tmp_path, [HEADER, first, summary])
    assert [call.usage.tokens_in for call in calls(found)] == [100, 500]
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
        {"type": "custom", "data": {"usage": {"input": 5, "output": 1, "totalTokens": 6}}},
        {"type": "custom", "data": [{"totalTokens": 6}]},
        {"type": "custom_message", "details": {"usage": _usage(5, 1, 0.1)}},
        {**CHOSEN, "usage": _usage(5, 1, 0.1)},
        {"type": "judgement", "usage": _usage(5, 1, 0.1)},
        said(2, "custom", usage=_usage(5, 1, 0.1)),
        said(2, "user", usage=_usage(5, 1, 0.1)),
    ],
    ids=lambda line: line["message"]["role"] if "message" in line else line["type"],
)
def test_usage_in_a_place_that_is_not_known_is_told(line: Record, tmp_path: Path) -> None:
    found = events(tmp_path, [HEADER, answer(1, [7, 1, 0, 0]), line])
    assert len(calls(found)) == 1
    assert any("states tokens; it is not known" in each.reason for each in broken(found))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"type": "compaction", "timestamp": stamp(2), "usage": "x"}, "usage is 'x'"),
        (said(2, "toolResult", toolCallId="t", usage=[1]), "usage is [1]"),
        # pi's examples/extensions/subagent: an agent without a session of its own
        (
            said(2, "toolResult", details={"results": [{"usage": _usage(5, 1, 0.1)}]}),
            "details of a tool's result state tokens",
        ),
    ],
    ids=["a summary's", "a tool's", "in a tool's details"],
)
def test_usage_that_is_not_counted_is_told(line: Record, words: str, tmp_path: Path) -> None:
    found = events(tmp_path, [HEADER, answer(1, [7, 1, 0, 0]), line])
    assert len(calls(found)) == 1
    assert [words in each.reason for each in broken(found)] == [True]


@pytest.mark.parametrize(
    "line",
    [
        {"type": "custom", "data": {"input": "a.txt", "output": "b.txt", "totalTokens": 0}},
        said(2, "toolResult", details={"input": 5, "totalLines": 9}),
        said(2, "custom", details={"usage": _usage(0, 0, 0)}),
    ],
    ids=["names", "lines", "zeros"],
)
def test_what_states_no_tokens_is_passed_by(line: Record, tmp_path: Path) -> None:
    assert broken(events(tmp_path, [HEADER, answer(1, [7, 1, 0, 0]), line])) == []


@pytest.mark.parametrize("name", ["input", "output", "cacheRead", "cacheWrite"])
def test_count_that_is_null_is_not_zero(name: str, tmp_path: Path) -> None:
    # JavaScript writes NaN as null
    usage = {**_usage(100, 50, 0), "cacheRead": 1000, "cacheWrite": 200, name: None}
    found = events(tmp_path, [HEADER, of_usage(usage)])
    assert explain(calls(found)[0].calls[0]).certainty == "unpriced"
    assert [line.reason for line in broken(found)] == [
        f"message.usage.{name} is None; expected a count"
    ]


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


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        ({"total": -1}, "message.usage.cost is a map whose total is -1; it is no price"),
        ({"input": 0.1, "output": 0.2}, "cost is a map whose total is None"),
        ({"total": "x"}, "cost is a map whose total is 'x'"),
        ("x", "message.usage.cost is 'x'"),
        ({"input": 0.1, "total": 0}, "cost is 0 in total, but not in its parts"),
        ({"total": 5e9}, "its cost is 5e+09; expected dollars, up to a million"),
    ],
    ids=repr,
)
def test_cost_that_is_no_amount_is_told(cost: object, words: str, tmp_path: Path) -> None:
    usage = {**_usage(9, 1, 0), "cost": cost}
    found = events(tmp_path, [HEADER, of_usage(usage)])
    [call] = calls(found)
    assert buckets(call.usage) == [9, 0, 0, 0, 1]
    explanation = explain(call.calls[0])
    # 9 x $3 and $15, each a million
    assert (explanation.certainty, explanation.cost_nanousd) == ("list price", 9 * 3_000 + 15_000)
    assert [words in line.reason for line in broken(found)] == [True]


def test_response_is_known_by_its_id_where_it_has_one(tmp_path: Path) -> None:
    one = answer(1, [7, 1, 0, 0], responseId="msg_1")
    grown = answer(1, [7, 9, 0, 0], 0.5, responseId="msg_1")
    other = answer(1, [7, 1, 0, 0], responseId="msg_2")
    found = calls(events(tmp_path, [HEADER, one, other, grown]))
    assert sorted(call.usage.tokens_out for call in found) == [1, 9]


@pytest.mark.parametrize(
    ("provider", "response"),
    [("ollama", "chatcmpl-17"), ("my-box", "chatcmpl-17"), ("lmstudio", "chatcmpl-u2k4")],
)
def test_id_that_a_local_server_draws_again_is_another_answer(
    provider: str, response: str, tmp_path: Path
) -> None:
    # Ollama, middleware/openai.go: "chatcmpl-%d" of rand.Intn(999)
    lines = [answer(n, [n, 1, 0, 0], 0, provider=provider, responseId=response) for n in (1, 2)]
    found = calls(events(tmp_path, [HEADER, *lines, lines[0]]))
    assert [call.usage.tokens_in for call in found] == [1, 2]
