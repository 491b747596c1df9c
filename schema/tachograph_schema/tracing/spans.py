"""Spans: one table of their names and attributes, and a span as it is kept until it is exported.

Names follow OpenTelemetry's GenAI conventions where there is one; what is ours begins with
`tachograph.`. Money is a whole number of nano-dollars: Cloud Trace's exporter rounds what is not
whole to four digits.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

Value = str | int | bool | tuple[str, ...]
"""What an attribute holds."""
SpanKind = Literal["internal", "client", "server", "producer", "consumer"]
Shown = Literal["agent", "chain", "llm", "tool", "retriever", "embedding", "guardrail", "evaluator"]

# The names of spans. Calls and tools are called `chat MODEL` and `execute_tool TOOL`.
TASK: Final = "tachograph.task"
CREATE_TASK: Final = "tachograph.create_task"
ROLL_UP: Final = "tachograph.roll_up"
SIGNAL_ROTATION: Final = "tachograph.signal_rotation"
HAND_OVER: Final = "tachograph.hand_over"
TICK: Final = "tachograph.tick"
DECODE: Final = "tachograph.decode"
DECIDE: Final = "tachograph.decide"
COMMIT: Final = "tachograph.commit"
PUBLISH: Final = "tachograph.publish"
TREES: Final = "tachograph.publish_trees"
SNAPSHOT: Final = "tachograph.snapshot"
BASELINES: Final = "tachograph.baselines"
SWEEP: Final = "tachograph.sweep"

# Attributes of ours.
TASK_ID: Final = "tachograph.task.id"
TASK_TYPE: Final = "tachograph.task.type"
TASK_STATUS: Final = "tachograph.task.status"
PARENT_TASK_ID: Final = "tachograph.task.parent.id"
SESSION_ID: Final = "tachograph.session.id"
FLEET: Final = "tachograph.fleet"
AGENT_ROLE: Final = "tachograph.agent.role"
COST_NANOUSD: Final = "tachograph.cost_nanousd"
PATH: Final = "tachograph.path"
KEPT: Final = "tachograph.kept"
LINK: Final = "tachograph.link"
STEPS: Final = "tachograph.steps"
CONTENT_REF: Final = "tachograph.content.ref"

# OpenTelemetry's.
OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_ID: Final = "gen_ai.response.id"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CACHE_READ_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"
REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
AGENT_NAME: Final = "gen_ai.agent.name"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"
TOOL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_RESULT: Final = "gen_ai.tool.call.result"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
PREVIOUS_SESSION: Final = "session.previous_id"
ERROR_TYPE: Final = "error.type"
MCP_METHOD: Final = "mcp.method.name"
MCP_SESSION: Final = "mcp.session.id"
MCP_VERSION: Final = "mcp.protocol.version"
OPENINFERENCE_KIND: Final = "openinference.span.kind"

CHAT: Final = "chat"
EXECUTE_TOOL: Final = "execute_tool"
INVOKE_AGENT: Final = "invoke_agent"

_SHOWN: Final[Mapping[str, Shown]] = {
    CHAT: "llm",
    "generate_content": "llm",
    "text_completion": "llm",
    "embeddings": "embedding",
    "retrieval": "retriever",
    EXECUTE_TOOL: "tool",
    INVOKE_AGENT: "agent",
    "create_agent": "agent",
}
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_TRACE_CHARS: Final = 32
_SPAN_CHARS: Final = 16


@dataclass(frozen=True, slots=True)
class Place:
    """A span somewhere, as a W3C trace context names it."""

    trace_id: str
    span_id: str
    sampled: bool = True

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{int(self.sampled):02x}"


@dataclass(slots=True)
class Span:
    """A span, from its start until it is exported. Times are nanoseconds since 1970."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str | None
    start_ns: int
    end_ns: int = 0
    kind: SpanKind = "internal"
    attributes: dict[str, Value] = field(default_factory=dict)
    links: list[tuple[Place, str]] = field(default_factory=list)
    """Spans of other work, and what they are to this one."""
    error: str | None = None
    """The type of the error that the span ended with, without its words."""

    @property
    def place(self) -> Place:
        """Where the span is."""
        return Place(self.trace_id, self.span_id)

    @property
    def shown(self) -> Shown:
        """The kind of span that is shown, in OpenInference's words."""
        return _SHOWN.get(str(self.attributes.get(OPERATION, "")), "chain")


def digest(*parts: str) -> str:
    """Return 64 hex digits to cut ids from: the same for the same parts."""
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def read_traceparent(text: object) -> Place | None:
    """Read a W3C traceparent; None for anything else: a trace context must never cost a task."""
    match = _TRACEPARENT.fullmatch(text) if isinstance(text, str) else None
    if match is None or (match[4] and match[0].startswith("00")):
        return None
    if match[1] == "0" * _TRACE_CHARS or match[2] == "0" * _SPAN_CHARS:
        return None
    return Place(match[1], match[2], sampled=bool(int(match[3], 16) & 1))
