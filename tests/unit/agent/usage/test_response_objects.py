"""Responses as objects of any library, and objects that are no responses."""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pydantic
import pytest
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from tachograph.usage.response import read_response
from tachograph_schema.usage import BUCKETS, Usage


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
