"""The attributes of spans: of tasks, calls and tools, by OpenTelemetry's conventions."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tachograph.reports.checked import checked_moment
from tachograph.usage.response import Answer
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.provider_names import well_known_name
from tachograph_schema.tracing.redaction import preview
from tachograph_schema.tracing.spans import (
    CACHE_READ_TOKENS,
    CACHE_WRITE_TOKENS,
    CHAT,
    CONTENT_REF,
    COST_NANOUSD,
    EXECUTE_TOOL,
    FINISH_REASONS,
    INPUT_MESSAGES,
    INPUT_TOKENS,
    MCP_METHOD,
    OPENINFERENCE_KIND,
    OPERATION,
    OUTPUT_MESSAGES,
    OUTPUT_TOKENS,
    PROVIDER,
    REASONING_TOKENS,
    REQUEST_MODEL,
    RESPONSE_ID,
    RESPONSE_MODEL,
    TOOL_ARGUMENTS,
    TOOL_NAME,
    TOOL_RESULT,
    TOOL_TYPE,
    Span,
    Value,
)
from tachograph_schema.usage import Usage

if TYPE_CHECKING:
    from tachograph_schema.documents.fleet import TracingPolicy

UNKNOWN: Final = "_OTHER"
"""The conventions' word for a provider or an error without a name."""
_MCP: Final = "mcp__"
"""The beginning by which agents name the tools of MCP servers: `mcp__SERVER__TOOL`."""
_ALWAYS: Final = (INPUT_TOKENS, OUTPUT_TOKENS)
_EPOCH = datetime.fromtimestamp(0, UTC)
_MICROSECOND = timedelta(microseconds=1)


class Content(NamedTuple):
    """The content of a call or a tool, until the fleet's policy says how much of it is exported."""

    went_in: str | None
    came_out: str | None
    ref: str | None
    """The place of both outside the trace."""


def present(values: Mapping[str, Any]) -> dict[str, Value]:
    """Return the values that are not None, as a span's attributes."""
    return {name: value for name, value in values.items() if value is not None}


def request_attributes(model: str | None, provider: str | None) -> dict[str, Any]:
    """Return the attributes of a call before it is answered."""
    return {
        OPERATION: CHAT,
        PROVIDER: UNKNOWN if provider is None else well_known_name(provider),
        REQUEST_MODEL: model,
        OPENINFERENCE_KIND: "LLM",
    }


def tool_attributes(name: str) -> dict[str, Any]:
    """Return the attributes of a tool; a tool of an MCP server has that server's method too."""
    mcp = name.startswith(_MCP)
    return {
        OPERATION: EXECUTE_TOOL,
        TOOL_NAME: name,
        TOOL_TYPE: "extension" if mcp else "function",
        MCP_METHOD: "tools/call" if mcp else None,
        OPENINFERENCE_KIND: "TOOL",
    }


def add_answers(span: Span, answers: Sequence[Answer]) -> None:
    """Add what is said of answers beside their usage: why each ended, and the id of the last."""
    reasons = tuple(answer.finish_reason for answer in answers if answer.finish_reason)
    ids = [answer.response_id for answer in answers if answer.response_id]
    if reasons:
        span.attributes[FINISH_REASONS] = reasons
    if ids:
        span.attributes[RESPONSE_ID] = ids[-1]


def add_usage(span: Span, calls: Sequence[Call], costs: Sequence[int]) -> Usage:
    """Add the usage and the costs of `calls`, of its first one's model, to a span; return it."""
    attributes = span.attributes
    usage = sum((call.usage for call in calls[1:]), calls[0].usage)
    model, provider = calls[0].model, calls[0].provider
    if model is not None:
        attributes[RESPONSE_MODEL] = model
        span.name = f"{CHAT} {model}"
    if provider is not None:
        attributes[PROVIDER] = well_known_name(provider)
    counts = {
        INPUT_TOKENS: usage.prompt_tokens,
        OUTPUT_TOKENS: usage.tokens_out,
        CACHE_READ_TOKENS: usage.cache_read_tokens,
        CACHE_WRITE_TOKENS: usage.cache_write_tokens,
        REASONING_TOKENS: usage.reasoning_tokens,
    }
    if costs:
        counts[COST_NANOUSD] = sum(costs)
    for name, n in counts.items():
        if n or name in _ALWAYS:
            before = attributes.get(name, 0)
            attributes[name] = n + (before if isinstance(before, int) else 0)
    return usage


def add_content(span: Span, content: Content, policy: TracingPolicy) -> None:
    """Add as much of a content to a span as the fleet's owner wants exported."""
    if policy.content == "none":
        return
    if content.ref is not None:
        span.attributes[CONTENT_REF] = content.ref
    if policy.content != "span":
        return
    call = span.attributes.get(OPERATION) == CHAT
    names = (INPUT_MESSAGES, OUTPUT_MESSAGES) if call else (TOOL_ARGUMENTS, TOOL_RESULT)
    texts = (content.went_in, content.came_out)
    for name, role, text in zip(names, ("user", "assistant"), texts, strict=True):
        if text:
            shown = preview(text, policy.preview_chars)
            span.attributes[name] = _message(role, shown) if call else shown


def span_name(operation: str, subject: str | None) -> str:
    """Return the name of a span: its operation, and the model or the tool where it is known."""
    return operation if subject is None else f"{operation} {subject}"


def ns(at: datetime | None) -> int:
    """Return an instant, by default now, in nanoseconds since 1970."""
    at = checked_moment(at)
    return time.time_ns() if at is None else (at - _EPOCH) // _MICROSECOND * 1_000


def _message(role: str, text: str) -> str:
    """Return a message of one text, in the conventions' form."""
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])
