"""What is read of any provider's response."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pydantic
import pytest
import yaml
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from support.places import CASES
from support.providers.rows import Recorded, bodies, cost_of, rows, tokens_read, tokens_said
from tachograph.usage.response import Answer, read_response
from tachograph_schema.usage import BUCKETS, Usage

_CASES = yaml.safe_load((CASES / "responses.yaml").read_text())


@pytest.mark.parametrize("case", _CASES, ids=[case["name"] for case in _CASES])
def test_response_reads_as_the_table_says(case: dict[str, Any]) -> None:
    answer = read_response(case["response"])
    assert answer.usage == Usage(**case["reads"])
    assert answer.readable is case.get("readable", True)
    for name in ("model", "provider", "finish_reason", "cost_nanousd", "why", "context_tokens"):
        if name in case:
            assert getattr(answer, name) == case[name], name
    if "tier" in case:
        assert answer.terms.tier == case["tier"]
    if "others" in case:
        assert {o.model: o.usage for o in answer.others} == {
            model: Usage(**reads) for model, reads in case["others"].items()
        }
    assert case.get("units", {}).items() <= answer.units.items()
    assert case.get("raw", {}).items() <= answer.raw.items()


# --- recorded responses

_NO_USAGE = "list has no usage; expected a shape of usage that is known here"
_UNREAD = {("cohere", "rerank"): "billed_units"}
"""What is billed by something else than tokens: counted as a call, and unpriced."""


def test_every_recorded_usage_is_read_or_its_failure_is_named(shared: Path) -> None:
    for row in rows(shared):
        answer = row.read()
        reason = _UNREAD.get((row.provider, row.api))
        assert answer.readable is (reason is None), (row, answer)
        assert reason is None or reason in str(answer.why)


def test_every_recorded_body_is_read_unless_it_was_cut_before_its_usage(shared: Path) -> None:
    for body in bodies(shared):
        answer = body.read()
        if not answer.readable and body.api != "rerank":
            assert isinstance(body.body, list), body.name
            assert answer.why == _NO_USAGE
            assert not tokens_said(body.usages), body.name


def test_nothing_that_says_tokens_is_silently_zero(shared: Path) -> None:
    for one in [*rows(shared), *bodies(shared)]:
        said = tokens_said(one.usages)
        assert bool(tokens_read(one.read()).total_tokens) is bool(said), one


def test_everything_said_is_read_but_for_what_is_not_billed(shared: Path) -> None:
    less = {
        ("cohere", "chat"): "bills fewer tokens than it reads",
        ("cohere", "chat-v2"): "bills fewer tokens than it reads",
        ("x-ai", "grpc-chat"): "says it cached more than it was asked",
        ("google-gla", "streamGenerateContent"): "takes back what it said of the prompt",
    }
    for row in rows(shared):
        if tokens_read(row.read()).total_tokens < tokens_said(row.usages):
            assert (row.provider, row.api) in less, row


def test_openrouters_bill_is_the_cost(shared: Path) -> None:
    billed = [row for row in rows(shared) if "cost" in _usage(row) and row.provider == "openrouter"]
    assert len(billed) > 15
    for row in billed:
        usage, cost = _usage(row), row.read().cost_nanousd
        upstream = (usage["cost_details"] or {}).get("upstream_inference_cost") or 0
        expected = usage["cost"] + (upstream if usage.get("is_byok") else 0)
        assert cost == pytest.approx(expected * 1e9, abs=1), row


def test_our_price_is_the_gateways_where_it_estimates(shared: Path) -> None:
    estimated = [row for row in rows(shared) if "pydantic_ai_gateway" in _usage(row)]
    assert len(estimated) >= 5
    for row in estimated:
        host = "aws" if row.api == "converse" else "gateway"
        answer = read_response(row.body, provider=host, model=row.model)
        cost = cost_of(answer, row.at)
        assert cost == round(_usage(row)["pydantic_ai_gateway"]["cost_estimate"] * 1e9), row


def _usage(row: Recorded) -> dict[str, Any]:
    return next((usage for usage in row.usages if isinstance(usage, dict)), {})


# --- objects of any library


class _Details(pydantic.BaseModel):
    cached_tokens: int


class _Completion(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")

    model: str
    content: str
    usage: dict[str, Any] | pydantic.BaseModel


class _PydanticUsage(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")

    prompt_tokens: int
    prompt_tokens_details: _Details
    queue_time: float | None = None


@dataclass
class _DataUsage:
    prompt_tokens: int
    completion_tokens: int
    prompt_tokens_details: dict[str, int]


class _Slotted:
    __slots__ = ("model", "usage")

    def __init__(self, model: str, usage: object) -> None:
        self.model, self.usage = model, usage


class _Property:
    @property
    def usage(self) -> dict[str, int]:
        return {"prompt_tokens": 10, "completion_tokens": 5, "cached_tokens": 4}

    @property
    def model(self) -> str:
        return "m"

    @property
    def choices(self) -> str:
        raise ValueError("there are none")


_WANTED = {
    "prompt_tokens": 10,
    "completion_tokens": 5,
    "prompt_tokens_details": {"cached_tokens": 4},
}


def _objects() -> dict[str, object]:
    usage = _PydanticUsage(
        prompt_tokens=10, prompt_tokens_details=_Details(cached_tokens=4), completion_tokens=5
    )
    message = struct_pb2.Struct()
    message.update(_WANTED)
    events = f"event: x\ndata: {json.dumps({'model': 'm', 'usage': _WANTED})}\n\ndata: [DONE]\n"
    bedrock = [{"chunk": {"bytes": json.dumps({"model": "m", "usage": _WANTED}).encode()}}]
    return {
        "pydantic with extra fields": _Completion(model="m", content="x", usage=usage),
        "dataclass": SimpleNamespace(model="m", usage=_DataUsage(10, 5, {"cached_tokens": 4})),
        "slots": _Slotted("m", _WANTED),
        "properties": _Property(),
        "JSON text": json.dumps({"model": "m", "usage": _WANTED}),
        "JSON bytes": json.dumps({"model": "m", "usage": _WANTED}).encode(),
        "server-sent events": events,
        "Bedrock's event of bytes": bedrock,
        "an iterator": iter([{"model": "m"}, {"usage": _WANTED}]),
    }


@pytest.mark.parametrize("kind", _objects())
def test_response_of_any_library_reads_alike(kind: str) -> None:
    answer = read_response(_objects()[kind])
    assert answer.usage == Usage(6, 4, tokens_out=5), answer
    assert answer.model == "m"


def test_protobuf_message_reads_as_its_set_fields() -> None:
    message = struct_pb2.Value(number_value=3.0)
    response = SimpleNamespace(usage=message, model="m")
    answer = read_response(response)
    assert answer.why == "its usage has number_value; expected a shape of usage that is known here"


@pytest.mark.parametrize("response", [None, 7, "", b"\xff", "{", object(), MagicMock(), [], {}])
def test_what_is_no_response_is_unreadable_and_says_what_it_was(response: object) -> None:
    answer = read_response(response, model="m", provider="p", route="r")
    assert (answer.readable, answer.usage) == (False, Usage())
    assert (answer.model, answer.provider, answer.terms.route) == ("m", "p", "r")
    assert "expected" in str(answer.why)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "usage", "usageMetadata", "meta", "message", "response", "delta", "choices",
                    "results", "model", "id", "prompt_tokens", "prompt_tokens_details", "cost",
                    "cached_tokens", "input_tokens", "cache_creation", "iterations", "inputTokens",
                    "cacheDetails", "promptTokenCount", "promptTokensDetails", "modality",
                    "tokenCount", "billed_units", "tokens", "total_tokens", "cost_details",
                    "service_tier", "speed", "generation_token_count", "chunk", "x_groq",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)  # fmt: skip


@given(_JSON)
def test_no_response_whatever_makes_reading_fail(response: object) -> None:
    assert min(getattr(read_response(response).usage, name) for name in BUCKETS) >= 0


# --- the same five buckets, in every provider's words

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
