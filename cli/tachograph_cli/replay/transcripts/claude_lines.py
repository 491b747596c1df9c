"""The lines of a Claude Code transcript: messages, their calls and their usage."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tachograph.usage.deferred import calls_in
from tachograph.usage.response import read_response
from tachograph_cli.replay.transcripts.deduplication import Claim
from tachograph_cli.replay.transcripts.values import (
    Record,
    blocks,
    ident,
    instant,
    kind_of,
    mapping,
    named,
    optional_name,
)
from tachograph_schema.parsing import shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tachograph_schema.pricing.call import Call

SYNTHETIC = "<synthetic>"
"""The model of messages that Claude Code itself writes, such as the text of an error."""
WORTH_CLAIMING = (b'"usage"', b'"tool_use"', b'"api_error"', b'"compact_boundary"')
"""A line without any of these claims nothing."""
_OF_A_RESPONSE = ("id", "model", "usage", "stop_reason", "service_tier", "provider")
_TOKENS = (
    *("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"),
    *("prompt_tokens", "completion_tokens"),
)


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
    if message is not None and kind_of(message.record) == "assistant":
        body = message.body
        if body.get("model") != SYNTHETIC and body.get("usage") is not None:
            yield claim_of(message)
        copy = is_copy(record)
        yield from (Claim(tool_id(block), sidechain=copy) for block in tool_uses(body))
    elif kind_of(record) == "system" and kind_of(record, "subtype") in {
        "api_error",
        "compact_boundary",
    }:
        yield Claim(line_id(record), sidechain=is_copy(record))


def message_of(record: Record, file_agent: str | None) -> Message | None:
    """Return the message of a record, also where a progress record holds a sub-agent's.

    `file_agent` is the sub-agent of the whole file, if any. Raises UnreadableError.
    """
    kind = kind_of(record)
    if kind in {"assistant", "user"}:
        agent = file_agent or agent_of(record, None)
        return Message(record, agent, sidechain=record.get("isSidechain") is True)
    data = record.get("data")
    if kind != "progress" or not isinstance(data, dict) or kind_of(data) != "agent_progress":
        return None
    nested = mapping(data.get("message"), "data.message")
    if kind_of(nested) not in {"assistant", "user"}:
        return None
    agent = ident(named(data.get("agentId"), "data.agentId"))
    return Message(nested, agent, sidechain=nested.get("isSidechain") is True)


def agent_of(record: Record, file_agent: str | None) -> str | None:
    """Return the sub-agent that wrote a record; older versions do not name it."""
    if file_agent is not None or record.get("isSidechain") is not True:
        return file_agent
    named_agent = optional_name(record.get("agentId"))
    return ident(named_agent) if named_agent else "sidechain"


def claim_of(message: Message) -> Claim:
    """Return the claim on the call of an assistant's message. Raises UnreadableError."""
    total = tokens_of(message.body)
    identity = optional_name(message.body.get("id"))
    if identity is None:  # a gateway left it out, so one line is one call
        return Claim(line_id(message.record), total=total)
    request = optional_name(message.record.get("requestId")) or ""
    return Claim(identity, request, message.sidechain or is_copy(message.record), total)


def is_copy(record: Record) -> bool:
    """Tell whether a fork has copied a record from the session that it names."""
    return isinstance(record.get("forkedFrom"), dict)


def line_id(record: Record) -> str:
    """Return the id of a line; one without any is told apart by all that it says."""
    uuid = optional_name(record.get("uuid"))
    if uuid is None:
        uuid = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    return f"line:{uuid}"


def calls_of(message: Message) -> tuple[tuple[Call, ...], str | None]:
    """Return the calls of an assistant's message, by the reader that reads all responses.

    Beside them, what could not be read: such calls are kept, without a price. Raises
    UnreadableError.
    """
    body = message.body
    answer = read_response({name: body[name] for name in _OF_A_RESPONSE if name in body})
    why = None if answer.readable else f"message.usage: {answer.why}"
    model = optional_name(answer.model)
    if model is None:
        why = f"message.model is {shown(body.get('model'))}; the call has no price"
    return calls_in(replace(answer, model=model), message.at), why


def tokens_of(body: Record) -> int:
    """Return the tokens that a message states at the top: of two lines, more is later."""
    counts = body.get("usage")
    numbers = (counts.get(name) for name in _TOKENS) if isinstance(counts, dict) else ()
    return sum(n for n in numbers if isinstance(n, int) and n > 0)


def tool_uses(body: Record) -> Iterator[Record]:
    """Yield the calls of tools in a message."""
    for block in blocks(body.get("content")):
        if kind_of(block) == "tool_use" and optional_name(block.get("id")) is not None:
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
    """Tell whether a user's record is no prompt but a note of Claude Code, or a summary.

    A note that a task in the background has ended is nobody's prompt either.
    """
    return (
        record.get("isMeta") is True
        or record.get("isCompactSummary") is True
        or record.get("turnOrigin") == "task_notification"
    )
