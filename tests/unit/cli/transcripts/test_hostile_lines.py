"""A line with any value at any place costs at most itself: nothing is raised, the rest counts."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.fleets.rollouts import counted, event, meta, response, tokens, turn
from support.fleets.rollouts import said as codex_said
from support.fleets.transcripts import Record, answer, calls, happened, nested, prompt, said, write

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from([10**60, -1, "", "x" * 300, "\x1b[31m", "2026-02-16T18:00:00Z", "\udcff"])
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
_TOOL = {"type": "tool_use", "id": "t1", "name": "Bash"}
_RESULT = {"type": "tool_result", "tool_use_id": "t1", "is_error": False}
CLAUDE = [
    prompt(3, "other"),
    answer(4, [5, 0, 0, 0, 5], identity="m5", request="r5", content=[_TOOL]),
    said("user", 5, message={"role": "user", "content": [_RESULT]}, toolUseResult={"agentId": "a"}),
    said("system", 6, subtype="compact_boundary", compactMetadata={"postTokens": 5}),
    said("system", 6, subtype="api_error"),
    said("system", 7, subtype="turn_duration", durationMs=5),
    said("progress", 7, data={"hookEvent": "Stop"}),
    nested("a1", answer(8, [1, 0, 0, 0, 1], identity="m6")),
    {"type": "cost-state", "sessionId": "s", "modelUsage": {"m": {"inputTokens": 1, "costUSD": 1}}},
    {**said("pr-link", 8), "prUrl": "https://example.invalid/1"},
]
CODEX = [
    event("task_started", 3, turn_id="other", model_context_window=9),
    codex_said("turn_context", 3, turn_id="other", model="gpt-5"),
    counted(4, tokens(5, 0, 5), tokens(105, 0, 105)),
    response(4, tokens(5, 0, 5), "resp_2"),
    codex_said("response_item", 5, type="function_call", call_id="c", name="shell"),
    codex_said("response_item", 5, type="function_call_output", call_id="c", output="{}"),
    codex_said("compacted", 6, message=""),
    event("task_complete", 7, turn_id="other"),
    event("error", 7, message="x"),
]


def spoilt(record: Record, path: list[int], value: object) -> Record:
    """Return a record with another value at a place, which the numbers of `path` lead to."""
    changed = copy.deepcopy(record)
    place: Any = changed
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = keys[path[0] % len(keys)]
        path = path[1:]
        if path and isinstance(place[key], dict | list) and place[key]:
            place = place[key]
            continue
        place[key] = value
        return changed


def counts(place: Path, lines: list[Record]) -> int:
    """Return the tokens out of the first call, which no other line is about."""
    write(place / "rollout-s.jsonl", lines)
    found = calls(event for _, event in happened(place))
    return sum(call.usage.tokens_out for call in found if call.usage.tokens_out == FIRST)


FIRST = 100
PATHS = st.lists(st.integers(0, 20), min_size=1, max_size=5)


@pytest.mark.parametrize(
    "line", CLAUDE, ids=lambda line: f"{line['type']} {line.get('subtype', '')}"
)
@given(path=PATHS, value=ANYTHING)
def test_line_of_claude_code_with_anything_anywhere_costs_itself_alone(
    line: Record, path: list[int], value: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lines = [prompt(0), answer(1, [100, 0, 0, 0, FIRST]), spoilt(line, path, value), prompt(9)]
    assert counts(tmp_path_factory.mktemp("claude"), lines) == FIRST


@pytest.mark.parametrize(
    "line", CODEX, ids=lambda line: f"{line['type']} {line['payload'].get('type')}"
)
@given(path=PATHS, value=ANYTHING)
def test_line_of_codex_with_anything_anywhere_costs_itself_alone(
    line: Record, path: list[int], value: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first = counted(2, tokens(100, 0, FIRST), tokens(100, 0, FIRST))
    lines = [meta(), *turn(1), first, spoilt(line, path, value), *turn(9)]
    assert counts(tmp_path_factory.mktemp("codex"), lines) == FIRST
