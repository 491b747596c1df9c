"""Sessions of the agent pi: a line for each message, and each answer's cost beside its tokens.

A session is a tree in one file, of which every branch was paid for. A fork is a file that begins
with copies of its parent's lines. Since version 2 lines have ids, which a migration invents anew,
so an answer is known by its response's id, else by its time, its model and its counts. Since July
2026 the calls that summarise a context or a branch, or that a tool made, are recorded too. A
summary is of the model that was chosen or answered last; an extension's or a tool's is not said.
pi computes costs by its own list, where a model that a user added costs 0: that is no price, unless
the model is on the user's own machine.

The format is `packages/coding-agent/docs/session-format.md` of pi, and its `types.ts`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from tachograph_cli.replay.transcripts.deduplication import Claim
from tachograph_cli.replay.transcripts.events import (
    CallFailed,
    Compacted,
    ModelCall,
    Outcome,
    SessionFacts,
    Source,
    ToolUsed,
    TurnEnded,
    TurnStarted,
)
from tachograph_cli.replay.transcripts.others.document import file_time
from tachograph_cli.replay.transcripts.others.pi_lines import COUNTS, has_usage, items
from tachograph_cli.replay.transcripts.others.steps import (
    Claimed,
    Stated,
    Step,
    call_claim,
    fingerprint,
    moment,
    stated,
    time_in,
)
from tachograph_cli.replay.transcripts.values import (
    Record,
    blocks,
    ident,
    mapping,
    optional_name,
    states_tokens,
)
from tachograph_schema.parsing import shown
from tachograph_schema.pricing.public_prices import is_local

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from tachograph_schema.pricing.call import Call

HEAD_LINES = 500
_OLLAMA = re.compile(r"chatcmpl-\d{1,3}")
_PARENT = ("parentSession", "branchedFrom")
_ENDS: dict[object, Outcome] = {"stop": "completed", "length": "completed", "aborted": "cancelled"}
"""Why an answer ended its turn. After an error pi asks again, so the turn goes on."""


def sources(path: Path) -> tuple[Source, ...]:
    """Return the session of a file by its first 500 lines, nothing for any other file."""
    head = [item[1] for item in islice(items(path), HEAD_LINES) if isinstance(item, tuple)]
    header = next((record for record in head if _is_header(record)), {})
    if not header and not any(_is_answer(record) for record in head):
        return ()
    session = optional_name(header.get("id")) or path.name.partition(".jsonl")[0].split("_")[-1]
    # A fork begins with its parent's lines; another header may be written after the first prompt.
    own = [header] if any(header.get(name) for name in _PARENT) else head
    times = [at for record in own if (at := time_in(record.get("timestamp"))) is not None]
    started_at = min(times, default=file_time(path))
    cwd = optional_name(header.get("cwd"))
    return (Source(path, "pi", ident(session), None, started_at, cwd),)


def _is_header(record: Record) -> bool:
    own = "cwd" in record or "modelId" in record
    return record.get("type") == "session" and own and isinstance(record.get("id"), str)


def _is_answer(record: Record) -> bool:
    message = record.get("message")
    usage = message.get("usage") if isinstance(message, dict) else None
    return record.get("type") == "message" and isinstance(usage, dict) and "cacheRead" in usage


@dataclass(frozen=True, slots=True)
class _PendingTool:
    name: str
    at: datetime


class Reader:
    """Reads the lines of one session."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.doubts: list[str] = []
        self._last_at = source.started_at
        self._turn, self._turn_at = f"{source.session}-start", source.started_at
        self._turn_open = self._failed = False
        self._turns = self._lines = 0
        self._tools: dict[str, _PendingTool] = {}
        self._served: Record = {}
        """The provider and the model that were chosen or answered last."""

    def read(self, record: Record) -> Iterator[Step]:
        """Yield the steps of a line. Raises UnreadableError."""
        self._lines += 1
        kind = record.get("type")
        if kind in ("session", "model_change") and "modelId" in record:
            self._served = {"provider": record.get("provider"), "model": record.get("modelId")}
        if kind == "session":
            yield self._session(record)
        elif kind == "message":
            yield from self._message(record, mapping(record.get("message"), "message"))
        elif kind in ("compaction", "branch_summary"):
            at = self._at(record)
            unknown = record.get("fromHook") is True  # an extension may ask any model
            yield from self._aside(record, record, at, {} if unknown else self._served)
            if kind == "compaction":
                claim = Claim(f"pi:compaction:{self._identity(record, record)}")
                yield Claimed(claim, Compacted(at, self._turn, None, None))
        elif states_tokens(record) or has_usage(record):
            self._doubt_kind("line", kind)

    def _session(self, record: Record) -> SessionFacts:
        cwd = optional_name(record.get("cwd")) or ""
        repo = cwd.replace("\\", "/").rstrip("/").rpartition("/")[2] or None
        provider = optional_name(record.get("provider"))
        return SessionFacts(self._source.started_at, None, repo, None, provider)

    def _message(self, record: Record, message: Record) -> Iterator[Step]:
        role = message.get("role")
        if role == "assistant" or (role is None and "usage" in message):
            yield from self._answer(record, message)
        elif role == "user":
            before, at = self._last_at, self._at(record)
            if self._turn_open:
                yield from self._end(record, before, "failed" if self._failed else "completed")
            self._turns += 1
            self._turn, self._turn_at = f"{self._source.session}-{self._turns}", at
            self._tools.clear()  # an interrupted tool never answers
            yield TurnStarted(at, self._turn)
            if has_usage(message):
                self._doubt_kind("message", role)
        elif role == "toolResult":
            at = self._at(record)
            yield from self._aside(record, message, at, {})
            yield from self._tool(record, message, at)
            if message.get("usage") is None and has_usage(message.get("details")):
                self.doubts.append("details of a tool's result state tokens; they are not counted")
        elif has_usage(message):
            self._doubt_kind("message", role)

    def _doubt_kind(self, what: str, kind: object) -> None:
        self.doubts.append(f"a {what} of the type {shown(kind)} states tokens; it is not known")

    def _aside(self, record: Record, body: Record, at: datetime, served: Record) -> Iterator[Step]:
        """Yield the call of a model beside the conversation: of `served`, if it names none."""
        usage = body.get("usage")
        if not isinstance(usage, dict):
            if usage is not None:
                self.doubts.append(f"usage is {shown(usage)}; expected counts of tokens")
            return
        taken = self._taken(body if body.get("model") else {**served, **body}, at)
        if taken.usage.total_tokens or any(call.cost_nanousd for call in taken.calls):
            claim = call_claim(f"pi:{self._identity(record, body)}", taken.calls)
            event = ModelCall(at, at, self._turn, None, taken.calls, own_context=False)
            yield Claimed(claim, event)

    def _answer(self, record: Record, message: Record) -> Iterator[Step]:
        at = self._at(record)
        reason = message.get("stopReason")
        self._turn_open, self._failed = True, reason == "error"
        identity = self._identity(record, message)
        usage = message.get("usage")
        taken = self._taken(message, at)
        self._served = {name: message.get(name) for name in ("provider", "model")}
        if taken.usage.total_tokens or any(call.cost_nanousd for call in taken.calls):
            claim = call_claim(f"pi:{identity}", taken.calls)
            yield Claimed(claim, ModelCall(at, at, self._turn, None, taken.calls))
        elif reason not in ("aborted", "error") or not isinstance(usage, dict):
            # A model that answers has read something: its tokens are unknown, not none.
            if taken.doubt is None or not isinstance(usage, dict):
                self.doubts.append(f"message.usage is {shown(usage)}; the call has no price")
            calls = tuple(replace(call, readable=False, cost_nanousd=None) for call in taken.calls)
            claim = call_claim(f"pi:{identity}", calls)
            yield Claimed(claim, ModelCall(at, at, self._turn, None, calls))
        if reason == "error":
            yield Claimed(Claim(f"pi:error:{identity}"), CallFailed(at, self._turn, None))
        for block in blocks(message.get("content")):
            tool = optional_name(block.get("id"))
            if block.get("type") == "toolCall" and tool is not None:
                self._tools[tool] = _PendingTool(optional_name(block.get("name")) or "tool", at)
        if isinstance(reason, str) and reason in _ENDS:
            yield from self._end(record, at, _ENDS[reason])

    def _taken(self, message: Record, at: datetime) -> Stated:
        usage = message.get("usage")
        model = message.get("responseModel") or message.get("model")
        response = {"model": model, "usage": _spelled_out(usage)}
        provider = optional_name(message.get("provider"))
        taken = stated(response, at, "message.usage", provider=provider, never_null=COUNTS)
        if isinstance(usage, dict):
            self.doubts += [taken.doubt] if taken.doubt else []
            self._compare_cost(usage.get("cost"), taken)
        if is_local(provider):
            return taken
        return replace(taken, calls=tuple(map(_priced, taken.calls)))

    def _compare_cost(self, cost: object, taken: Stated) -> None:
        """Tell of a cost that was not taken; a missing one is none that could be."""
        parts = cost if isinstance(cost, dict) else {}
        known = taken.calls[0].cost_nanousd
        is_told = "its cost is" in (taken.doubt or "")
        if known is None and cost and not is_told:
            found = f"a map whose total is {shown(parts.get('total'))}" if parts else shown(cost)
            self.doubts.append(f"message.usage.cost is {found}; it is no price")
        elif known == 0 and any(parts.get(name) for name in COUNTS):
            self.doubts.append("message.usage.cost is 0 in total, but not in its parts")

    def _tool(self, record: Record, message: Record, at: datetime) -> Iterator[Step]:
        identity = optional_name(message.get("toolCallId"))
        pending = None if identity is None else self._tools.pop(identity, None)
        if pending is None:
            return
        duration_ms = max(0, round((at - pending.at).total_seconds() * 1000))
        error = message.get("isError") is True
        event = ToolUsed(at, self._turn, None, pending.name, error, duration_ms)
        claim = Claim(f"pi:tool:{identity}:{self._identity(record, message)}")
        yield Claimed(claim, event)

    def _end(self, record: Record, at: datetime, outcome: Outcome) -> Iterator[Step]:
        self._turn_open = False
        error = "api_error" if outcome == "failed" else None
        duration_ms = max(0, round((at - self._turn_at).total_seconds() * 1000))
        claim = Claim(f"pi:end:{self._turn}:{self._identity(record, record)}")
        yield Claimed(claim, TurnEnded(at, self._turn, None, outcome, error, duration_ms))

    def _at(self, record: Record) -> datetime:
        time, message = record.get("timestamp"), record.get("message")
        if time_in(time) is None and isinstance(message, dict):
            time = message.get("timestamp") or time
        self._last_at = moment(time, "timestamp", self._last_at, self.doubts)
        return self._last_at

    def _identity(self, record: Record, message: Record) -> str:
        """Return what is the same in a copy of a line; without any time, the line's place."""
        response = optional_name(message.get("responseId"))
        if response is not None and not _is_drawn(response, message.get("provider")):
            return fingerprint([message.get("provider"), response])
        time = record.get("timestamp") or message.get("timestamp")
        place = None if time else [self._source.session, self._lines]
        said = [message.get(name) for name in ("role", "provider", "model", "usage", "toolCallId")]
        return fingerprint([time, place, *said])


def _spelled_out(usage: object) -> object:
    """Return a usage with all its counts, by which the format is known."""
    return {**dict.fromkeys(COUNTS, 0), **usage} if isinstance(usage, dict) else usage


def _is_drawn(response: str, provider: object) -> bool:
    """Tell whether an id may be another response's too: Ollama draws them from 999."""
    return is_local(optional_name(provider)) or _OLLAMA.fullmatch(response) is not None


def _priced(call: Call) -> Call:
    """Return a call without a cost of 0, which pi writes where its list has no price."""
    free = call.cost_nanousd == 0 and call.usage.total_tokens
    return replace(call, cost_nanousd=None) if free else call
