"""Runs of OpenHands: a response counts once, however many places repeat its usage."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.cli import run as command
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
from tachograph_cli.replay.transcripts.events import CallFailed, Event, ToolUsed, TurnEnded
from tachograph_schema.usage import Usage

MODEL = "anthropic/claude-sonnet-4-5"


def usage(name: str, given: object, out: object = 1, read: int = 0, written: int = 0) -> Record:
    return {
        "model": MODEL,
        "prompt_tokens": given,
        "completion_tokens": out,
        "cache_read_tokens": read,
        "cache_write_tokens": written,
        "response_id": name,
    }


def action(second: float, name: str, given: int, out: int = 1) -> Record:
    stated = {"prompt_tokens": given, "completion_tokens": out, "total_tokens": given + out}
    event = {"id": int(second), "timestamp": stamp(second), "source": "agent", "action": "run"}
    return {**event, "usage": stated, "response_id": name}


def made(
    usages: Sequence[object], costs: Sequence[object] = (), events: Sequence[object] = (),
    **more: Any,  # noqa: ANN401 - as JSON has it
) -> Record:  # fmt: skip
    metrics = {"accumulated_cost": 0.0, "costs": list(costs), "token_usages": list(usages)}
    return {"instance_id": "shop-1", "metrics": {**metrics, **more}, "history": list(events)}


def events(place: Path, runs: Sequence[Record | str]) -> list[Event]:
    write(place / "output.jsonl", runs)
    return [event for _, event in happened(place)]


def test_recorded_runs_add_up_to_their_running_totals(shared: Path) -> None:
    path = shared / "data/openhands/multi_swe_bench_examples.jsonl"
    found = [event for _, event in happened(path)]
    totals = [
        json.loads(line)["metrics"]["accumulated_token_usage"]
        for line in path.read_text().splitlines()
    ]
    # prompts 565,158 + 410,169 + 938,015 and completions 2,558 + 5,156 + 5,627
    total = sum((call.usage for call in calls(found)), Usage())
    assert total == Usage(tokens_in=1_913_342, tokens_out=13_341)
    assert total.tokens_in == sum(each["prompt_tokens"] for each in totals)
    assert total.tokens_out == sum(each["completion_tokens"] for each in totals)
    # 23 + 33 + 49 responses; their costs are an empty list, so they are unknown and not nothing.
    assert len(calls(found)) == 105
    assert {call.calls[0].cost_nanousd for call in calls(found)} == {None}
    # In two runs the agent waited for a response of which no usage is recorded.
    assert sum(isinstance(event, CallFailed) for event in found) == 2
    assert sum("states no usage" in line.reason for line in broken(found)) == 2
    ends = [event for event in found if isinstance(event, TurnEnded)]
    assert [end.outcome for end in ends] == ["completed"] * 3


def test_recorded_costs_are_a_call_each_at_their_own_cost(shared: Path) -> None:
    found = [event for _, event in happened(shared / "data/openhands/resolver_output.jsonl")]
    costs = [call.calls[0].cost_nanousd or 0 for call in calls(found)]
    assert len(costs) == 4 + 22
    assert sum(costs) == 70_713_000 + 1_152_933_000
    assert any("states its tokens" in line.reason for line in broken(found))
    total = json.loads(
        command("usage", str(shared / "data/openhands/resolver_output.jsonl"), "--json").stdout
    )["total"]
    assert (total["calls"], total["cost_nanousd"]) == (26, 1_223_646_000)


def test_response_that_metrics_and_events_repeat_counts_once_at_the_events_time(
    tmp_path: Path,
) -> None:
    again = {**action(6, "r1", 100), "observation": "run", "cause": 5}
    del again["action"]
    found = events(tmp_path, [made([usage("r1", 100)], events=[action(5, "r1", 100), again])])
    [call] = calls(found)
    assert (buckets(call.usage), call.model) == ([100, 0, 0, 0, 1], MODEL)
    assert (call.at - START).total_seconds() == 5
    [tool] = [event for event in found if isinstance(event, ToolUsed)]
    assert (tool.name, tool.duration_ms) == ("run", 1000)


def test_response_that_the_history_alone_states_counts_too(tmp_path: Path) -> None:
    inner = {"id": "r2", "model": MODEL, "usage": {"prompt_tokens": 7, "completion_tokens": 2}}
    event = {"action": "run", "tool_call_metadata": {"model_response": inner}}
    found = calls(events(tmp_path, [made([usage("r1", 5)], events=[event])]))
    assert [(call.usage.tokens_in, call.model) for call in found] == [(5, MODEL), (7, MODEL)]


def test_cost_belongs_to_its_response_where_each_has_one(tmp_path: Path) -> None:
    costs = [{"model": MODEL, "cost": 0.5}, 0.25]
    found = calls(
        events(tmp_path, [made([usage("r1", 5), usage("r2", 6)], costs, accumulated_cost=0.75)])
    )
    assert [call.calls[0].cost_nanousd for call in found] == [500_000_000, 250_000_000]


def test_run_is_one_record_where_nobody_says_which_call_cost_what(tmp_path: Path) -> None:
    run = made([usage("r1", 5), usage("r2", 6), usage("r3", 7)], [0.5, 0.25], accumulated_cost=0.75)
    found = events(tmp_path, [run])
    [call] = [call.calls[0] for call in calls(found)]
    assert (call.calls, call.usage, call.cost_nanousd) == (3, Usage(18, tokens_out=3), 750_000_000)
    assert any("2 costs of 3 calls" in line.reason for line in broken(found))


def test_place_of_a_response_that_the_history_alone_states_is_not_known(tmp_path: Path) -> None:
    run = made([usage("r2", 6)], [0.5, 0.25], [action(1, "r1", 5), action(2, "r2", 6)])
    [call] = [call.calls[0] for call in calls(events(tmp_path, [run]))]
    assert (call.calls, call.usage.tokens_in, call.cost_nanousd) == (2, 11, 750_000_000)


def test_run_that_called_no_model_has_no_call(tmp_path: Path) -> None:
    nothing = {"prompt_tokens": 0, "completion_tokens": 0}
    assert calls(events(tmp_path, [made([], accumulated_token_usage=nothing)])) == []


def test_response_without_tokens_is_a_call_whose_cost_is_unknown(tmp_path: Path) -> None:
    [call] = calls(events(tmp_path, [made([usage("r1", 0, 0)])]))
    assert (call.calls[0].readable, call.fills_context) == (False, False)


def test_window_is_the_one_that_a_response_states(tmp_path: Path) -> None:
    usages = [{**usage("r1", 5), "context_window": 200_000}, usage("r2", 6)]
    assert [call.window for call in calls(events(tmp_path, [made(usages)]))] == [200_000, None]


def test_failed_call_has_the_time_of_the_response_before_it(tmp_path: Path) -> None:
    waited = [{"response_id": name} for name in ("r1", "lost", "r2")]
    acted = [action(1, "r1", 5), action(2, "r2", 6)]
    run = made([usage("r1", 5), usage("r2", 6)], (), acted, response_latencies=waited)
    [failure] = [event for event in events(tmp_path, [run]) if isinstance(event, CallFailed)]
    assert (failure.at - START).total_seconds() == 1


@pytest.mark.parametrize("cost", [0.0, 0.5])
def test_run_that_states_totals_alone_is_one_record(cost: float, tmp_path: Path) -> None:
    total = {"prompt_tokens": 90, "completion_tokens": 9, "cache_read_tokens": 50}
    run = made([], accumulated_cost=cost, accumulated_token_usage=total)
    [call] = [call.calls[0] for call in calls(events(tmp_path, [run]))]
    assert buckets(call.usage) == [40, 50, 0, 0, 9]
    assert (call.cost_nanousd, call.readable) == ((500_000_000, True) if cost else (None, False))


def test_running_total_is_compared_and_never_added(tmp_path: Path) -> None:
    total = {"prompt_tokens": 11, "completion_tokens": 2}
    run = made([usage("r1", 5), usage("r2", 6)], accumulated_token_usage=total)
    assert sum(call.usage.tokens_in for call in calls(events(tmp_path, [run]))) == 11
    lost = made([usage("r1", 5), "lost"], accumulated_token_usage=total)
    found = events(tmp_path, [lost])
    first, rest = (call.calls[0] for call in calls(found))
    assert (first.usage.tokens_in, first.calls, first.readable) == (5, 1, True)
    assert (rest.usage, rest.calls, rest.readable) == (Usage(6, tokens_out=1), 0, False)
    assert any("7 tokens more" in line.reason for line in broken(found))


@pytest.mark.parametrize(
    ("given", "read", "written", "expected"),
    [
        (100, 60, 30, [10, 60, 30, 0, 1]),  # LiteLLM counts both as a part of the prompt
        (100, 60, 70, [40, 60, 70, 0, 1]),  # older versions left out what was written
        (10, 60, 70, [10, 60, 70, 0, 1]),
    ],
)
def test_caches_are_a_part_of_the_prompt_where_they_fit_in(
    given: int, read: int, written: int, expected: list[int], tmp_path: Path
) -> None:
    [call] = calls(events(tmp_path, [made([usage("r1", given, 1, read, written)])]))
    assert buckets(call.usage) == expected


def test_proxy_before_a_models_name_is_its_route(tmp_path: Path) -> None:
    named = {**usage("r1", 5), "model": "litellm_proxy/claude-sonnet-4-5"}
    [call] = calls(events(tmp_path, [made([named])]))
    assert (call.model, call.calls[0].terms.route) == ("claude-sonnet-4-5", "litellm_proxy")


def test_run_that_states_an_error_failed_by_its_kind(tmp_path: Path) -> None:
    run = {**made([usage("r1", 5)]), "error": "AgentStuckInLoopError: it repeats itself"}
    [end] = [event for event in events(tmp_path, [run]) if isinstance(event, TurnEnded)]
    assert (end.outcome, end.error_type) == ("failed", "AgentStuckInLoopError")
    assert end.duration_ms is None  # no event has a time


def test_runs_of_one_instance_are_sessions_of_their_own_and_a_copy_is_none(tmp_path: Path) -> None:
    first, second = made([usage("r1", 5)]), made([usage("r2", 6)])
    write(tmp_path / "a/output.jsonl", [first, second])
    write(tmp_path / "b/merged.jsonl", [second])
    assert len({source.session for source in folder.find(tmp_path).sources}) == 2
    found = calls(event for _, event in happened(tmp_path))
    assert sorted(call.usage.tokens_in for call in found) == [5, 6]


TIMED = made([usage("r1", 5), usage("r2", 6)], events=[action(1, "r1", 5), action(2, "r2", 6)])
LINE = json.dumps(TIMED)
DAMAGE: list[tuple[str, list[Record | str], list[int], str]] = [
    ("cut off in the history", [LINE[: LINE.index('"history"') + 20]], [5, 6], "no JSON"),
    ("cut off in the usages", [LINE[: LINE.index('"r2"')]], [5], "no JSON"),
    ("a bad byte in a usage", [LINE.replace('"r1"', '"r1" \x01', 1)], [5, 6], "no JSON"),
    ("garbage between", [TIMED, "garbage", made([usage("r9", 9)])], [5, 6, 9], "no JSON"),
    ("no metrics in the first run", [{"metrics": None}, made([usage("r1", 5)])], [5], ""),
    ("no ids", [made([usage("", 5), usage("", 5)], events=[action(1, "", 5)])], [5, 5], ""),
    ("no times", [made([usage("r1", 5)])], [5], "no event has a time"),
    ("no model", [made([{**usage("r1", 5), "model": None}])], [5], "the model is"),
    ("counts as text", [made([usage("r1", 5, "x"), usage("r2", 6)])], [5, 6], "token_usages[0]"),
    ("giant counts", [made([usage("r1", 5, 10**30)])], [5], "token_usages[0]"),
    ("negative counts", [made([usage("r1", 5, -3)])], [5], "token_usages[0]"),
    ("usages of text", [made(["x", 7, None, usage("r1", 5)])], [5], ""),
    ("costs of text", [made([usage("r1", 5)], ["x", None, -1, 1e300])], [5], ""),
    ("history of text", [{**made([usage("r1", 5)]), "history": "x"}], [5], ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("runs", "inputs", "words"), [case[1:] for case in DAMAGE], ids=[case[0] for case in DAMAGE]
)
def test_damage_costs_no_more_than_its_own_place(
    runs: list[Record | str], inputs: list[int], words: str, tmp_path: Path
) -> None:
    found = events(tmp_path, runs)
    assert sorted(call.usage.tokens_in for call in calls(found)) == inputs
    assert any(words in line.reason for line in broken(found)) or not words


def test_damaged_line_of_a_file_of_many_runs_is_told_once(tmp_path: Path) -> None:
    found = events(tmp_path, [TIMED, made([usage("r9", 9)], events=[action(9, "r9", 9)]), "bad"])
    assert [line.line for line in broken(found)] == [3]


@given(place=st.integers(0, len(LINE) - 1), byte=st.integers(0, 255))
def test_one_bad_byte_costs_at_most_one_call(
    place: int, byte: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("openhands") / "s.jsonl"
    file.write_bytes(LINE[:place].encode() + bytes([byte]) + LINE[place + 1 :].encode())
    found = calls(event for _, event in happened(file))
    # A digit of the total cost becomes another: the run costs something, and is one record.
    assert {5, 6, 5 + 6} & {call.usage.tokens_in for call in found}


@given(order=st.permutations(range(4)), cut=st.integers(0, 4))
def test_runs_add_up_the_same_in_any_order_of_lines_and_files(
    order: list[int], cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("openhands")
    runs = [made([usage(f"r{n}", 10**n), usage(f"s{n}", 10**n)]) for n in order]
    write(place / "a.jsonl", runs[:cut])
    write(place / "b.jsonl", [*runs[cut:], *runs[:1]])
    found = calls(event for _, event in happened(place))
    assert sum(call.usage.tokens_in for call in found) == 2222
    assert sum(call.calls[0].calls for call in found) == 8


def test_run_that_is_cut_off_before_a_whole_one_on_its_line_keeps_its_responses(
    tmp_path: Path,
) -> None:
    first = {**made([usage("r1", 5), usage("r2", 6)]), "instance_id": "shop-1"}
    second = {**made([usage("r3", 7)]), "instance_id": "shop-2"}
    cut = json.dumps(first)[: json.dumps(first).index('"history"') + 12]
    found = events(tmp_path, [cut + json.dumps(second)])
    assert sorted(call.usage.tokens_in for call in calls(found)) == [5, 6, 7]


def test_reasoning_is_a_part_of_the_completion(tmp_path: Path) -> None:
    thought = {**usage("r1", 100, 50), "reasoning_tokens": 30}
    [call] = calls(events(tmp_path, [made([thought])]))
    assert (buckets(call.usage), call.usage.reasoning_tokens) == ([100, 0, 0, 0, 50], 30)


@pytest.mark.parametrize("cost", ["0.03", -1, 1e7, True, []], ids=repr)
def test_cost_that_is_no_amount_is_told(cost: object, tmp_path: Path) -> None:
    found = events(tmp_path, [made([usage("r1", 5)], accumulated_cost=cost)])
    assert [call.calls[0].cost_nanousd for call in calls(found)] == [None]
    assert any("accumulated_cost is" in line.reason for line in broken(found))
