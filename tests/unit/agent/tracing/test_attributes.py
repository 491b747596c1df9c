"""The attributes of a call's span, as OpenTelemetry's conventions word them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource

from tachograph.tracing.attributes import add_answers, add_usage, present, request_attributes
from tachograph.usage.response import read_response
from tachograph_schema.pricing.call import Call
from tachograph_schema.tracing.export import _readable
from tachograph_schema.tracing.spans import FINISH_REASONS, PROVIDER, RESPONSE_ID, Span
from tachograph_schema.usage import Usage

_AT = datetime(2026, 11, 1, tzinfo=UTC)


def _span(provider: str | None = None) -> Span:
    attributes = present(request_attributes("m", provider))
    return Span("chat m", "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", None, 1, 2,
                attributes=attributes)  # fmt: skip


def test_finish_reasons_are_an_array_of_texts_one_for_each_answer() -> None:
    span = _span()
    answer = read_response(
        {"id": "msg_1", "stop_reason": "max_tokens", "usage": {"input_tokens": 1}}
    )
    add_answers(span, [answer, replace(answer, finish_reason="end_turn", response_id="msg_2")])
    assert span.attributes[FINISH_REASONS] == ("max_tokens", "end_turn")
    assert span.attributes[RESPONSE_ID] == "msg_2"
    encoded = encode_spans([_readable(span, Resource.create({}))])
    [sent] = encoded.resource_spans[0].scope_spans[0].spans
    [reasons] = [each for each in sent.attributes if each.key == FINISH_REASONS]
    values = [value.string_value for value in reasons.value.array_value.values]
    assert values == ["max_tokens", "end_turn"]


def test_answer_that_says_neither_leaves_both_out() -> None:
    span = _span()
    add_answers(span, [read_response({"usage": {"input_tokens": 1, "output_tokens": 1}})])
    add_answers(span, [])
    assert not {FINISH_REASONS, RESPONSE_ID} & span.attributes.keys()


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        (None, "_OTHER"),
        ("aws", "aws.bedrock"),
        ("google-vertex", "gcp.vertex_ai"),
        ("google", "gcp.gen_ai"),
        ("azure", "azure.ai.openai"),
        ("mistral", "mistral_ai"),
        ("x-ai", "x_ai"),
        ("openrouter", "openrouter"),
    ],
)
def test_provider_is_named_as_the_conventions_name_it(provider: str | None, name: str) -> None:
    asked = _span(provider)
    assert asked.attributes[PROVIDER] == name
    answered = _span()
    add_usage(answered, [Call(Usage(1), "m", provider, _AT)], [])
    assert answered.attributes[PROVIDER] == name
