"""Claude Code transcripts: what is a call, whose it is, and what a broken line costs."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from support.places import CASES
from support.transcripts import (
    SESSION,
    START,
    Record,
    answer,
    broken,
    buckets,
    calls,
    happened,
    nested,
    prompt,
    said,
    stamp,
    totals_by_day,
    write,
)
from tachograph_cli.replay.transcripts import claude, claude_lines, folder
from tachograph_cli.replay.transcripts.deduplication import CallRegistry
from tachograph_cli.replay.transcripts.events import (
    CallFailed,
    Compacted,
    ModelCall,
    SessionFacts,
    Source,
    ToolUsed,
    TurnEnded,
    TurnStarted,
)

CASES = yaml.safe_load((CASES / "claude_transcripts.yaml").read_text())


def line(case: dict[str, Any]) -> Record:
    record = answer(
        case["at"],
        case["tokens"],
        identity=case.get("id"),
        request=case.get("request"),
        model=case.get("model", "claude-opus-4-6"),
        isSidechain=case.get("side", False),
    )
    return nested(case["nested"], record) if "nested" in case else record


@pytest.mark.parametrize("case", CASES, ids=[case["promise"] for case in CASES])
def test_lines_make_the_calls_the_rules_say(case: dict[str, Any], tmp_path: Path) -> None:
    write(tmp_path / "s.jsonl", [prompt(0), *map(line, case["lines"])])
    found = [
        [(call.at - START).total_seconds(), buckets(call.usage)]
        for call in calls(event for _, event in happened(tmp_path))
    ]
    assert found == case["calls"]


def test_recorded_calls_equal_the_oracle_in_every_bucket(shared: Path) -> None:
    expected: Counter[tuple[object, ...]] = Counter()
    with gzip.open(shared / "data/oracles/claude-dev/expected_calls.jsonl.gz") as lines:
        for row in map(json.loads, lines):
            if row["model"] == claude_lines.SYNTHETIC:
                continue  # the oracle lists them, at no tokens; they are no calls
            tokens = (row["input"], row["cache_read"], row["cache_write"], row["cache_write_1h"])
            key = (datetime.fromisoformat(row["ts"]), row["session"], row["model"])
            expected[(*key, *tokens, row["output"])] += 1
    found: Counter[tuple[object, ...]] = Counter()
    by_source: dict[str, list[ModelCall]] = {}
    for source, event in happened(shared / "data/claude-code/dev"):
        if isinstance(event, ModelCall):
            by_source.setdefault(source.session, []).append(event)
    for session, called in by_source.items():
        for call in calls(called):
            # The oracle dates a call by its largest line, we by its first.
            found[call.line_at, session, call.model, *buckets(call.usage)] += 1
    assert found == expected


def test_recorded_tokens_equal_the_oracle_by_day_and_model(shared: Path) -> None:
    days = json.loads((shared / "data/oracles/claude-dev/daily.json").read_text())["daily"]
    expected: Counter[tuple[str, str | None, str]] = Counter()
    for day in days:
        for row in day["modelBreakdowns"]:
            for bucket in ("input", "output", "cacheCreation", "cacheRead"):
                expected[day["date"], row["modelName"], f"{bucket}Tokens"] += row[f"{bucket}Tokens"]
    called = calls(event for _, event in happened(shared / "data/claude-code/dev"))
    assert +totals_by_day(called) == +expected


def test_states_of_a_transcript_hold_the_calls_of_the_largest_whatever_their_order(
    shared: Path,
) -> None:
    grown = shared / "data/claude-code/snapshots/f736da47-b2ca-4f86-bb32-a1bbe582e464"
    files = sorted(grown.glob("*.jsonl"))
    alone = calls(event for _, event in happened(files[-1]))
    for order in (files, files[::-1], [files[2], files[0], files[3], files[1]]):
        with closing(CallRegistry()) as registry:
            sources = [folder.recognise(file) for file in order]
            events = [
                event for source in sources if source for event in folder.read(source, registry)
            ]
        assert sorted(calls(events), key=lambda c: c.line_at) == sorted(
            alone, key=lambda c: c.line_at
        )


def test_a_transcript_that_has_grown_says_first_what_it_said_before(shared: Path) -> None:
    for session in (shared / "data/claude-code/snapshots").iterdir():
        states = sorted(session.glob("*.jsonl"), key=lambda path: path.stat().st_size)
        told = [[event for _, event in happened(state)] for state in states]
        if told[0][0] != told[-1][0]:
            continue  # parts that share nothing
        for before, after in pairwise(told):
            assert after[: len(before)] == before


COPIES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 500)),  # which call, how many tokens out so far
    min_size=1,
    max_size=30,
)


@given(COPIES, st.randoms(use_true_random=False))
def test_any_interleaving_and_repetition_of_a_calls_lines_gives_the_same_totals(
    copies: list[tuple[int, int]], rnd: Random
) -> None:
    def totals(lines: list[tuple[int, int]]) -> dict[str, int]:
        source = Source(Path("s.jsonl"), "claude-code", SESSION, None, START, None)
        with closing(CallRegistry()) as registry:
            reader = claude.Reader(source, registry)
            added: Counter[str] = Counter()
            calls_made = 0
            for place, (which, out) in enumerate(lines):
                names = {"identity": f"m{which}", "request": f"r{which}"}
                for event in reader.read(answer(place, [which, 5, 6, 2, out], **names)):
                    if isinstance(event, ModelCall):
                        before = event.counted_before
                        news = event.usage if before is None else event.usage - before
                        calls_made += before is None
                        added["in"] += news.tokens_in
                        added["out"] += news.tokens_out
                        added["read"] += news.cache_read_tokens
                        added["write"] += news.cache_write_tokens
            return {**added, "calls": calls_made}

    shuffled = [*copies, *rnd.choices(copies, k=5)]
    rnd.shuffle(shuffled)
    largest = {which: max(out for w, out in copies if w == which) for which, _ in copies}
    assert totals(copies) == totals(shuffled)
    assert totals(shuffled) == {
        "calls": len(largest),
        "in": sum(largest),
        "out": sum(largest.values()),
        "read": 5 * len(largest),
        "write": 6 * len(largest),
    }


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


def test_a_call_copied_into_another_sessions_file_counts_once(tmp_path: Path) -> None:
    original = [prompt(0), answer(1, [1, 0, 0, 0, 1])]
    resumed = [{**record, "sessionId": "resumed"} for record in original]
    more = {**answer(9, [2, 0, 0, 0, 2], identity="m2"), "sessionId": "resumed"}
    write(tmp_path / "a.jsonl", original)
    write(tmp_path / "b.jsonl", [*resumed, more])
    found = calls(event for _, event in happened(tmp_path))
    assert [buckets(call.usage)[0] for call in found] == [1, 2]


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
    json.dumps(answer(1, [1, 0, 0, 0, 1]) | {"timestamp": "soon"}): "timestamp is 'soon'",
    json.dumps(answer(1, [-1, 0, 0, 0, 1])): "input_tokens is -1; expected a whole number",
    json.dumps(answer(1, [1, 0, 0, 0, 1], model="")): "message.model is ''",
    json.dumps(answer(1, [1, 0, 0, 0, 1], identity="a\ud800")): "message.id is",
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
    (found,) = broken(events)
    assert (found.path, found.line) == (path, 3)
    assert found.reason.startswith(BROKEN[text])
    assert [buckets(call.usage)[0] for call in calls(events)] == [1, 2]


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


def test_memory_does_not_grow_with_the_folder(tmp_path: Path) -> None:
    # In a process of its own: what else goes on in this one would be counted too.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
        few = alone.submit(_peak, tmp_path, 2).result()
        assert alone.submit(_peak, tmp_path, 20).result() < 1.5 * few + 100_000


def _peak(tmp_path: Path, files: int) -> int:
    """Return how many bytes it takes, at most, to read so many files."""
    calls_each = 800
    place = tmp_path / str(files)
    place.mkdir()
    for number in range(files):
        with (place / f"{number}.jsonl").open("w") as out:
            for call in range(calls_each):
                names = {"identity": f"m{number}-{call}", "request": None}
                record = answer(call, [1, 0, 0, 0, 1], **names)
                record |= {"sessionId": f"s{number}", "timestamp": stamp(call)}
                out.write(json.dumps(record) + "\n")
    tracemalloc.start()
    with closing(CallRegistry()) as registry:
        found = 0
        sources = folder.find(place).sources
        for source in sources:
            folder.claim(source, registry)
        for source in sources:
            found += sum(isinstance(event, ModelCall) for event in folder.read(source, registry))
    assert found == files * calls_each
    _, high = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return high
