"""The lines of a Claude Code transcript: messages, their calls and their usage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tachograph_cli.replay.transcripts.deduplication import Claim
from tachograph_cli.replay.transcripts.values import (
    Record,
    blocks,
    ident,
    instant,
    mapping,
    named,
    optional_mapping,
    optional_name,
    whole,
)
from tachograph_schema.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

SYNTHETIC = "<synthetic>"
"""The model of messages that Claude Code itself writes, such as the text of an error."""
WORTH_CLAIMING = (b'"usage"', b'"tool_use"', b'"api_error"', b'"compact_boundary"')
"""A line without any of these claims nothing."""


@dataclass(frozen=True, slots=True)
class Message:
    """An assistant's or a user's message, of the session itself or of a sub-agent in it."""

    record: Record
    agent: str | None
    sidechain: bool

    @property
    def body(self) -> Record:
        """The message's own record. Raises UnreadableError."""
        return mapping(self.record.get("message"), "message")

    @property
    def at(self) -> datetime:
        """The time of the message. Raises UnreadableError."""
        return instant(self.record.get("timestamp"), "timestamp")


def claims(record: Record) -> Iterator[Claim]:
    """Yield the claims of a record: calls, tools, failures, compactions. Raises UnreadableError."""
    message = message_of(record, None)
    if message is not None and message.record.get("type") == "assistant":
        body = message.body
        if body.get("model") != SYNTHETIC and body.get("usage") is not None:
            yield claim_of(message, usage_of(body))
        yield from (Claim(tool_id(block)) for block in tool_uses(body))
    elif record.get("type") == "system" and record.get("subtype") in {
        "api_error",
        "compact_boundary",
    }:
        yield Claim(line_id(record))


def message_of(record: Record, file_agent: str | None) -> Message | None:
    """Return the message of a record, also where a progress record holds a sub-agent's.

    `file_agent` is the sub-agent of the whole file, if any. Raises UnreadableError.
    """
    kind = record.get("type")
    if kind in {"assistant", "user"}:
        agent = file_agent or agent_of(record, None)
        return Message(record, agent, sidechain=record.get("isSidechain") is True)
    data = record.get("data")
    if kind != "progress" or not isinstance(data, dict) or data.get("type") != "agent_progress":
        return None
    nested = mapping(data.get("message"), "data.message")
    if nested.get("type") not in {"assistant", "user"}:
        return None
    agent = ident(named(data.get("agentId"), "data.agentId"))
    return Message(nested, agent, sidechain=nested.get("isSidechain") is True)


def agent_of(record: Record, file_agent: str | None) -> str | None:
    """Return the sub-agent that wrote a record; older versions do not name it."""
    if file_agent is not None or record.get("isSidechain") is not True:
        return file_agent
    named_agent = optional_name(record.get("agentId"))
    return ident(named_agent) if named_agent else "sidechain"


def claim_of(message: Message, usage: Usage) -> Claim:
    """Return the claim on the call of an assistant's message. Raises UnreadableError."""
    identity = message.body.get("id")
    if identity is None:  # a gateway left it out, so one line is one call
        return Claim(line_id(message.record), total=usage.total_tokens)
    request = message.record.get("requestId")
    return Claim(
        named(identity, "message.id"),
        "" if request is None else named(request, "requestId"),
        message.sidechain,
        usage.total_tokens,
    )


def line_id(record: Record) -> str:
    """Return the id of a line. Raises UnreadableError where it has none."""
    return f"line:{named(record.get('uuid'), 'uuid')}"


def usage_of(body: Record) -> Usage:
    """Return the tokens of a message; Anthropic counts uncached input apart from cached.

    Raises UnreadableError.
    """
    counts = mapping(body.get("usage"), "message.usage")
    parts = optional_mapping(counts.get("cache_creation"), "message.usage.cache_creation")
    hour = whole(parts.get("ephemeral_1h_input_tokens"), "ephemeral_1h_input_tokens")
    minutes = whole(parts.get("ephemeral_5m_input_tokens"), "ephemeral_5m_input_tokens")
    writes = (
        whole(counts.get("cache_creation_input_tokens"), "cache_creation_input_tokens")
        or hour + minutes
    )
    return Usage(
        tokens_in=whole(counts.get("input_tokens"), "input_tokens"),
        cache_read_tokens=whole(counts.get("cache_read_input_tokens"), "cache_read_input_tokens"),
        cache_write_tokens=writes,
        cache_write_1h_tokens=min(hour, writes),
        tokens_out=whole(counts.get("output_tokens"), "output_tokens"),
    )


def tool_uses(body: Record) -> Iterator[Record]:
    """Yield the calls of tools in a message."""
    for block in blocks(body.get("content")):
        if block.get("type") == "tool_use" and optional_name(block.get("id")) is not None:
            yield block


def tool_id(block: Record) -> str:
    """Return the id of a tool's call, which no other kind of event has."""
    return f"tool:{block['id']}"


def tool_name(block: Record) -> str:
    """Return the name of a tool."""
    return optional_name(block.get("name")) or "unnamed"


def is_stop(record: Record) -> bool:
    """Tell whether a record is of a Stop hook, which runs at the end of a turn."""
    data = record.get("data")
    return isinstance(data, dict) and data.get("hookEvent") == "Stop"


def is_noise(record: Record) -> bool:
    """Tell whether a user's record is no prompt but a note of Claude Code, or a summary."""
    return record.get("isMeta") is True or record.get("isCompactSummary") is True
