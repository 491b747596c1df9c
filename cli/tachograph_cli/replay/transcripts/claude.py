"""Claude Code transcripts, as versions 1 and 2 write them: one line a content block.

The rules are those of reference/claude-code.md, 4.3. The format is internal to Claude Code and
changes between versions: what is unknown is ignored, what is impossible is refused by its line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tachograph_cli.replay.transcripts.claude_lines import (
    SYNTHETIC,
    Message,
    agent_of,
    claim_of,
    is_noise,
    is_stop,
    line_id,
    message_of,
    tool_id,
    tool_name,
    tool_uses,
    usage_of,
)
from tachograph_cli.replay.transcripts.events import (
    Called,
    CallFailed,
    Compacted,
    Event,
    Facts,
    Outcome,
    Source,
    ToolUsed,
    TurnEnded,
    TurnStarted,
)
from tachograph_cli.replay.transcripts.values import (
    Record,
    blocks,
    ident,
    instant,
    named,
    optional_mapping,
    optional_name,
    short,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tachograph_cli.replay.transcripts.deduplication import Seen


@dataclass(frozen=True, slots=True)
class _PendingTool:
    name: str
    agent: str | None
    at: datetime


class Reader:
    """Reads the records of one file in their order; what it yields depends on nothing after them.

    So a transcript that has grown since yields what it did before, and then more: a replay can be
    resumed by counting. A call is told of at its first line, and its growth line by line.
    """

    def __init__(self, source: Source, seen: Seen) -> None:
        self._source = source
        self._seen = seen
        self._facts: tuple[str | None, ...] | None = None
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
        """Yield what a record says; raises UnreadableError where it says something impossible."""
        kind = record.get("type")
        yield from self._said_of_itself(record)
        message = message_of(record, self._source.agent)
        if message is not None:
            yield from self._spoken(record, message)
        elif kind == "system":
            yield from self._system(record, str(record.get("subtype")))
        elif self._turn_open and is_stop(record):
            yield from self._end(record, instant(record.get("timestamp"), "timestamp"))

    def _said_of_itself(self, record: Record) -> Iterator[Facts]:
        if self._turn is None and "parentUuid" in record:
            # A file that begins in the middle is a later part of a transcript. What precedes its
            # first prompt gets a task of its own, so that parts add up in any order.
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
            yield Facts(at, version, repo or None, branch, "anthropic", parent)

    def _spoken(self, record: Record, message: Message) -> Iterator[Event]:
        if message.agent is not None and self._source.agent is None:
            task = self._agents.setdefault(message.agent, self._current)
            self._seen.spawned(f"{self._source.session}.{message.agent}", task)
            if (tool := optional_name(record.get("parentToolUseID"))) is not None:
                self._tool_agents[tool] = message.agent
        if message.record.get("type") == "assistant":
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
            usage = usage_of(body)
            model = named(body.get("model"), "message.model")
            news = self._seen.tell(self._source.owner, claim_of(message, usage), usage, at)
            self._turn_open |= own
            if news is not None:
                yield Called(
                    news.at, at, self._task_of(message), message.agent, model, usage, news.before
                )
        for block in uses:
            self._tools[tool_id(block)] = _PendingTool(tool_name(block), message.agent, at)
        if self._source.agent is not None and body.get("stop_reason") == "end_turn":
            task = self._task_of(message)
            if self._ends(task, line_id(message.record), at):
                yield TurnEnded(at, task, message.agent)

    def _user(self, message: Message) -> Iterator[Event]:
        body, at = message.body, message.at
        results = [
            block for block in blocks(body.get("content")) if block.get("type") == "tool_result"
        ]
        for block in results:
            yield from self._tool_result(message, block, at)
        launched = message.record.get("toolUseResult")
        if (
            isinstance(launched, dict)
            and (agent := optional_name(launched.get("agentId"))) is not None
        ):
            self._seen.spawned(f"{self._source.session}.{ident(agent)}", self._current)
        if message.agent is None and not results and not is_noise(message.record):
            yield from self._prompted(message, at)
        elif message.agent is None:
            self._last_at = at

    def _prompted(self, message: Message, at: datetime) -> Iterator[Event]:
        identity = named(message.record.get("uuid"), "uuid")
        if self._turn_open:
            yield from self._end(message.record, self._last_at)
        # What the session itself still waits for was interrupted; sub-agents may work on.
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
        if self._seen.once(self._source.owner, f"tool:{identity}", at):
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
            if not self._seen.once(self._source.owner, line_id(record), at):
                return
            task = (
                self._current
                if agent is None
                else f"{self._agents.get(agent, self._current)}.{agent}"
            )
            if subtype == "api_error":
                yield CallFailed(at, task, agent)
            else:
                told = optional_mapping(record.get("compactMetadata"), "compactMetadata")
                left = whole(told.get("postTokens"), "compactMetadata.postTokens")
                yield Compacted(at, task, agent, left)

    def _end(self, by: Record, at: datetime, duration_ms: int | None = None) -> Iterator[Event]:
        """End the turn; `by` is the record that says so. A later one may know its duration."""
        self._turn_open, self._turn_ended = False, True
        if self._source.agent is None and self._ends(self._current, line_id(by), at):
            measured = max(0, round((at - self._turn_at).total_seconds() * 1000))
            outcome: Outcome = "failed" if self._error_type else "completed"
            duration_ms = duration_ms or measured
            yield TurnEnded(at, self._current, None, outcome, self._error_type, duration_ms)

    def _ends(self, task: str, by: str, at: datetime) -> bool:
        """Tell whether this end of a task is told for the first time."""
        return self._seen.once(self._source.owner, f"end:{task}:{by}", at)

    @property
    def _current(self) -> str:
        return self._turn or self._task("start")

    def _task(self, part: str) -> str:
        return f"{self._source.session}-{part}"

    def _task_of(self, message: Message) -> str:
        if message.agent is None:
            return self._current
        return f"{self._agents.get(message.agent, self._current)}.{message.agent}"
