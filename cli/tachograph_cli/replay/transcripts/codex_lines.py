"""The lines of a Codex rollout: their claims, their counts, and what they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tachograph.usage.response import read_response
from tachograph_cli.replay.transcripts.deduplication import Claim
from tachograph_cli.replay.transcripts.values import (
    Record,
    UnreadableError,
    ident,
    instant,
    kind_of,
    mapping,
    named,
    optional_name,
)
from tachograph_schema.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

WORTH_CLAIMING = (
    *(b'"token_count"', b'"token_usage_record"', b'"call_id"', b'"compacted"', b'"turn_id"'),
    *(b'"error"', b'"stream_error"', b'"user_message"', b'"web_search_call"'),
)
"""A line without any of these claims nothing, and is no mark of its session."""
USAGE_RECORD = "token_usage_record"
TOOL_CALLS = {"function_call", "custom_tool_call", "local_shell_call"}
TOOL_OUTPUTS = {"function_call_output", "custom_tool_call_output"}


def claims(record: Record) -> Iterator[Claim]:
    """Yield the claims of a record: calls, and tools. Raises UnreadableError."""
    payload = record.get("payload")
    if not isinstance(payload, dict):
        return
    if kind_of(record) == USAGE_RECORD:
        yield claim_of_response(payload)
    elif kind_of(payload) == "token_count" and isinstance(payload.get("info"), dict):
        yield claim_of_count(record, payload["info"])
    elif kind_of(payload) in TOOL_CALLS and (identity := optional_name(payload.get("call_id"))):
        yield Claim(f"tool:{identity}")


def parent_of(payload: Record) -> str | None:
    """Return the session whose history a fork begins with, from its `session_meta`."""
    source = payload.get("source")
    subagent = source.get("subagent") if isinstance(source, dict) else None
    spawn = subagent.get("thread_spawn") if isinstance(subagent, dict) else None
    parent = spawn.get("parent_thread_id") if isinstance(spawn, dict) else None
    for candidate in (parent, payload.get("parent_thread_id"), payload.get("forked_from_id")):
        if (identity := optional_name(candidate)) is not None:
            return ident(identity)
    return "unknown" if isinstance(spawn, dict) else None


def claim_of_count(record: Record, info: Record) -> Claim:
    """Return the claim on a call, by its moment and its counts, which a copied line repeats."""
    counts = info.get("last_token_usage") or info.get("total_token_usage")
    numbers = sorted(counts.items()) if isinstance(counts, dict) else []
    return Claim(f"{instant(record.get('timestamp'), 'timestamp').isoformat()} {numbers!a}")


def claim_of_response(payload: Record) -> Claim:
    """Return the claim on a response, by its id and its thread's."""
    thread = optional_name(payload.get("thread_id")) or ""
    return Claim(f"response:{named(payload.get('response_id'), 'payload.response_id')}", thread)


def usage_of(info: Record, key: str) -> Usage | None:
    """Return the counts under a key, None where there are none. Raises UnreadableError."""
    if info.get(key) is None:
        return None
    answer = read_response({"usage": mapping(info[key], key)})
    if not answer.readable:
        raise UnreadableError(f"{key}: {answer.why}")
    return answer.usage


def since(total: Usage, before: Usage | None) -> Usage:
    """Return the growth of running totals; totals that fell have begun anew."""
    if before is None or total.total_tokens < before.total_tokens:
        return total
    added = total - before
    negative = (
        min(added.tokens_in, added.cache_read_tokens, added.tokens_out, added.reasoning_tokens) < 0
    )
    return total if negative else added


def failed(output: object) -> bool:
    """Tell whether a tool's output says that it failed."""
    return isinstance(output, dict) and output.get("success") is False
