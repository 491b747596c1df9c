"""Sessions of Gemini CLI: cached tokens are in the input, thoughts are not in the output."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.fleets.transcripts import (
    SESSION,
    Record,
    broken,
    buckets,
    calls,
    happened,
    stamp,
    write,
)
from tachograph_cli.replay.transcripts.events import (
    CallFailed,
    Event,
    SessionFacts,
    ToolUsed,
    TurnEnded,
    TurnStarted,
)
from tachograph_schema.pricing.explanation import explain
from tachograph_schema.usage import Usage

NAMES = ("input", "output", "cached", "thoughts", "tool", "total")


def message(second: float, kind: str, **more: Any) -> Record:  # noqa: ANN401 - as JSON has it
    return {"id": f"m{second}", "timestamp": stamp(second), "type": kind, **more}


def answer(second: float, counts: Sequence[Any], **more: Any) -> Record:  # noqa: ANN401
    tokens = dict(zip(NAMES, counts, strict=True))
    return message(second, "gemini", model="gemini-2.5-flash", tokens=tokens, **more)


def session(messages: Sequence[Record], **more: Any) -> Record:  # noqa: ANN401
    return {"sessionId": SESSION, "startTime": stamp(0), "messages": list(messages), **more}


def events(place: Path, text: str, name: str = "s.json") -> list[Event]:
    (place / name).write_text(text)
    return [event for _, event in happened(place)]


def test_recorded_sessions_add_up_to_their_own_totals(shared: Path) -> None:
    found = [event for _, event in happened(shared / "data/gemini-cli")]
    # input 204,516 with 161,019 of it cached; output 820 and thoughts 1,447
    total = sum((call.usage for call in calls(found)), Usage())
    assert total == Usage(204_516 - 161_019, 161_019, 0, 0, 820 + 1_447, 1_447)
    stated = 0
    for path in (shared / "data/gemini-cli").iterdir():
        for each in json.loads(path.read_text())["messages"]:
            stated += each.get("tokens", {}).get("total", 0)
    assert total.total_tokens == stated == 206_783
    assert len(calls(found)) == 17
    # One answer states zeros in all counts.
    unknown = [call for call in calls(found) if not call.calls[0].readable]
    assert [call.usage.total_tokens for call in unknown] == [0]
    assert [line.reason[:11] for line in broken(found)] == ["messages[6]"]


def test_answer_has_the_price_of_the_public_list(tmp_path: Path) -> None:
    counts = [12_207, 105, 2_558, 153, 7, 12_472]
    [call] = calls(events(tmp_path, json.dumps(session([answer(1, counts)]), indent=1)))
    # A tool's prompt is read, too.
    assert buckets(call.usage) == [12_207 - 2_558 + 7, 2_558, 0, 0, 105 + 153]
    assert (call.usage.reasoning_tokens, call.window) == (153, 1_048_576)
    explanation = explain(call.calls[0])
    # 9,656 x $0.30, 2,558 x $0.03 and 258 x $2.50, each a million
    assert explanation.cost_nanousd == 9_656 * 300 + 2_558 * 30 + 258 * 2_500
    assert (explanation.certainty, explanation.source) == ("list price", "google/gemini-2.5-flash")


def test_turns_begin_with_a_prompt_and_end_with_an_answer_without_tools(tmp_path: Path) -> None:
    tool = {"id": "t1", "name": "read_file", "status": "error", "timestamp": stamp(4)}
    lines = [message(1, "user"), answer(2, [5, 1, 0, 0, 0, 6], toolCalls=[tool])]
    lines += [message(5, "error"), answer(6, [6, 1, 0, 0, 0, 7]), message(9, "user")]
    found = events(tmp_path, json.dumps(session(lines)))
    assert [type(event) for event in found] == [
        *(SessionFacts, TurnStarted),
        *(type(calls(found)[0]), ToolUsed, CallFailed, type(calls(found)[1]), TurnEnded),
        TurnStarted,
    ]
    [used] = [event for event in found if isinstance(event, ToolUsed)]
    assert (used.name, used.error, used.duration_ms) == ("read_file", True, 2000)
    [end] = [event for event in found if isinstance(event, TurnEnded)]
    assert (end.task, end.duration_ms) == (f"{SESSION}-1", 5000)


def test_later_state_of_a_file_adds_what_it_states_more(tmp_path: Path) -> None:
    early = [message(1, "user"), answer(2, [5, 1, 0, 0, 0, 6])]
    later = [message(1, "user"), answer(2, [5, 9, 0, 0, 0, 14]), answer(3, [7, 1, 0, 0, 0, 8])]
    (tmp_path / "a.json").write_text(json.dumps(session(early)))
    (tmp_path / "b.json").write_text(json.dumps(session(later)))
    found = calls(event for _, event in happened(tmp_path))
    assert [buckets(call.usage) for call in found] == [[5, 0, 0, 0, 9], [7, 0, 0, 0, 1]]


def test_newer_versions_write_a_line_for_each_message_and_again_when_it_grew(
    tmp_path: Path,
) -> None:
    header = {"sessionId": SESSION, "projectHash": "p", "startTime": stamp(0), "kind": "main"}
    grown = answer(2, [5, 9, 0, 0, 0, 14])
    rewritten = {"$set": {"messages": [grown, answer(3, [7, 1, 0, 0, 0, 8])]}}
    lines = [header, message(1, "user"), answer(2, [5, 1, 0, 0, 0, 6]), grown, rewritten]
    write(tmp_path / "session.jsonl", lines)
    found = [event for _, event in happened(tmp_path)]
    counted = [buckets(call.usage) for call in calls(found)]
    assert counted == [[5, 0, 0, 0, 9], [7, 0, 0, 0, 1]]
    assert broken(found) == []


WHOLE = json.dumps(session([answer(n, [n, 1, 0, 0, 0, n + 1]) for n in (1, 2, 3)]), indent=1)
LATER = json.dumps(session([answer(4, [4, 1, 0, 0, 0, 5])]))
DAMAGE = [
    ("cut off in the last message", WHOLE[: WHOLE.index('"m3"') + 30], [1, 2], "no JSON"),
    ("cut off behind the last message", WHOLE[:-4], [1, 2, 3], "no JSON"),
    ("a bad byte between", WHOLE.replace('"m2"', '"m2" \x01'), [1, 2, 3], "no JSON"),
    ("a bad byte in a name", WHOLE.replace("flash", "fl\x01sh", 1), [1, 2, 3], "messages[0]"),
    ("more behind the end", WHOLE + "]}", [1, 2, 3], "more stands behind"),
    ("a document behind another", WHOLE + LATER, [1, 2, 3, 4], "more stands behind"),
    ("no ids", WHOLE.replace('"id"', '"ID"'), [1, 2, 3], ""),
    ("no times", WHOLE.replace('"timestamp"', '"TIME"'), [1, 2, 3], "messages[0].timestamp is"),
    ("no models", WHOLE.replace('"model"', '"MODEL"'), [1, 2, 3], "the model is"),
    ("no types", WHOLE.replace('"type"', '"TYPE"'), [1, 2, 3], ""),
    ("no session", WHOLE.replace('"sessionId"', '"ID"'), [1, 2, 3], ""),
    ("no start", WHOLE.replace('"startTime"', '"START"'), [1, 2, 3], ""),
    ("counts as text", WHOLE.replace('"output": 1', '"output": "one"'), [2, 3, 4], "messages[0]"),
    (
        "giant counts",
        WHOLE.replace('"output": 1', f'"output": {10**30}'),
        [2, 3, 4],
        "messages[0]",
    ),  # the total has one more
    ("a number of many digits", WHOLE.replace('"tool": 0', f'"tool": {"9" * 5000}', 1), [2, 3], ""),
]


@pytest.mark.parametrize(
    ("text", "inputs", "words"), [case[1:] for case in DAMAGE], ids=[case[0] for case in DAMAGE]
)
def test_damage_costs_no_more_than_its_own_place(
    text: str, inputs: list[int], words: str, tmp_path: Path
) -> None:
    found = events(tmp_path, text)
    assert [call.usage.tokens_in for call in calls(found)] == inputs
    assert any(words in line.reason for line in broken(found)) or not words


# Of input 500 with 100 of it cached, output 30, thoughts 20 and tool 7, what is left without one.
LEFT = {
    "input": [407, 100, 50],  # 557 - 30 - 20 = 507 by the total, of which 100 are cached
    "output": [437, 100, 20],  # the total has 30 more, which no count names
    "cached": [507, 0, 50],
    "thoughts": [427, 100, 30],
    "tool": [407, 100, 50],
}


@pytest.mark.parametrize("name", LEFT)
@pytest.mark.parametrize("count", [-5, True, 100.5, 10**20, "x", [1], {"a": 1}], ids=repr)
def test_count_that_is_none_costs_itself_alone(name: str, count: object, tmp_path: Path) -> None:
    counts = dict(zip(NAMES, [500, 30, 100, 20, 7, 557], strict=True)) | {name: count}
    found = events(tmp_path, json.dumps(session([answer(1, list(counts.values()))])))
    [call] = calls(found)
    given, read, _, _, out = buckets(call.usage)
    assert [given, read, out] == LEFT[name]
    assert explain(call.calls[0]).certainty == "unpriced"
    assert any(f"{name} is {count!r}" in line.reason for line in broken(found))


def test_each_of_several_counts_that_are_none_is_named(tmp_path: Path) -> None:
    found = events(tmp_path, json.dumps(session([answer(1, [-5, 30, 100, 20, {"a": 1}, 557])])))
    [line] = broken(found)
    assert "tokens.input is -5" in line.reason
    assert "tool is {'a': 1}" in line.reason


@pytest.mark.parametrize(
    "text", ["{" * 10**5, '{"a":' * 10**5, "[" * 10**6, "null", '{"sessionId": "x"}', ""]
)
def test_document_that_is_no_session_is_passed_by(text: str, tmp_path: Path) -> None:
    assert events(tmp_path, text) == []


@given(place=st.integers(0, len(WHOLE) - 1), byte=st.integers(0, 255))
def test_one_bad_byte_costs_at_most_one_call(
    place: int, byte: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("gemini") / "s.json"
    file.write_bytes(WHOLE[:place].encode() + bytes([byte]) + WHOLE[place + 1 :].encode())
    found = calls(event for _, event in happened(file))
    assert len({1, 2, 3} & {call.usage.tokens_in for call in found}) >= 2


@given(sizes=st.lists(st.integers(1, 99), min_size=1, max_size=5), order=st.permutations(range(5)))
def test_states_of_a_session_add_up_the_same_in_any_order_of_files(
    sizes: list[int], order: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("gemini")
    messages = [answer(n, [size, 1, 0, 0, 0, size + 1]) for n, size in enumerate(sizes)]
    for name, n in enumerate(order):
        (place / f"{name}.json").write_text(json.dumps(session(messages[: n + 1])))
    found = calls(event for _, event in happened(place))
    assert [call.usage.tokens_in for call in found] == sizes


def test_every_whole_message_of_a_damaged_line_counts(tmp_path: Path) -> None:
    three = [answer(n, [n, 1, 0, 0, 0, n + 1]) for n in (1, 2, 3)]
    cut = json.dumps({"$set": {"messages": three}})[:-3]
    whole = json.dumps(answer(4, [4, 1, 0, 0, 0, 5]))
    text = "\n".join([json.dumps(session([])), cut + whole])
    found = events(tmp_path, text, "s.jsonl")
    assert [call.usage.tokens_in for call in calls(found)] == [1, 2, 3, 4]


@pytest.mark.parametrize("tool", [0, None], ids=["none", "unknown"])
def test_total_that_no_count_explains_has_no_price(tool: int | None, tmp_path: Path) -> None:
    # Gemini CLI states thoughts as 0 where there are none, so the surplus is none of them.
    counts = [10_000, 100, 0, 0, tool, 60_000]
    [call] = calls(events(tmp_path, json.dumps(session([answer(1, counts)]))))
    assert explain(call.calls[0]).certainty == "unpriced"
    assert (call.usage.total_tokens, call.usage.tokens_out) == (60_000, 100)


def test_message_that_gemini_cli_wrote_itself_is_no_call(tmp_path: Path) -> None:
    tool = {"id": "t1", "name": "read_file", "timestamp": stamp(1)}
    own = message(1, "gemini", content="The conversation so far ...", toolCalls=[tool])
    found = events(tmp_path, json.dumps(session([own, answer(2, [5, 1, 0, 0, 0, 6])])))
    assert [call.usage.tokens_in for call in calls(found)] == [5]
    assert [event.name for event in found if isinstance(event, ToolUsed)] == ["read_file"]
    assert broken(found) == []


def test_message_whose_tokens_come_later_is_no_trouble(tmp_path: Path) -> None:
    begun = {**answer(2, [5, 1, 0, 0, 0, 6]), "tokens": None}
    write(tmp_path / "s.jsonl", [session([]), begun, answer(2, [5, 1, 0, 0, 0, 6])])
    found = [event for _, event in happened(tmp_path)]
    assert [call.usage.tokens_in for call in calls(found)] == [5]
    assert broken(found) == []


def test_line_of_a_new_type_with_tokens_counts(tmp_path: Path) -> None:
    new = {**answer(2, [5, 1, 0, 0, 0, 6]), "type": "gemini_thinking"}
    write(tmp_path / "s.jsonl", [session([]), answer(1, [4, 1, 0, 0, 0, 5]), new])
    found = calls(event for _, event in happened(tmp_path))
    assert [call.usage.tokens_in for call in found] == [4, 5]
