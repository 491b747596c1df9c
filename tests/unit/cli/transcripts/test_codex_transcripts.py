"""Codex rollouts: repeated totals, forks that replay their parent, windows and turns."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from support.fleets.rollouts import (
    NEXT_TURN,
    PARENT,
    SESSION,
    TURN,
    counted,
    event,
    meta,
    read,
    said,
    tokens,
    turn,
)
from support.fleets.transcripts import (
    START,
    broken,
    calls,
    happened,
    totals_by_day,
    write,
)
from tachograph_cli.replay.transcripts.events import (
    CallFailed,
    Compacted,
    ModelCall,
    SessionFacts,
    ToolUsed,
    TurnEnded,
    TurnStarted,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_recorded_calls_equal_the_oracle_in_every_bucket(shared: Path) -> None:
    expected: Counter[tuple[object, ...]] = Counter()
    with gzip.open(shared / "data/oracles/codex-dev/expected_calls.jsonl.gz") as lines:
        for row in map(json.loads, lines):
            key = (datetime.fromisoformat(row["ts"]), row["session"], row["model"], row["window"])
            expected[(*key, row["input"], row["cache_read"], row["output"], row["reasoning"])] += 1
    counted: Counter[tuple[object, ...]] = Counter()
    for source, happening in happened(shared / "data/codex/dev"):
        if isinstance(happening, ModelCall):
            usage = happening.usage
            amounts = (usage.tokens_in, usage.cache_read_tokens, usage.tokens_out)
            key = (happening.at, source.session, happening.model, happening.window)
            counted[(*key, *amounts, usage.reasoning_tokens)] += 1
    assert counted == expected


def test_recorded_tokens_equal_the_oracle_by_day_and_model(shared: Path) -> None:
    days = json.loads((shared / "data/oracles/codex-dev/daily.json").read_text())["daily"]
    expected: Counter[tuple[str, str | None, str]] = Counter()
    for day in days:
        for model, row in day["models"].items():
            for bucket in ("input", "output", "cacheCreation", "cacheRead"):
                expected[day["date"], model, f"{bucket}Tokens"] += row[f"{bucket}Tokens"]
    called = calls(event for _, event in happened(shared / "data/codex/dev"))
    assert +totals_by_day(called) == +expected


def test_cached_tokens_are_a_part_of_the_input_and_reasoning_of_the_output(tmp_path: Path) -> None:
    last = tokens(100, 60, 20, 6)
    (call,) = calls(read(tmp_path, [meta(), *turn(1), counted(3, last, last)]))
    usage = call.usage
    assert (usage.tokens_in, usage.cache_read_tokens) == (40, 60)
    assert (usage.tokens_out, usage.reasoning_tokens) == (20, 6)
    assert (call.model, call.window) == ("gpt-5.3-codex", 258_400)
    assert usage.prompt_tokens == 100


def test_a_count_whose_totals_did_not_change_is_no_call(tmp_path: Path) -> None:
    first, second = tokens(100, 0, 10), tokens(100, 50, 10)
    both = tokens(200, 50, 20)
    lines = [
        counted(3, first, first),
        counted(4, first, first),
        event("token_count", 5, info=None, rate_limits={}),
        counted(6, second, both),
        counted(7, second, both),
    ]
    assert len(calls(read(tmp_path, [meta(), *turn(1), *lines]))) == 2


def test_without_the_last_call_the_difference_of_totals_is_one(tmp_path: Path) -> None:
    lines = [counted(3, None, tokens(100, 10, 10)), counted(6, None, tokens(250, 60, 30))]
    usages = [call.usage for call in calls(read(tmp_path, [meta(), *turn(1), *lines]))]
    assert [(use.tokens_in, use.cache_read_tokens, use.tokens_out) for use in usages] == [
        (90, 10, 10),
        (100, 50, 20),
    ]


@pytest.mark.parametrize(
    "origin",
    [
        {"source": {"subagent": {"thread_spawn": {"parent_thread_id": PARENT, "depth": 1}}}},
        {"forked_from_id": PARENT},
    ],
)
@pytest.mark.parametrize("burst_from", [0.0, 0.9])  # within a second of the clock, or across two
def test_a_forks_copy_of_its_parents_history_counts_for_nothing(
    origin: dict[str, Any], burst_from: float, tmp_path: Path
) -> None:
    one, two, three = tokens(100, 0, 10), tokens(200, 0, 20), tokens(350, 0, 35)
    copied = [
        meta(burst_from, **origin),
        meta(burst_from + 0.01, session=PARENT),
        *turn(burst_from + 0.02),
        counted(burst_from + 0.05, one, one),
        counted(burst_from + 0.15, one, two),
        event("task_complete", burst_from + 0.16, turn_id=TURN),
    ]
    own = [*turn(burst_from + 0.17, NEXT_TURN), counted(9, tokens(150, 0, 15), three)]
    events = read(tmp_path, [*copied, *own])
    (call,) = calls(events)
    assert call.usage.tokens_in == 150
    assert call.task == f"{SESSION}-{NEXT_TURN[-8:]}"
    (facts,) = [event for event in events if isinstance(event, SessionFacts)]
    assert facts.parent_session == PARENT


def test_a_spawned_agent_without_a_history_counts_from_its_first_call(tmp_path: Path) -> None:
    origin = {"source": {"subagent": {"thread_spawn": {"parent_thread_id": PARENT}}}}
    one = tokens(100, 0, 10)
    lines = [meta(0, **origin), *turn(0.01), counted(4, one, one), counted(4.5, one, one)]
    assert len(calls(read(tmp_path, lines))) == 1


def test_the_same_rollout_in_two_places_counts_once(tmp_path: Path) -> None:
    one = tokens(100, 0, 10)
    lines = [meta(), *turn(1), counted(3, one, one)]
    write(tmp_path / "sessions/rollout-a.jsonl", lines)
    write(tmp_path / "archived/rollout-a.jsonl", lines)
    assert len(calls(event for _, event in happened(tmp_path))) == 1


def test_a_turn_is_a_task_named_by_its_id(tmp_path: Path) -> None:
    one = tokens(100, 0, 10)
    two = tokens(200, 0, 20)
    lines = [
        *[meta(), *turn(1), counted(3, one, one), event("task_complete", 5, turn_id=TURN)],
        *[*turn(60, NEXT_TURN), counted(63, one, two), event("turn_aborted", 64, reason="stop")],
    ]
    events = [
        event for event in read(tmp_path, lines) if isinstance(event, TurnStarted | TurnEnded)
    ]
    at = [START + timedelta(seconds=second) for second in (1, 5, 60, 64)]
    assert events == [
        TurnStarted(at[0], TURN),
        TurnEnded(at[1], TURN, duration_ms=4000),
        TurnStarted(at[2], NEXT_TURN),
        TurnEnded(at[3], NEXT_TURN, None, "cancelled", "stop", 4000),
    ]


def test_older_rollouts_without_turn_ids_number_their_prompts(tmp_path: Path) -> None:
    one, two = tokens(100, 0, 10), tokens(200, 0, 20)
    context = said("turn_context", 1, model="gpt-5")
    lines = [
        *[meta(), context, event("user_message", 1), counted(3, one, one)],
        *[event("user_message", 60), counted(63, one, two)],
    ]
    assert [c.task for c in calls(read(tmp_path, lines))] == [f"{SESSION}-1", f"{SESSION}-2"]


def test_tools_failures_and_compactions_are_told(tmp_path: Path) -> None:
    one = tokens(100, 0, 10)
    call = {"type": "function_call", "call_id": "c1", "name": "exec_command"}
    output = {"type": "function_call_output", "call_id": "c1", "output": {"success": False}}
    lines = [
        *[meta(), *turn(1), counted(3, one, one)],
        *[said("response_item", 4, **call), said("response_item", 6, **output)],
        said("response_item", 7, type="web_search_call", status="completed"),
        event("stream_error", 8, message="reset"),
        said("compacted", 9),
    ]
    at = [START + timedelta(seconds=second) for second in range(10)]
    events = read(tmp_path, lines)
    assert [event for event in events if isinstance(event, ToolUsed)] == [
        ToolUsed(at[6], TURN, None, "exec_command", error=True, duration_ms=2000),
        ToolUsed(at[7], TURN, None, "web_search", error=False, duration_ms=0),
    ]
    assert CallFailed(at[8], TURN, None) in events
    assert Compacted(at[9], TURN, None, None) in events


def test_a_broken_line_is_named_and_nothing_else_is_lost(tmp_path: Path) -> None:
    one, two = tokens(100, 0, 10), tokens(200, 0, 20)
    bad = counted(4, {"input_tokens": "many"}, None)
    lines = [meta(), *turn(1), counted(3, one, one), bad, counted(5, one, two)]
    events = read(tmp_path, lines)
    (found,) = broken(events)
    assert (found.line, found.reason) == (
        5,
        "last_token_usage: input_tokens is 'many'; expected a whole number of tokens, up to 10^15",
    )
    assert len(calls(events)) == 2
