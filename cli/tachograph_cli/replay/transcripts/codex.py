"""Codex rollouts, which repeat totals, and whose forks begin with their parent's history.

Rollout lines are `{timestamp, type, payload}`; calls are the `token_count` events, turns have ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tachograph_cli.replay.transcripts.codex_lines import (
    TOOL_CALLS,
    TOOL_OUTPUTS,
    claim_of_count,
    claim_of_response,
    failed,
    parent_of,
    since,
    usage_of,
)
from tachograph_cli.replay.transcripts.deduplication import CallRegistry, Claim
from tachograph_cli.replay.transcripts.events import (
    CallFailed,
    Compacted,
    Event,
    ModelCall,
    Outcome,
    SessionFacts,
    Source,
    ToolUsed,
    TurnEnded,
    TurnStarted,
)
from tachograph_cli.replay.transcripts.history import History
from tachograph_cli.replay.transcripts.values import (
    Record,
    ident,
    instant,
    kind_of,
    optional_mapping,
    optional_name,
    short,
    states_tokens,
    whole,
)
from tachograph_schema.pricing.call import Call
from tachograph_schema.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

_WITHOUT_USAGE = {
    *("response_item", "compacted", "world_state", "inter_agent_communication", "realtime_item"),
    *("dynamic_tools_updated", "security_risk_score"),
}


@dataclass(frozen=True, slots=True)
class _PendingTool:
    name: str
    at: datetime


class Reader:
    """Reads the records of one file in their order; an event depends on earlier records alone."""

    def __init__(self, source: Source, registry: CallRegistry) -> None:
        self._source = source
        self._registry = registry
        self.doubts: list[str] = []
        """What could not be read of the last record, although the rest of it was."""
        self._facts: SessionFacts | None = None
        self._history = History(source, registry)
        self._copied_turn: str | None = None
        self._states_responses = False
        self._model: str | None = None
        self._window: int | None = None
        self._totals: Usage | None = None
        self._turn = f"{source.session}-start"
        self._turn_at = source.started_at
        self._turn_open = False
        self._turns = 0
        self._has_turn_ids = False
        self._last_at = source.started_at
        self._tools: dict[str, _PendingTool] = {}

    def read(self, record: Record) -> Iterator[Event]:
        """Yield the events of a record. Raises UnreadableError."""
        payload = record.get("payload")
        if not isinstance(payload, dict):
            return
        at = instant(record.get("timestamp"), "timestamp")
        yield from self._go_on(record, payload, at)
        match kind_of(record):
            case "session_meta":
                yield from self._session_meta(payload, at)
            case "turn_context":
                yield from self._turn_context(payload, at)
            case "event_msg":
                yield from self._event(record, payload, at)
            case "token_usage_record":
                yield from self._response(payload, at)
            case "response_item" if not self._copying:
                yield from self._response_item(payload, at)
            case "compacted" if not self._copying:
                yield from self._compacted(at)
            case kind if kind not in _WITHOUT_USAGE and states_tokens(payload):
                self.doubts.append(f"a record of the type {kind!r} states tokens; it is not known")
            case _:
                pass

    def _go_on(self, record: Record, payload: Record, at: datetime) -> Iterator[Event]:
        """Go on in the turn in which the session was forked, if it begins none of its own."""
        ends = self._history.ends_before(record, at)
        if ends and self._copied_turn is not None and "turn_id" not in payload:
            yield from self._start_turn(self._copied_turn, at)

    @property
    def _copying(self) -> bool:
        return self._history.copying

    def _session_meta(self, payload: Record, at: datetime) -> Iterator[Event]:
        if self._facts is not None:
            return  # a fork repeats the records of its ancestors
        parent = parent_of(payload)
        self._history.begin(parent, payload.get("subagent_history_start_ordinal"))
        cwd = optional_name(payload.get("cwd"))
        git = payload.get("git")
        self._facts = SessionFacts(
            at,
            optional_name(payload.get("cli_version")),
            (cwd or "").rstrip("/").rpartition("/")[2] or None,
            optional_name(git.get("branch")) if isinstance(git, dict) else None,
            optional_name(payload.get("model_provider")) or "openai",
            parent,
        )
        yield self._facts

    def _turn_context(self, payload: Record, at: datetime) -> Iterator[Event]:
        self._model = optional_name(payload.get("model")) or self._model
        if (turn := optional_name(payload.get("turn_id"))) is not None:
            yield from self._start_turn(turn, at)

    def _event(self, record: Record, payload: Record, at: datetime) -> Iterator[Event]:
        match kind_of(payload):
            case "token_count":
                yield from self._token_count(record, payload, at)
            case "task_started" | "turn_started":
                self._window = (
                    whole(payload.get("model_context_window"), "model_context_window")
                    or self._window
                )
                yield from self._start_turn(optional_name(payload.get("turn_id")), at)
            case "user_message" if not self._has_turn_ids:
                yield from self._start_turn(None, at)
            case "task_complete" | "turn_complete":
                yield from self._end_turn(at, "completed", None)
            case "turn_aborted":
                yield from self._end_turn(at, "cancelled", optional_name(payload.get("reason")))
            case "error" | "stream_error" if not self._copying:
                if self._once("error", at):
                    yield CallFailed(at, self._turn, None)
            case _:
                if (child := optional_name(payload.get("new_thread_id"))) is not None:
                    self._registry.note_spawn(ident(child), self._turn)

    def _token_count(self, record: Record, payload: Record, at: datetime) -> Iterator[Event]:
        info = optional_mapping(payload.get("info"), "payload.info")
        if not info:
            return  # only rate limits
        total = usage_of(info, "total_token_usage")
        last = usage_of(info, "last_token_usage")
        repeated = total is not None and total == self._totals
        if last is None and total is not None:
            last = since(total, self._totals)
        self._totals = total or self._totals
        self._window = (
            whole(info.get("model_context_window"), "model_context_window") or self._window
        )
        if self._states_responses or repeated or self._copying:
            return
        if last is None or not last.total_tokens:
            return
        model = (
            optional_name(info.get("model")) or optional_name(payload.get("model")) or self._model
        )
        yield from self._called(claim_of_count(record, info), last, model, at)

    def _response(self, payload: Record, at: datetime) -> Iterator[Event]:
        """Count one response; from here on the running totals say nothing new."""
        thread = optional_name(payload.get("thread_id"))
        if self._copying or (thread is not None and ident(thread) != self._source.session):
            return  # the parent's
        self._states_responses = True
        usage = usage_of(payload, "usage")
        if usage is not None and usage.total_tokens:
            yield from self._called(claim_of_response(payload), usage, self._model, at)

    def _called(
        self, claim: Claim, usage: Usage, model: str | None, at: datetime
    ) -> Iterator[Event]:
        self._last_at, self._turn_open = at, True
        provider = self._facts.provider if self._facts is not None else "openai"
        calls = (Call(usage, model, provider, at),)
        growth = self._registry.count(self._source.owner, claim, lambda: calls, at)
        if growth is not None:
            yield ModelCall(growth.at, at, self._turn, None, calls, growth.before, self._window)

    def _start_turn(self, turn: str | None, at: datetime) -> Iterator[Event]:
        """Begin a turn, once, although several records name its id."""
        self._has_turn_ids |= turn is not None
        if self._copying:
            self._copied_turn = turn
            return
        if turn is None:
            self._turns += 1
            task = f"{self._source.session}-{self._turns}"
        else:
            own = self._history.forked or len(turn) <= len("turn-000")
            task = f"{self._source.session}-{ident(short(turn))}" if own else ident(turn)
        if task == self._turn:
            return
        if self._turn_open:
            yield from self._end_turn(self._last_at, "completed", None)
        self._tools.clear()  # an interrupted tool never answers
        self._turn, self._turn_at, self._last_at = task, at, at
        yield TurnStarted(at, task)

    def _end_turn(self, at: datetime, outcome: Outcome, reason: str | None) -> Iterator[Event]:
        if self._turn_open and not self._copying and self._once(f"end:{self._turn}", at):
            duration_ms = max(0, round((at - self._turn_at).total_seconds() * 1000))
            yield TurnEnded(at, self._turn, None, outcome, reason, duration_ms)
        self._turn_open &= self._copying

    def _response_item(self, payload: Record, at: datetime) -> Iterator[Event]:
        kind = kind_of(payload)
        identity = optional_name(payload.get("call_id"))
        if kind in TOOL_CALLS and identity is not None:
            name = optional_name(payload.get("name")) or str(kind).removesuffix("_call")
            self._tools[identity] = _PendingTool(name, at)
        elif (
            kind in TOOL_OUTPUTS
            and identity is not None
            and (pending := self._tools.pop(identity, None))
        ):
            self._last_at = at
            if self._registry.count_once(self._source.owner, f"tool:{identity}", at):
                duration_ms = max(0, round((at - pending.at).total_seconds() * 1000))
                yield ToolUsed(
                    at, self._turn, None, pending.name, failed(payload.get("output")), duration_ms
                )
        elif kind == "web_search_call" and self._once("web", at):  # has neither id nor output
            yield ToolUsed(at, self._turn, None, "web_search", payload.get("status") == "failed", 0)

    def _compacted(self, at: datetime) -> Iterator[Event]:
        if self._once("compacted", at):
            yield Compacted(at, self._turn, None, None)

    def _once(self, kind: str, at: datetime) -> bool:
        """Count an event without an id, by its kind and time; False where it is counted already."""
        identity = f"{kind}:{self._source.session}:{at.isoformat()}"
        return self._registry.count_once(self._source.owner, identity, at)
