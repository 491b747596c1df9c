"""Transcripts for tests: lines of the real shape, and calls added up."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tachograph_cli.replay.transcripts import folder
from tachograph_cli.replay.transcripts.deduplication import CallRegistry
from tachograph_cli.replay.transcripts.events import Event, ModelCall, UnreadableLine

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tachograph_cli.replay.transcripts.events import Source
    from tachograph_schema.usage import Usage

START = datetime(2026, 2, 16, 18, tzinfo=UTC)
SESSION = "11111111-2222-4333-8444-555555555555"
Record = dict[str, Any]


def stamp(second: float) -> str:
    """Return a second of 2026-02-16T18:00 as transcripts write it."""
    moment = START + timedelta(seconds=second)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def said(kind: str, second: float, **more: Any) -> Record:  # noqa: ANN401 - as JSON has it
    """Return a record of a Claude Code transcript."""
    identity = f"{kind}-{second}-{len(more)}"
    base = {"type": kind, "uuid": identity, "parentUuid": None, "sessionId": SESSION}
    surroundings = {"cwd": "/home/ana/shop", "gitBranch": "main", "version": "2.1.31"}
    return {**base, "timestamp": stamp(second), "isSidechain": False, **surroundings, **more}


def prompt(second: float, identity: str = "prompt01", **more: Any) -> Record:  # noqa: ANN401
    """Return a user's prompt."""
    body = {"role": "user", "content": [{"type": "text", "text": "do it"}]}
    return said("user", second, message=body, uuid=identity, **more)


def answer(
    second: float,
    tokens: list[int],
    *,
    identity: str | None = "m1",
    request: str | None = "r1",
    model: str = "claude-opus-4-6",
    content: Iterable[Record] = (),
    **more: Any,  # noqa: ANN401
) -> Record:
    """Return an assistant's line; tokens are [in, read, write, of that one-hour, out]."""
    given, read, write, hour, out = tokens
    usage = {
        "input_tokens": given,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": write,
        "cache_creation": {
            "ephemeral_5m_input_tokens": write - hour,
            "ephemeral_1h_input_tokens": hour,
        },
        "output_tokens": out,
    }
    body: Record = {"role": "assistant", "model": model, "usage": usage, "content": list(content)}
    if identity is not None:
        body["id"] = identity
    if request is not None:
        more["requestId"] = request
    return said("assistant", second, message=body, **more)


def nested(agent: str, record: Record) -> Record:
    """Return a record as a sub-agent's, the way Claude Code nested them up to 2.1.42."""
    inner = {
        key: record[key]
        for key in ("type", "uuid", "timestamp", "requestId", "message")
        if key in record
    }
    outer = {key: record[key] for key in ("sessionId", "timestamp", "uuid", "version", "cwd")}
    data = {"type": "agent_progress", "agentId": agent, "message": inner}
    return {**outer, "type": "progress", "parentToolUseID": f"tool-{agent}", "data": data}


def write(path: Path, records: Iterable[Record | str]) -> Path:
    """Write a transcript; a text is a line as it stands."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [line if isinstance(line, str) else json.dumps(line) for line in records]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def happened(place: Path) -> list[tuple[Source, Event]]:
    """Return everything that happened in a folder, read as a replay reads it."""
    events: list[tuple[Source, Event]] = []
    with closing(CallRegistry()) as registry:
        sources = folder.find(place).sources
        for source in sources:
            folder.claim(source, registry)
        for source in sources:
            events.extend((source, event) for event in folder.read(source, registry))
    return events


def calls(events: Iterable[Event]) -> list[ModelCall]:
    """Add growth up: one event a call, with its largest usage, in the order of the first ones."""
    final: list[ModelCall] = []
    for event in events:
        if not isinstance(event, ModelCall):
            continue
        if event.counted_before is None:
            final.append(event)
            continue
        place = next(
            place
            for place in range(len(final) - 1, -1, -1)
            if (final[place].at, final[place].usage) == (event.at, event.counted_before)
        )
        final[place] = event
    return final


def buckets(usage: Usage) -> list[int]:
    """Return tokens as [in, read, write, of that one-hour, out]."""
    return [
        usage.tokens_in,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.cache_write_1h_tokens,
        usage.tokens_out,
    ]


def totals_by_day(called: Iterable[ModelCall]) -> Counter[tuple[str, str | None, str]]:
    """Add up tokens by day, model and bucket, as the oracles do."""
    totals: Counter[tuple[str, str | None, str]] = Counter()
    for call in called:
        day, usage = call.at.date().isoformat(), call.usage
        totals[day, call.model, "inputTokens"] += usage.tokens_in
        totals[day, call.model, "outputTokens"] += usage.tokens_out
        totals[day, call.model, "cacheCreationTokens"] += usage.cache_write_tokens
        totals[day, call.model, "cacheReadTokens"] += usage.cache_read_tokens
    return totals


def broken(events: Iterable[Event]) -> list[UnreadableLine]:
    """Return the lines that were passed by."""
    return [event for event in events if isinstance(event, UnreadableLine)]
