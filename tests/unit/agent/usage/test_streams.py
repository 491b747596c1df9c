"""A stream's usage is the same however it is split: running counts are never added up."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tachograph.usage.response import read_response
from tachograph_schema.usage import Usage

Chunk = dict[str, Any]
GIVEN, READ = 700, 300


def anthropic(running: list[int]) -> list[Chunk]:
    usage = {"input_tokens": GIVEN, "cache_read_input_tokens": READ, "output_tokens": 1}
    start = {"type": "message_start", "message": {"model": "claude-opus-4-6", "usage": usage}}
    deltas = [{"type": "message_delta", "usage": {"output_tokens": out}} for out in running]
    return [start, *deltas, {"type": "message_stop"}]


def gemini(running: list[int]) -> list[Chunk]:
    said = {"promptTokenCount": GIVEN + READ, "cachedContentTokenCount": READ}
    return [
        {
            "modelVersion": "gemini-2.5-pro",
            "usageMetadata": {**said, "candidatesTokenCount": out},
        }
        for out in running
    ]


def openai(running: list[int]) -> list[Chunk]:
    """Speak as some gateways do, which state the running usage with every chunk."""
    details = {"cached_tokens": READ}
    return [
        {
            "model": "gpt-5",
            "choices": [{"delta": {"content": "x"}}],
            "usage": {
                "prompt_tokens": GIVEN + READ,
                "completion_tokens": out,
                "total_tokens": GIVEN + READ + out,
                "prompt_tokens_details": details,
            },
        }
        for out in running
    ]


NOISE: dict[Any, Chunk] = {
    anthropic: {"type": "content_block_delta", "index": 0, "delta": {"text": "x"}},
    gemini: {"modelVersion": "gemini-2.5-pro", "candidates": [{"content": {}}]},
    openai: {"model": "gpt-5", "choices": [{"delta": {"content": "x"}}], "usage": None},
}


@pytest.mark.parametrize("speak", NOISE)
@pytest.mark.parametrize("as_text", [False, True])
@given(
    steps=st.lists(st.integers(0, 90), min_size=1, max_size=6),
    noise=st.lists(st.integers(0, 9), max_size=6),
    repeated=st.integers(1, 3),
)
def test_stream_means_its_last_counts_however_it_is_split(
    speak: Any,  # noqa: ANN401 - one of the functions above
    steps: list[int],
    noise: list[int],
    repeated: int,
    *,
    as_text: bool,
) -> None:
    running = [sum(steps[: n + 1]) + 1 for n in range(len(steps))]
    chunks = speak(running + running[-1:] * (repeated - 1))
    for place in noise:
        chunks.insert(1 + place % len(chunks), NOISE[speak])
    stream: Any = chunks
    if as_text:
        stream = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    expected = Usage(tokens_in=GIVEN, cache_read_tokens=READ, tokens_out=running[-1])
    answer = read_response(stream)
    assert (answer.readable, answer.usage) == (True, expected)
