"""Turns of Claude Code transcripts: tasks, tools, sub-agents, failures and unreadable lines."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from support.fleets.transcripts import (
    SESSION,
    START,
    answer,
    broken,
    buckets,
    calls,
    happened,
    nested,
    prompt,
    said,
    write,
)
from tachograph_cli.replay.transcripts import folder
from tachograph_cli.replay.transcripts.deduplication import CallRegistry
from tachograph_cli.replay.transcripts.events import (
    CallFailed,
    Compacted,
    ModelCall,
    SessionFacts,
    ToolUsed,
    TurnEnded,
    TurnStarted,
)


def test_a_turn_is_a_task_from_its_prompt_to_its_recorded_end(tmp_path: Path) -> None:
    lines = [
        prompt(0, "aaaaaaaa-1"),
        answer(1, [1, 0, 0, 0, 1]),
        said("system", 5, subtype="stop_hook_summary"),
        said("system", 6, subtype="turn_duration", durationMs=4321),
        prompt(9, "bbbbbbbb-2"),
        answer(10, [1, 0, 0, 0, 1], identity="m2"),
    ]
    write(tmp_path / "s.jsonl", lines)
    events = [event for _, event in happened(tmp_path) if not isinstance(event, SessionFacts)]
    first, second = f"{SESSION}-aaaaaaaa", f"{SESSION}-bbbbbbbb"
    at = [START + timedelta(seconds=second) for second in range(11)]
    assert [event for event in events if not isinstance(event, ModelCall)] == [
        TurnStarted(at[0], first),
        TurnEnded(at[5], first, duration_ms=5000),
        TurnEnded(at[6], first, duration_ms=4321),  # the recorded time is the better one
        TurnStarted(at[9], second),
    ]
    assert [call.task for call in calls(events)] == [first, second]


def test_a_turn_without_a_recorded_end_is_over_when_the_next_begins(tmp_path: Path) -> None:
    write(
        tmp_path / "s.jsonl",
        [prompt(0), answer(7, [1, 0, 0, 0, 1]), prompt(60, "other"), said("user", 61, isMeta=True)],
    )
    ended = [event for _, event in happened(tmp_path) if isinstance(event, TurnEnded)]
    assert ended == [
        TurnEnded(START + timedelta(seconds=7), f"{SESSION}-prompt01", duration_ms=7000)
    ]


def test_meta_notes_summaries_and_tool_results_begin_no_turn(tmp_path: Path) -> None:
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1"}]}
    write(
        tmp_path / "s.jsonl",
        [
            prompt(0),
            prompt(1, "note", isMeta=True),
            prompt(2, "summary", isCompactSummary=True),
            said("user", 3, message=result),
            prompt(4, "side", isSidechain=True),
        ],
    )
    assert sum(isinstance(event, TurnStarted) for _, event in happened(tmp_path)) == 1


def test_calls_before_any_prompt_have_a_task_of_their_own(tmp_path: Path) -> None:
    write(tmp_path / "s.jsonl", [answer(1, [1, 0, 0, 0, 1])])
    assert [c.task for c in calls(e for _, e in happened(tmp_path))] == [f"{SESSION}-start"]


def test_a_later_part_of_a_transcript_does_not_report_on_the_task_of_an_earlier(
    tmp_path: Path,
) -> None:
    begun = [prompt(0), answer(1, [1, 0, 0, 0, 1])]
    rest = [answer(2, [2, 0, 0, 0, 2], identity="m2", parentUuid="assistant-1", uuid="restrest-1")]
    write(tmp_path / "a.jsonl", begun)
    write(tmp_path / "b.jsonl", rest)
    tasks = [call.task for call in calls(event for _, event in happened(tmp_path))]
    assert tasks == [f"{SESSION}-prompt01", f"{SESSION}-from-restrest"]


def test_tools_are_counted_when_they_answer_with_their_errors_and_time(tmp_path: Path) -> None:
    uses = [{"type": "tool_use", "id": f"t{n}", "name": name} for n, name in enumerate("abc")]
    results = [
        {"type": "tool_result", "tool_use_id": "t0"},
        {"type": "tool_result", "tool_use_id": "t1", "is_error": True},
    ]
    lines = [
        prompt(0),
        answer(1, [1, 0, 0, 0, 1], content=uses),
        said("user", 3.5, message={"content": results}),
        said("user", 4, message={"content": results}),
    ]
    write(tmp_path / "s.jsonl", lines)
    tools = [event for _, event in happened(tmp_path) if isinstance(event, ToolUsed)]
    assert [(tool.name, tool.error, tool.duration_ms) for tool in tools] == [
        ("a", False, 2500),
        ("b", True, 2500),
    ]


def test_nested_sub_agents_are_subtasks_that_end_with_the_tool_that_started_them(
    tmp_path: Path,
) -> None:
    use = {"type": "tool_use", "id": "tool-a1", "name": "Task"}
    result = {"content": [{"type": "tool_result", "tool_use_id": "tool-a1"}]}
    lines = [
        prompt(0),
        answer(1, [1, 0, 0, 0, 1], content=[use]),
        nested("a1", answer(2, [9, 0, 0, 0, 9], identity="m2")),
        said("user", 3, message=result),
    ]
    write(tmp_path / "s.jsonl", lines)
    events = [event for _, event in happened(tmp_path)]
    subtask = f"{SESSION}-prompt01.a1"
    assert [(c.task, c.agent) for c in calls(events)] == [
        (f"{SESSION}-prompt01", None),
        (subtask, "a1"),
    ]
    assert TurnEnded(START + timedelta(seconds=3), subtask, "a1") in events


@pytest.mark.parametrize("place", ["p/{s}/subagents/agent-a1.jsonl", "p/agent-a1.jsonl"])
def test_a_sub_agents_own_file_is_a_window_of_its_own_under_the_task_that_started_it(
    place: str, tmp_path: Path
) -> None:
    launched = prompt(2, "ignored", toolUseResult={"agentId": "a1"})
    launched["message"]["content"] = [{"type": "tool_result", "tool_use_id": "t"}]
    write(tmp_path / f"p/{SESSION}.jsonl", [prompt(0), answer(1, [1, 0, 0, 0, 1]), launched])
    own = {"isSidechain": True, "agentId": "a1"}
    write(
        tmp_path / place.format(s=SESSION),
        [prompt(0.5, "task", **own), answer(0.6, [5, 0, 0, 0, 5], identity="m2", **own)],
    )
    with closing(CallRegistry()) as registry:
        main, agent = folder.find(tmp_path).sources
        list(folder.read(main, registry))
        (call,) = calls(folder.read(agent, registry))
        assert (agent.owner, call.agent) == (f"{SESSION}.a1", "a1")
        assert call.task == f"{SESSION}-start.a1"
        assert registry.spawning_task(agent.owner) == f"{SESSION}-prompt01"


def test_failed_requests_and_compactions_are_told_once(tmp_path: Path) -> None:
    failure = said("system", 2, subtype="api_error", error={"status": 529})
    compacted = said(
        "system",
        3,
        subtype="compact_boundary",
        compactMetadata={"preTokens": 163509, "postTokens": 9000},
    )
    lines = [prompt(0), answer(1, [1, 0, 0, 0, 1]), failure, compacted]
    write(tmp_path / "a.jsonl", lines)
    write(tmp_path / "b.jsonl", [*lines, answer(5, [2, 0, 0, 0, 2], identity="m2")])
    events = [event for _, event in happened(tmp_path)]
    task = f"{SESSION}-prompt01"
    assert events.count(CallFailed(START + timedelta(seconds=2), task, None)) == 1
    assert events.count(Compacted(START + timedelta(seconds=3), task, None, 9000)) == 1


BROKEN = {
    '{"type": "assistant", "mess': "the line is no JSON",
    "[1, 2]": "the line is [1, 2]; expected an object",
    '"text"': "the line is 'text'; expected an object",
    "\udcff": "the line is no JSON",
    "[" * 100_000: "the line is nested too deeply",
    json.dumps(answer(1, [1, 0, 0, 0, 1]) | {"message": 7}): "message is 7; expected an object",
}


@pytest.mark.parametrize("text", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_line_is_named_with_its_reason_and_nothing_else_is_lost(
    text: str, tmp_path: Path
) -> None:
    sound = [prompt(0), answer(1, [1, 0, 0, 0, 1])]
    rest = answer(9, [2, 0, 0, 0, 2], identity="m2")
    path = tmp_path / "s.jsonl"
    lines = [json.dumps(record) for record in sound] + [text, json.dumps(rest)]
    path.write_bytes("\n".join(lines).encode(errors="surrogateescape"))
    events = [event for _, event in happened(tmp_path)]
    (calls_read,) = broken(events)
    assert (calls_read.path, calls_read.line) == (path, 3)
    assert calls_read.reason.startswith(BROKEN[text])
    assert [buckets(call.usage)[0] for call in calls(events)] == [1, 2]


_THIRD = answer(5, [7, 0, 0, 0, 70], identity="m3", request="r3")
_TEXT = json.dumps(_THIRD)
DAMAGED = {
    _TEXT.replace('"content": []', '"content": [{"type": "text", "text": "\udcff"}]'): None,
    "\0\0\0" + _TEXT: None,
    _TEXT[:20] + "\0" + _TEXT[20:]: None,
    json.dumps(prompt(4)) + _TEXT: None,
    _TEXT + "  " + json.dumps(prompt(6)): None,
    _TEXT + '{"type": "assis': "the line is no JSON",
    json.dumps(_THIRD | {"timestamp": "soon"}): "timestamp is 'soon'",
    json.dumps(_THIRD | {"timestamp": None}): "timestamp is None",
    json.dumps(_THIRD | {"timestamp": 1771264805}): None,
    json.dumps(_THIRD | {"timestamp": 1771264805123}): None,
    json.dumps(_THIRD | {"timestamp": "1771264805.5"}): None,
    json.dumps({name: value for name, value in _THIRD.items() if name != "uuid"}): None,
    json.dumps(answer(5, [7, 0, 0, 0, 70], model="", identity="m3")): "message.model is ''",
    json.dumps(answer(5, [7, 0, 0, 0, 70], model=None, identity="m3")): "message.model is None",
    json.dumps(answer(5, [7, 0, 0, 0, 70], identity="", request="r3")): None,
    json.dumps(answer(5, [7, 0, 0, 0, 70], identity="a\ud800", request="r3")): None,
    json.dumps(answer(5, [7, 0, 0, 0, 70], identity="m3", request="")): None,
    json.dumps(answer(5, [7, -1, 0, 0, 70], identity="m3")): "message.usage: Invalid usage value",
}


@pytest.mark.parametrize("text", DAMAGED, ids=range(len(DAMAGED)))
def test_of_a_damaged_line_all_that_can_be_read_is_counted_and_the_rest_is_told(
    text: str, tmp_path: Path
) -> None:
    path = tmp_path / "s.jsonl"
    lines = [json.dumps(prompt(0)), json.dumps(answer(1, [1, 0, 0, 0, 1])), text]
    path.write_bytes("\n".join(lines).encode(errors="surrogateescape"))
    events = [event for _, event in happened(tmp_path)]
    assert [buckets(call.usage)[4] for call in calls(events)] == [1, 70]
    told = [line.reason for line in broken(events)]
    assert len(told) == (DAMAGED[text] is not None)
    assert all(reason.startswith(str(DAMAGED[text])) for reason in told)


def test_unknown_records_and_blank_lines_are_ignored(tmp_path: Path) -> None:
    strange = [
        said("hologram", 1, payload=[1]),
        {"type": "summary", "leafUuid": "x"},
        {"type": 7, "sessionId": SESSION},
        {"type": "progress", "data": {"type": "new_progress"}},
    ]
    write(tmp_path / "s.jsonl", [*strange, "", prompt(0), "   ", answer(1, [1, 0, 0, 0, 1])])
    events = [event for _, event in happened(tmp_path)]
    assert not broken(events)
    assert len(calls(events)) == 1


def test_session_is_the_one_its_file_is_named_for_although_it_begins_with_copies(
    tmp_path: Path,
) -> None:
    own = "22222222-2222-4333-8444-555555555555"
    copied = [prompt(0), answer(1, [1, 0, 0, 0, 1])]
    further = [{**answer(9, [2, 0, 0, 0, 2], identity="m2"), "sessionId": own}]
    write(tmp_path / f"{SESSION}.jsonl", copied)
    write(tmp_path / f"{own}.jsonl", [*copied, *further])
    assert sorted(source.session for source in folder.find(tmp_path).sources) == [SESSION, own]
    assert [buckets(call.usage)[0] for call in calls(e for _, e in happened(tmp_path))] == [1, 2]
