"""Sessions of pi: each answer counts once, at the cost that pi recorded."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.fleets.pi import HEADER, answer, events, said
from support.fleets.transcripts import (
    START,
    Record,
    broken,
    buckets,
    calls,
    happened,
    stamp,
    write,
)
from tachograph_cli.replay.transcripts import folder
from tachograph_cli.replay.transcripts.events import (
    CallFailed,
    Compacted,
    ToolUsed,
    TurnEnded,
)
from tachograph_schema.usage import Usage


def test_recorded_session_costs_what_pi_recorded_of_each_call(shared: Path) -> None:
    path = shared / "data/pi/large-session.jsonl"
    messages = [line.get("message", {}) for line in map(json.loads, path.read_text().splitlines())]
    usages = [each["usage"] for each in messages if "usage" in each]
    found = [event for _, event in happened(path)]
    # 453 answers, of which 14 were stopped before they had used anything
    assert (len(usages), len(calls(found))) == (453, 439)
    total = sum((call.usage for call in calls(found)), Usage())
    assert total == Usage(1_049, 43_229_469, 4_296_232, 0, 83_156, 0)
    # In dollars: 0.003147 for input, 12.9688407 for reads, 16.11087 for writes, 1.24734 for output.
    cost = sum(call.calls[0].cost_nanousd or 0 for call in calls(found))
    assert cost == 3_147_000 + 12_968_840_700 + 16_110_870_000 + 1_247_340_000 == 30_330_197_700
    # pi's numbers are floats: each is off by less than half a nano-dollar.
    exact = sum((Decimal(repr(usage["cost"]["total"])) for usage in usages), Decimal(0))
    assert abs(cost - exact * 10**9) <= Decimal("0.5") * len(usages)
    assert broken(found) == []


def test_answer_has_its_buckets_and_the_cost_that_pi_recorded(tmp_path: Path) -> None:
    found = events(tmp_path, [HEADER, said(1, "user"), answer(2, [3, 10, 200, 40], 0.125)])
    [call] = calls(found)
    assert (buckets(call.usage), call.calls[0].cost_nanousd) == ([3, 200, 40, 0, 10], 125_000_000)
    assert (call.model, call.calls[0].provider) == ("claude-sonnet-4-5", "anthropic")
    [end] = [event for event in found if isinstance(event, TurnEnded)]
    assert (end.task, end.outcome, end.duration_ms) == ("parent-1", "completed", 1000)


def test_lines_that_a_fork_copied_count_once_although_a_migration_renamed_them(
    tmp_path: Path,
) -> None:
    lines = [said(1, "user"), answer(2, [1, 1, 1, 1]), answer(3, [2, 2, 2, 2])]
    write(tmp_path / "a.jsonl", [HEADER, *lines])
    fork = {**HEADER, "id": "fork", "timestamp": stamp(60), "parentSession": "/s/x_parent.jsonl"}
    renamed = [{**line, "id": f"new{n}"} for n, line in enumerate(lines)]
    write(tmp_path / "b.jsonl", [fork, *renamed, answer(61, [4, 4, 4, 4])])
    counted = [
        (source.session, call.usage.tokens_in)
        for source, event in happened(tmp_path)
        for call in calls([event])
    ]
    assert counted == [("parent", 1), ("parent", 2), ("fork", 4)]


def test_every_branch_of_the_tree_in_a_session_was_paid_for(tmp_path: Path) -> None:
    branches = [{**answer(n, [n, 1, 0, 0]), "parentId": "e1"} for n in (2, 3)]
    found = calls(events(tmp_path, [HEADER, said(1, "user"), *branches]))
    assert [call.usage.tokens_in for call in found] == [2, 3]


@pytest.mark.parametrize(
    ("reason", "tokens", "called", "failures", "outcome"),
    [
        ("aborted", [0, 0, 0, 0], 0, 0, "cancelled"),
        ("aborted", [5, 1, 0, 0], 1, 0, "cancelled"),
        ("error", [0, 0, 0, 0], 0, 1, "failed"),
        ("error", [5, 1, 0, 0], 1, 1, "failed"),
        ("length", [5, 1, 0, 0], 1, 0, "completed"),
        ("toolUse", [5, 1, 0, 0], 1, 0, "completed"),
    ],
)
def test_answer_that_was_stopped_counts_what_it_used(
    reason: str, tokens: list[int], called: int, failures: int, outcome: str, tmp_path: Path
) -> None:
    stopped = answer(2, tokens, 0, stopReason=reason)
    found = events(tmp_path, [HEADER, said(1, "user"), stopped, said(9, "user")])
    assert len(calls(found)) == called
    assert sum(isinstance(event, CallFailed) for event in found) == failures
    assert [event.outcome for event in found if isinstance(event, TurnEnded)] == [outcome]


def test_tool_has_the_time_from_the_answer_that_asked_for_it(tmp_path: Path) -> None:
    asked = [{"type": "toolCall", "id": "t1", "name": "bash"}]
    first = answer(2, [1, 1, 0, 0], content=asked, stopReason="toolUse")
    result = said(4.5, "toolResult", toolCallId="t1", isError=True)
    [tool] = [e for e in events(tmp_path, [HEADER, first, result]) if isinstance(e, ToolUsed)]
    assert (tool.name, tool.error, tool.duration_ms) == ("bash", True, 2500)


def test_compaction_that_states_no_usage_is_an_event_and_no_call(tmp_path: Path) -> None:
    compaction = {"type": "compaction", "timestamp": stamp(3), "tokensBefore": 150_000}
    found = events(tmp_path, [HEADER, answer(2, [1, 1, 0, 0]), compaction])
    assert [event.at for event in found if isinstance(event, Compacted)]
    assert (len(calls(found)), broken(found)) == (1, [])


WHOLE = answer(1, [7, 1, 0, 0])
TEXT = json.dumps(WHOLE)
DAMAGE: list[tuple[str, list[Record | str], list[int], str]] = [
    (
        "a cut-off last line",
        [HEADER, answer(1, [7, 1, 0, 0]), json.dumps(answer(2, [8, 1, 0, 0]))[:90]],
        [7],
        "no JSON",
    ),
    ("a line cut off behind its usage", [HEADER, TEXT[: TEXT.index("}}") + 2]], [7], "no JSON"),
    ("a bad byte between names", [HEADER, TEXT.replace(",", ",\x01", 2)], [7], "no JSON"),
    ("two lines in one", [HEADER, TEXT + json.dumps(answer(2, [8, 1, 0, 0]))], [7, 8], ""),
    ("no header", [answer(1, [7, 1, 0, 0])], [7], ""),
    ("a header of garbage", ["\\x00garbage", answer(1, [7, 1, 0, 0])], [7], "no JSON"),
    (
        "no time on the line, but on the message",
        [HEADER, {**answer(1, [7, 1, 0, 0]), "timestamp": None}],
        [7],
        "",
    ),
    (
        "no time at all, twice",
        [
            HEADER,
            *(
                {"type": "message", "message": {**answer(1, [7, 1, 0, 0])["message"], **no_time}}
                for no_time in ({"timestamp": None}, {"timestamp": None})
            ),
        ],
        [7, 7],
        "timestamp is",
    ),
    ("no model", [HEADER, answer(1, [7, 1, 0, 0], model=None)], [7], ""),
    ("a count of words", [HEADER, answer(1, [7, "many", 0, 0])], [7], "message.usage"),
    ("a negative count", [HEADER, answer(1, [7, -1, 0, 0])], [7], "message.usage"),
    ("a giant count", [HEADER, answer(1, [7, 10**30, 0, 0])], [7], "message.usage"),
    ("a giant cost", [HEADER, answer(1, [7, 1, 0, 0], 1e300)], [7], "usage.cost is"),
    ("a cost in the billions", [HEADER, answer(1, [7, 1, 0, 0], 5e9)], [7], "its cost is"),
    ("no count of input", [HEADER, answer(1, [None, 1, 5, 0])], [0], "usage.input is"),
    ("a negative input", [HEADER, answer(1, [-5, 1, 5, 0])], [0], "usage.input is -5"),
    ("no role", [HEADER, {**WHOLE, "message": {**WHOLE["message"], "role": None}}], [7], ""),
    ("a message of text", [HEADER, {"type": "message", "message": "x"}], [], "message is 'x'"),
    (
        "an unknown line with tokens",
        [HEADER, answer(1, [7, 1, 0, 0]), {"type": "judge", "usage": {"tokens": 5}}],
        [7],
        "it is not known",
    ),
    ("deep nesting", [HEADER, answer(1, [7, 1, 0, 0]), "[" * 10**5], [7], "nested too deeply"),
    ("a list for a type", [HEADER, {"type": ["x"]}, answer(1, [7, 1, 0, 0])], [7], ""),
]


@pytest.mark.parametrize(
    ("lines", "inputs", "words"), [c[1:] for c in DAMAGE], ids=[c[0] for c in DAMAGE]
)
def test_damage_costs_no_more_than_its_own_place(
    lines: list[Record | str], inputs: list[int], words: str, tmp_path: Path
) -> None:
    found = events(tmp_path, lines)
    assert [call.usage.tokens_in for call in calls(found)] == inputs
    reasons = [line.reason for line in broken(found)]
    assert any(words in reason for reason in reasons) if words else reasons == []


def test_cost_survives_a_count_that_is_none(tmp_path: Path) -> None:
    [call] = calls(events(tmp_path, [HEADER, answer(1, [7, "many", 5, 0], 0.5)]))
    assert (buckets(call.usage), call.calls[0].cost_nanousd) == ([7, 5, 0, 0, 0], 500_000_000)


def test_answer_without_tokens_is_a_call_whose_cost_is_unknown(tmp_path: Path) -> None:
    found = events(tmp_path, [HEADER, answer(1, [0, 0, 0, 0], 0)])
    [call] = calls(found)
    assert (call.calls[0].readable, call.calls[0].cost_nanousd) == (False, None)
    assert "the call has no price" in broken(found)[0].reason


def test_session_whose_header_is_later_than_its_first_prompt_begins_with_the_prompt(
    tmp_path: Path,
) -> None:
    write(tmp_path / "s.jsonl", [{**HEADER, "timestamp": stamp(50)}, answer(0, [1, 1, 0, 0])])
    [source] = folder.find(tmp_path).sources
    assert (source.kind, source.session, source.started_at) == ("pi", "parent", START)


FILE = "".join(json.dumps(answer(n, [n, 1, 0, 0])) + "\n" for n in (1, 2, 3))


@given(place=st.integers(0, len(FILE) - 1), byte=st.integers(0, 255))
def test_one_bad_byte_costs_at_most_one_call(
    place: int, byte: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("pi") / "s.jsonl"
    file.write_bytes(FILE[:place].encode() + bytes([byte]) + FILE[place + 1 :].encode())
    found = calls(event for _, event in happened(file))
    assert len({1, 2, 3} & {call.usage.tokens_in for call in found}) >= 2


@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    forked_after=st.integers(0, 6),
    rnd=st.randoms(use_true_random=False),
)
def test_calls_of_a_session_and_its_forks_add_up_the_same_in_any_files(
    sizes: list[int],
    forked_after: int,
    rnd: Random,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    place = tmp_path_factory.mktemp("pi")
    lines = [answer(n, [size, 1, 0, 0]) for n, size in enumerate(sizes)]
    fork = {**HEADER, "id": "fork", "timestamp": stamp(90), "parentSession": "p.jsonl"}
    files = [[HEADER, *lines], [fork, *lines[:forked_after]], [HEADER, *lines[:1]]]
    names = ["a", "b", "c"]
    rnd.shuffle(names)
    for name, file in zip(names, files, strict=True):
        write(place / f"{name}.jsonl", file)
    found = calls(event for _, event in happened(place))
    assert [call.usage.tokens_in for call in found] == sizes
