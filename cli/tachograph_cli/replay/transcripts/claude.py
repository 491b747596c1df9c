"""Claude Code transcripts, as versions 1 and 2 write them: one line a content block.

The format is internal to Claude Code and changes between versions: unknown fields are ignored, and
a line with an impossible value is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tachograph_cli.replay.transcripts.claude_bills import COST_STATE, billed
from tachograph_cli.replay.transcripts.claude_lines import (
    SYNTHETIC,
    Message,
    agent_of,
    calls_of,
    claim_of,
    is_noise,
    is_stop,
    line_id,
    message_of,
    tool_id,
    tool_name,
    tool_uses,
)
from tachograph_cli.replay.transcripts.events import (
    Billed,
    CallFailed,
    Compacted,
    Event,
    ModelCall,
    Outcome,
    PullRequestNamed,
    SessionFacts,
    Source,
    ToolUsed,
    TurnEnded,
    TurnStarted,
)
from tachograph_cli.replay.transcripts.values import (
    Record,
    UnreadableError,
    blocks,
    ident,
    instant,
    kind_of,
    optional_mapping,
    optional_name,
    short,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tachograph_cli.replay.transcripts.deduplication import CallRegistry
    from tachograph_schema.pricing.call import Call


@dataclass(frozen=True, slots=True)
class _PendingTool:
    name: str
    agent: str | None
    at: datetime


class Reader:
    """Reads the records of one file in their order; an event depends on earlier records alone.

    A transcript that has grown yields the same events as before and then more, so a replay resumes
    by counting. A call is yielded at its first line, and its growth line by line.
    """

    def __init__(self, source: Source, registry: CallRegistry) -> None:
        self._source = source
        self._registry = registry
        self.doubts: list[str] = []
        """What could not be read of the last record, although the rest of it was."""
        self._facts: tuple[str | None, ...] | None = None
        self._seen_at = self._latest_at = source.started_at
        self._bill: Billed | None = None
        self._turn: str | None = None
        self._turn_at = source.started_at
        self._turn_open = False
        self._turn_ended = False
        self._error_type: str | None = None
        self._last_at = source.started_at
        self._tools: dict[str, _PendingTool] = {}
        self._agents: dict[str, str] = {}
        self._tool_agents: dict[str, str] = {}

    def read(self, record: Record) -> Iterator[Event]:
        """Yield the events of a record. Raises UnreadableError."""
        kind = kind_of(record)
        record = self._dated(record)
        if self._bill is not None and self._seen_at > self._bill.at:
            yield replace(self._bill, until=self._seen_at)
            self._bill = None
        yield from self._session_facts(record)
        message = message_of(record, self._source.agent)
        if message is not None:
            yield from self._message(record, message)
        elif kind == COST_STATE:
            self._bill = billed(record, self._source.session, self._latest_at)
            yield self._bill
        elif kind == "pr-link":
            yield from self._pull_request(record)
        elif kind == "system":
            yield from self._system(record, str(kind_of(record, "subtype")))
        elif self._turn_open and is_stop(record):
            yield from self._end(record, instant(record.get("timestamp"), "timestamp"))

    def _dated(self, record: Record) -> Record:
        """Return a record with a time: that of the line before, where its own cannot be read."""
        try:
            self._seen_at = instant(record.get("timestamp"), "timestamp")
            self._latest_at = max(self._latest_at, self._seen_at)
        except UnreadableError as refusal:
            if kind_of(record) in {"assistant", "user", "system"}:
                self.doubts.append(f"{refusal}; the time of the line before is taken")
            return {**record, "timestamp": self._seen_at.isoformat()}
        return record

    def _session_facts(self, record: Record) -> Iterator[SessionFacts]:
        if self._turn is None and "parentUuid" in record:
            # A file that begins in the middle is a later part of a transcript. The calls before its
            # first prompt get a task of their own, so that parts add up in any order.
            identity = optional_name(record.get("uuid")) or "part"
            cut = record["parentUuid"] is not None and not record.get("logicalParentUuid")
            self._turn = self._task(f"from-{ident(short(identity))}" if cut else "start")
        facts = tuple(optional_name(record.get(key)) for key in ("version", "cwd", "gitBranch"))
        if any(facts) and facts != self._facts:
            self._facts = facts
            version, cwd, branch = facts
            repo = cwd.rstrip("/").rpartition("/")[2] if cwd else None
            at = instant(record.get("timestamp"), "timestamp")
            parent = self._source.session if self._source.agent is not None else None
            yield SessionFacts(at, version, repo or None, branch, "anthropic", parent)

    def _message(self, record: Record, message: Message) -> Iterator[Event]:
        if message.agent is not None and self._source.agent is None:
            task = self._agents.setdefault(message.agent, self._current)
            self._registry.note_spawn(f"{self._source.session}.{message.agent}", task)
            if (tool := optional_name(record.get("parentToolUseID"))) is not None:
                self._tool_agents[tool] = message.agent
        if kind_of(message.record) == "assistant":
            yield from self._assistant(message)
        else:
            yield from self._user(message)

    def _assistant(self, message: Message) -> Iterator[Event]:
        body, at = message.body, message.at
        own = message.agent == self._source.agent
        if own:
            self._last_at = at
            self._error_type = (
                "api_error" if message.record.get("isApiErrorMessage") is True else None
            )
        if body.get("model") == SYNTHETIC:
            return
        uses = list(tool_uses(body))
        if body.get("usage") is not None:
            claim = claim_of(message)
            growth = self._registry.count(
                self._source.owner, claim, lambda: self._calls(message), at
            )
            self._turn_open |= own
            if growth is not None:
                task = self._task_of(message)
                yield ModelCall(growth.at, at, task, message.agent, growth.calls, growth.before)
        for block in uses:
            self._tools[tool_id(block)] = _PendingTool(tool_name(block), message.agent, at)
        if self._source.agent is not None and body.get("stop_reason") == "end_turn":
            task = self._task_of(message)
            if self._ends(task, line_id(message.record), at):
                yield TurnEnded(at, task, message.agent)

    def _calls(self, message: Message) -> tuple[Call, ...]:
        calls, why = calls_of(message)
        self.doubts += [why] if why else []
        return calls

    def _user(self, message: Message) -> Iterator[Event]:
        body, at = message.body, message.at
        results = [
            block for block in blocks(body.get("content")) if kind_of(block) == "tool_result"
        ]
        for block in results:
            yield from self._tool_result(message, block, at)
        launched = message.record.get("toolUseResult")
        if (
            isinstance(launched, dict)
            and (agent := optional_name(launched.get("agentId"))) is not None
        ):
            self._registry.note_spawn(f"{self._source.session}.{ident(agent)}", self._current)
        if message.agent is None and not results and not is_noise(message.record):
            yield from self._prompt(message, at)
        elif message.agent is None:
            self._last_at = at

    def _prompt(self, message: Message, at: datetime) -> Iterator[Event]:
        identity = line_id(message.record).removeprefix("line:")
        if self._turn_open:
            yield from self._end(message.record, self._last_at)
        # The session's own pending tools were interrupted; sub-agents may go on.
        self._tools = {key: tool for key, tool in self._tools.items() if tool.agent is not None}
        self._turn, self._turn_at, self._last_at = self._task(ident(identity)[:8]), at, at
        self._error_type, self._turn_ended = None, False
        yield TurnStarted(at, self._turn)

    def _tool_result(self, message: Message, block: Record, at: datetime) -> Iterator[Event]:
        identity = optional_name(block.get("tool_use_id"))
        pending = None if identity is None else self._tools.pop(f"tool:{identity}", None)
        if identity is None or pending is None:
            return
        error = block.get("is_error") is True
        if self._registry.count_once(self._source.owner, f"tool:{identity}", at):
            duration_ms = max(0, round((at - pending.at).total_seconds() * 1000))
            yield ToolUsed(
                at, self._task_of(message), message.agent, pending.name, error, duration_ms
            )
        agent = self._tool_agents.pop(identity, None)
        if agent is not None:
            subtask = f"{self._agents[agent]}.{agent}"
            if self._ends(subtask, identity, at):
                yield TurnEnded(at, subtask, agent)

    def _system(self, record: Record, subtype: str) -> Iterator[Event]:
        if subtype in {"turn_duration", "stop_hook_summary"}:
            at = instant(record.get("timestamp"), "timestamp")
            if self._turn_open or (self._turn_ended and subtype == "turn_duration"):
                duration_ms = whole(record.get("durationMs"), "durationMs")
                yield from self._end(record, at, duration_ms or None)
        elif subtype in {"api_error", "compact_boundary"}:
            at = instant(record.get("timestamp"), "timestamp")
            agent = agent_of(record, self._source.agent)
            if not self._registry.count_once(self._source.owner, line_id(record), at):
                return
            task = (
                self._current
                if agent is None
                else f"{self._agents.get(agent, self._current)}.{agent}"
            )
            if subtype == "api_error":
                yield CallFailed(at, task, agent)
            else:
                details = optional_mapping(record.get("compactMetadata"), "compactMetadata")
                tokens = whole(details.get("postTokens"), "compactMetadata.postTokens")
                yield Compacted(at, task, agent, tokens or None)

    def _pull_request(self, record: Record) -> Iterator[PullRequestNamed]:
        """Yield a pull request at its first mention: each resumption repeats them all."""
        url = optional_name(record.get("prUrl"))
        if url is None:
            return
        at = instant(record.get("timestamp"), "timestamp")
        if self._registry.count_once(self._source.owner, f"pr:{self._source.owner}:{url}", at):
            yield PullRequestNamed(at, self._current, url)

    def _end(self, by: Record, at: datetime, duration_ms: int | None = None) -> Iterator[Event]:
        """End the turn by the record `by`; a later record may add its duration."""
        self._turn_open, self._turn_ended = False, True
        if self._source.agent is None and self._ends(self._current, line_id(by), at):
            measured = max(0, round((at - self._turn_at).total_seconds() * 1000))
            outcome: Outcome = "failed" if self._error_type else "completed"
            duration_ms = duration_ms or measured
            yield TurnEnded(at, self._current, None, outcome, self._error_type, duration_ms)

    def _ends(self, task: str, by: str, at: datetime) -> bool:
        """Count this end of a task; False where it is counted already."""
        return self._registry.count_once(self._source.owner, f"end:{task}:{by}", at)

    @property
    def _current(self) -> str:
        return self._turn or self._task("start")

    def _task(self, part: str) -> str:
        return f"{self._source.session}-{part}"

    def _task_of(self, message: Message) -> str:
        if message.agent is None:
            return self._current
        return f"{self._agents.get(message.agent, self._current)}.{message.agent}"
