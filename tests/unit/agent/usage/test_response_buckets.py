"""The same token buckets, in every provider's own words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tachograph.usage.response import Answer, read_response
from tachograph_schema.usage import BUCKETS, Usage

_COUNTS = st.integers(0, 10**6)


@st.composite
def _usages(draw: st.DrawFn) -> Usage:
    write, out = draw(_COUNTS), draw(_COUNTS)
    return Usage(
        tokens_in=draw(_COUNTS),
        cache_read_tokens=draw(_COUNTS),
        cache_write_tokens=write,
        cache_write_1h_tokens=draw(st.integers(0, write)),
        tokens_out=out,
        reasoning_tokens=draw(st.integers(0, out)),
    )


def _anthropic(u: Usage) -> dict[str, Any]:
    split = {
        "ephemeral_5m_input_tokens": u.cache_write_tokens - u.cache_write_1h_tokens,
        "ephemeral_1h_input_tokens": u.cache_write_1h_tokens,
    }
    return {
        "input_tokens": u.tokens_in,
        "cache_read_input_tokens": u.cache_read_tokens,
        "cache_creation_input_tokens": u.cache_write_tokens,
        "cache_creation": split,
        "output_tokens": u.tokens_out,
        "output_tokens_details": {"thinking_tokens": u.reasoning_tokens},
    }


def _chat(u: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": u.prompt_tokens,
        "completion_tokens": u.tokens_out,
        "total_tokens": u.total_tokens,
        "prompt_tokens_details": {
            "cached_tokens": u.cache_read_tokens,
            "cache_write_tokens": u.cache_write_tokens,
        },
        "completion_tokens_details": {"reasoning_tokens": u.reasoning_tokens},
    }


def _responses(u: Usage) -> dict[str, Any]:
    return {
        "input_tokens": u.prompt_tokens,
        "output_tokens": u.tokens_out,
        "total_tokens": u.total_tokens,
        "input_tokens_details": {
            "cached_tokens": u.cache_read_tokens,
            "cache_write_tokens": u.cache_write_tokens,
        },
        "output_tokens_details": {"reasoning_tokens": u.reasoning_tokens},
    }


def _gemini(u: Usage) -> dict[str, Any]:
    return {
        "promptTokenCount": u.tokens_in + u.cache_read_tokens,
        "cachedContentTokenCount": u.cache_read_tokens,
        "candidatesTokenCount": u.tokens_out - u.reasoning_tokens,
        "thoughtsTokenCount": u.reasoning_tokens,
    }


def _converse(u: Usage) -> dict[str, Any]:
    return {
        "inputTokens": u.tokens_in,
        "outputTokens": u.tokens_out,
        "cacheReadInputTokens": u.cache_read_tokens,
        "cacheWriteInputTokens": u.cache_write_tokens,
        "cacheDetails": [{"ttl": "1h", "inputTokens": u.cache_write_1h_tokens}],
        "totalTokens": u.total_tokens,
    }


def _xai(u: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": u.tokens_in + u.cache_read_tokens,
        "cached_prompt_text_tokens": u.cache_read_tokens,
        "completion_tokens": u.tokens_out - u.reasoning_tokens,
        "reasoning_tokens": u.reasoning_tokens,
        "total_tokens": u.tokens_in + u.cache_read_tokens + u.tokens_out,
    }


_IN_OUT = frozenset({"tokens_in", "tokens_out"})
_WORDS: dict[str, tuple[Any, frozenset[str]]] = {
    # words of a provider: how it says a usage, and the buckets it has words for
    "anthropic": (lambda u: {"usage": _anthropic(u)}, frozenset(BUCKETS)),
    "anthropic stream": (
        lambda u: [
            {"message": {"usage": {**_anthropic(u), "output_tokens": min(1, u.tokens_out)}}},
            {"usage": {"output_tokens": u.tokens_out}},
        ],
        frozenset(BUCKETS),
    ),
    "chat": (lambda u: {"usage": _chat(u)}, frozenset(BUCKETS) - {"cache_write_1h_tokens"}),
    "responses": (
        lambda u: [{"response": {"usage": None}}, {"response": {"usage": _responses(u)}}],
        frozenset(BUCKETS) - {"cache_write_1h_tokens"},
    ),
    "gemini": (
        lambda u: {"usageMetadata": _gemini(u)},
        _IN_OUT | {"cache_read_tokens", "reasoning_tokens"},
    ),
    "converse": (lambda u: {"usage": _converse(u)}, frozenset(BUCKETS) - {"reasoning_tokens"}),
    "xai": (lambda u: {"usage": _xai(u)}, _IN_OUT | {"cache_read_tokens", "reasoning_tokens"}),
    "cohere": (
        lambda u: {
            "usage": {"billed_units": {"input_tokens": u.tokens_in, "output_tokens": u.tokens_out}}
        },
        _IN_OUT,
    ),
    "ollama": (
        lambda u: {"prompt_eval_count": u.tokens_in, "eval_count": u.tokens_out},
        _IN_OUT,
    ),
    "our own": (lambda u: {"usage": u}, frozenset(BUCKETS)),
}


@pytest.mark.parametrize("words", _WORDS)
@given(usage=_usages())
def test_buckets_come_back_from_any_providers_words(words: str, usage: Usage) -> None:
    say, buckets = _WORDS[words]
    kept = Usage(**{name: getattr(usage, name) for name in buckets})
    if "cache_write_tokens" not in buckets:
        kept = Usage(**{name: getattr(kept, name) for name in buckets})
    answer = read_response(say(kept))
    assert answer.readable, answer.why
    assert _agrees(answer, kept)


def _agrees(answer: Answer, usage: Usage) -> bool:
    return answer.usage == usage and answer.context_tokens == usage.prompt_tokens
