"""Sessions of Gemini CLI: one document of messages, in newer versions a line for each.

A call is a message of the type `gemini`, known by its id; a later state of the file may state more
of it. Its tokens are the counts of the API under other names: the cached ones are a part of the
input, thoughts and tools' prompts stand beside. It states no cost, and no time of a turn's end.

The format is `packages/core/src/services/chatRecordingService.ts` of gemini-cli.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from tachograph_cli.replay.transcripts.deduplication import Claim
from tachograph_cli.replay.transcripts.events import (
    CallFailed,
    ModelCall,
    SessionFacts,
    Source,
    ToolUsed,
    TurnEnded,
    TurnStarted,
)
from tachograph_cli.replay.transcripts.others.document import (
    document,
    file_time,
    lines,
    parts,
    scalars,
)
from tachograph_cli.replay.transcripts.others.steps import (
    Claimed,
    Item,
    Stated,
    Step,
    call_claim,
    fingerprint,
    moment,
    stated,
    time_in,
)
from tachograph_cli.replay.transcripts.values import Record, blocks, ident, optional_name
from tachograph_schema.parsing import shown
from tachograph_schema.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

HEAD_LINES = 500
_WINDOW = 1_048_576
"""Tokens of every model that Gemini CLI knows: `packages/core/src/core/tokenLimits.ts`."""
_TYPES = ("user", "gemini", "info", "warning", "error")
_FAILED = ("error", "cancelled")


def items(path: Path) -> Iterator[Item]:
    """Yield the header of a session and its messages, each a record. Raises OSError."""
    if not path.name.endswith(".json"):
        yield from lines(path, _saved)
        return
    found = document(path, b'"sessionId"', b'"messages"')
    if found.damage is not None:
        yield found.damage
    whole = found.whole
    if whole is not None and (found.damage is None or _messages(whole)):
        yield 1, whole
    left = found.rest if whole is not None else found.text
    messages = _saved(left)
    if messages:
        yield 1, {**scalars(found.text, "sessionId", "startTime"), "messages": messages}


def _saved(text: str) -> list[Record]:
    """Return the messages of a damaged text; of a damaged message its tokens and its names."""
    found, before = list[Record](), ""
    for between, part in parts(text):
        before += between
        if messages := _messages(part):
            found += messages
        elif "input" in part and ("thoughts" in part or "cached" in part):
            names = scalars(before, "id", "timestamp", "model")
            found.append({"type": "gemini", "tokens": part, **names})
        else:
            continue
        before = ""
    return found


def sources(path: Path) -> tuple[Source, ...]:
    """Return the session of a file by its first 500 records, nothing for any other file."""
    head = [item[1] for item in islice(items(path), HEAD_LINES) if isinstance(item, tuple)]
    header = next((record for record in head if _is_header(record)), {})
    messages = [each for record in head for each in _messages(record)]
    if not header and not any(_is_answer(each) for each in messages):
        return ()
    session = optional_name(header.get("sessionId")) or path.name.partition(".json")[0]
    stated_times = [header.get("startTime"), *(each.get("timestamp") for each in messages)]
    times = [at for at in map(time_in, stated_times) if at is not None]
    started_at = min(times, default=file_time(path))
    place = path.parent.parent if path.parent.name == "chats" else path.parent
    return (Source(path, "gemini-cli", ident(session), None, started_at, str(place)),)


def _is_header(record: Record) -> bool:
    own = "startTime" in record or isinstance(record.get("messages"), list)
    return own and optional_name(record.get("sessionId")) is not None and "type" not in record


def _is_answer(message: Record) -> bool:
    return message.get("type") == "gemini" and isinstance(message.get("tokens"), dict)


def _messages(record: Record) -> list[Record]:
    """Return the messages of a record: a document's, a rewritten history's, or the record's own."""
    if record.get("type") in _TYPES or isinstance(record.get("tokens"), dict):
        return [record]
    changed = record.get("$set")
    whole = changed if isinstance(changed, dict) else record
    if "messages" in whole:
        return blocks(whole["messages"])
    lists = (blocks(value) for value in whole.values())  # the name itself may be damaged
    return next((found for found in lists if any(map(_is_answer, found))), [])


class Reader:
    """Reads the records of one session."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.doubts: list[str] = []
        self._last_at = source.started_at
        self._turn, self._turn_at = f"{source.session}-start", source.started_at
        self._turn_open = False
        self._turns = self._messages = 0
        self._begun: set[str] = set()

    def read(self, record: Record) -> Iterator[Step]:
        """Yield the steps of a record."""
        if _is_header(record):
            yield SessionFacts(self._source.started_at, None, None, None, "google")
        for message in _messages(record):
            self._messages += 1
            yield from self._message(message)

    def _message(self, message: Record) -> Iterator[Step]:
        where = f"messages[{self._messages - 1}]"
        kind = message.get("type")
        at = self._last_at
        if kind in _TYPES or "tokens" in message:
            before, at = at, self._at(message, where)
        identity = self._identity(message)
        if kind == "user" and identity not in self._begun:
            self._begun.add(identity)
            if self._turn_open:
                yield self._end(identity, before)
            self._turns += 1
            self._turn, self._turn_at = f"{self._source.session}-{self._turns}", at
            yield TurnStarted(at, self._turn)
        elif kind == "gemini" or "tokens" in message:
            yield from self._answer(message, identity, at, where)
        elif kind == "error":
            yield Claimed(Claim(f"gemini:error:{identity}"), CallFailed(at, self._turn, None))

    def _answer(self, message: Record, identity: str, at: datetime, where: str) -> Iterator[Step]:
        tools = blocks(message.get("toolCalls"))
        self._turn_open = True
        usage = Usage()
        # One with neither tokens nor a model is Gemini CLI's own, such as a summary: no call.
        if message.get("tokens") is not None or optional_name(message.get("model")) is not None:
            taken = self._taken(message, at, f"{where}.tokens")
            usage = taken.usage
            claim = call_claim(f"gemini:{identity}", taken.calls)
            yield Claimed(claim, ModelCall(at, at, self._turn, None, taken.calls, window=_WINDOW))
        for number, tool in enumerate(tools):
            done = time_in(tool.get("timestamp")) or at
            self._last_at = max(self._last_at, done)
            name, error = optional_name(tool.get("name")) or "tool", tool.get("status") in _FAILED
            duration_ms = max(0, round((done - at).total_seconds() * 1000))
            event = ToolUsed(done, self._turn, None, name, error, duration_ms)
            tool_id = optional_name(tool.get("id")) or f"{identity}:{number}"
            yield Claimed(Claim(f"gemini:tool:{tool_id}"), event)
        if not tools and usage.total_tokens:  # an answer that asks for nothing more
            yield self._end(identity, at)

    def _taken(self, message: Record, at: datetime, where: str) -> Stated:
        tokens = message.get("tokens")
        response = {"model": message.get("model"), "usage": tokens}
        taken = stated(response, at, where, provider="google")
        doubt = taken.doubt
        if not taken.usage.total_tokens:
            # A model that answers has read something: its tokens are unknown, not none.
            calls = tuple(replace(call, readable=False) for call in taken.calls)
            taken = replace(taken, calls=calls)
            doubt = f"{where} is {shown(tokens)}; the call has no price"
        # Without any tokens yet, a later state of the message may have them.
        self.doubts += [doubt] if doubt and tokens is not None else []
        return taken

    def _end(self, identity: str, at: datetime) -> Step:
        self._turn_open = False
        duration_ms = max(0, round((at - self._turn_at).total_seconds() * 1000))
        claim = Claim(f"gemini:end:{self._turn}:{identity}")
        return Claimed(claim, TurnEnded(at, self._turn, None, "completed", duration_ms=duration_ms))

    def _at(self, message: Record, where: str) -> datetime:
        time = message.get("timestamp")
        self._last_at = moment(time, f"{where}.timestamp", self._last_at, self.doubts)
        return self._last_at

    def _identity(self, message: Record) -> str:
        """Return a message's id; one without is known by its place in its session."""
        stated_id = optional_name(message.get("id"))
        if stated_id is not None:
            return stated_id
        place = [self._source.session, self._messages, message.get("timestamp")]
        return f"place:{fingerprint(place)}"
