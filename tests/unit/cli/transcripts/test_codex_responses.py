"""Codex rollouts since 0.145: a record for each response, cache writes, copies, compression."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import zstandard

from support.fleets.rollouts import (
    NEXT_TURN,
    PARENT,
    SESSION,
    counted,
    event,
    meta,
    read,
    response,
    said,
    tokens,
    turn,
)
from support.fleets.transcripts import Record, broken, calls, happened, write
from tachograph_cli.replay.transcripts.events import (
    CallFailed,
    Compacted,
    ModelCall,
    TurnEnded,
    TurnStarted,
)

ONE, TWO, THREE = tokens(100, 0, 10), tokens(200, 50, 20), tokens(400, 50, 40)


def inputs(path: Path, lines: list[Record]) -> list[int]:
    return [call.usage.prompt_tokens for call in calls(read(path, lines))]


def test_response_that_is_also_told_by_a_total_counts_once(shared: Path) -> None:
    events = [event for _, event in happened(shared / "data/newer/codex/0.156.0-usage-record")]
    [call] = calls(events)
    # 26,552 in with 7,040 of them cached
    assert (call.usage.tokens_in, call.usage.cache_read_tokens) == (19_512, 7_040)
    assert (call.usage.tokens_out, call.window, call.model) == (234, 258_400, "gpt-6-astra")


def test_records_count_by_thread_and_response_and_totals_beside_them_do_not(tmp_path: Path) -> None:
    lines = [meta(), *turn(1), response(2, ONE), counted(2, ONE, ONE), response(3, ONE)]
    lines += [response(4, TWO, "resp_2"), counted(4, TWO, THREE)]
    assert inputs(tmp_path, lines) == [100, 200]


def test_totals_of_a_version_before_records_count_until_the_first_record(tmp_path: Path) -> None:
    lines = [meta(), *turn(1), counted(2, ONE, ONE), response(3, TWO), counted(3, TWO, THREE)]
    assert inputs(tmp_path, lines) == [100, 200]


def test_cache_writes_are_a_part_of_the_input(shared: Path) -> None:
    events = [event for _, event in happened(shared / "data/newer/codex/0.146.0-exec-turn")]
    assert [call.usage.cache_write_tokens for call in calls(events)] == [21_196, 267]
    for call in calls(events):
        assert call.usage.tokens_in >= 0
        assert call.usage.prompt_tokens < 10**5


def test_copy_of_a_record_in_a_compaction_is_no_call(tmp_path: Path) -> None:
    copied = response(2, ONE)["payload"]
    compacted = said("compacted", 3, latest_token_usage_record=copied, window_number=2)
    assert inputs(tmp_path, [meta(), *turn(1), response(2, ONE), compacted]) == [100]


@pytest.mark.parametrize("start", [5, "5"])
def test_ordinal_decides_what_is_the_parents(tmp_path: Path, start: int | str) -> None:
    copied = [*turn(0.5), counted(0.6, ONE, ONE)]
    own = [*turn(0.8, NEXT_TURN), counted(0.9, TWO, THREE)]
    child = meta(parent_thread_id=PARENT, subagent_history_start_ordinal=start)
    lines = [child, meta(0.1, PARENT), *copied, *own]
    numbered = [{**line, "ordinal": n} for n, line in enumerate(lines)]
    assert inputs(tmp_path, numbered) == [200]
    started = [e.task for e in read(tmp_path, numbered) if isinstance(e, TurnStarted)]
    assert len(started) == 1


def test_fixture_of_a_fork_has_the_childs_turn_alone(shared: Path) -> None:
    events = [event for _, event in happened(shared / "data/newer/codex/fork-ordinals")]
    [turned] = [event for event in events if isinstance(event, TurnStarted)]
    assert turned.task.startswith("child-thread-")


def test_record_of_another_thread_is_the_parents(tmp_path: Path) -> None:
    lines = [meta(forked_from_id=PARENT), response(5, ONE, thread=PARENT), *turn(9)]
    assert inputs(tmp_path, [*lines, response(10, TWO, "resp_2")]) == [200]


@pytest.mark.parametrize("pause_s", [0.0, 0.5, 90.0])
def test_parents_own_file_decides_whatever_the_pauses_are(tmp_path: Path, pause_s: float) -> None:
    history = [
        *[*turn(1), counted(2, ONE, ONE), event("stream_error", 3, message="reset")],
        said("compacted", 4, window_number=1),
        event("task_complete", 5, turn_id=turn(1)[0]["payload"]["turn_id"]),
    ]
    write(tmp_path / "rollout-a.jsonl", [meta(0, PARENT), *history])
    copies = [
        {**line, "timestamp": meta(100 + n * pause_s)["timestamp"]}
        for n, line in enumerate(history)
    ]
    own = [*turn(800, NEXT_TURN), counted(801, TWO, THREE), event("task_complete", 802)]
    write(tmp_path / "rollout-b.jsonl", [meta(99, forked_from_id=PARENT), *copies, *own])
    events = [event for _, event in happened(tmp_path)]
    assert [call.usage.prompt_tokens for call in calls(events)] == [100, 200]
    for kind in (CallFailed, Compacted):
        assert sum(isinstance(event, kind) for event in events) == 1
    assert sum(isinstance(event, TurnEnded) for event in events) == 2


def test_unknown_record_that_states_tokens_is_told_and_others_are_not(tmp_path: Path) -> None:
    lines = [meta(), *turn(1), response(2, ONE), said("world_state", 3, tokens=9)]
    lines += [said("usage_v2", 4, usage={"input_tokens": 7}), said("hologram", 5, size=3)]
    [told] = broken(read(tmp_path, lines))
    assert told.line == 6
    assert told.reason == "a record of the type 'usage_v2' states tokens; it is not known"


def test_compacted_context_is_not_known_and_never_empty(tmp_path: Path) -> None:
    events = read(tmp_path, [meta(), *turn(1), response(2, ONE), said("compacted", 3)])
    [compacted] = [event for event in events if isinstance(event, Compacted)]
    assert compacted.context_tokens is None


def compressed(lines: list[Record]) -> bytes:
    text = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
    return zstandard.ZstdCompressor().compress(text)


def test_compressed_rollout_is_read_and_its_plain_copy_counts_nothing_more(tmp_path: Path) -> None:
    lines = [meta(), *turn(1), response(2, ONE), response(4, TWO, "resp_2")]
    (tmp_path / f"rollout-{SESSION}.jsonl.zst").write_bytes(compressed(lines))
    events = [event for _, event in happened(tmp_path)]
    assert [call.usage.prompt_tokens for call in calls(events)] == [100, 200]
    write(tmp_path / f"rollout-{SESSION}.jsonl", lines)
    both = [event for _, event in happened(tmp_path) if isinstance(event, ModelCall)]
    assert [call.usage.prompt_tokens for call in both] == [100, 200]


def test_compressed_rollout_that_is_damaged_keeps_what_can_be_read(tmp_path: Path) -> None:
    lines = [meta(), *turn(1), response(2, ONE)]
    whole = compressed(lines) + compressed([response(n, ONE, f"r-{n}") for n in range(3, 300)])
    (tmp_path / "rollout-x.jsonl.zst").write_bytes(whole[:-40] + b"\0" * 40)
    events = [event for _, event in happened(tmp_path)]
    assert [call.usage.prompt_tokens for call in calls(events)][:1] == [100]
    assert "the file is damaged here" in broken(events)[-1].reason
