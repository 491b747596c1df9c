"""A task with everything a task can hold, and single reports of the SDK on it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from support.fleets.two_agents import T
from tachograph.reports.report import Report
from tachograph.reports.task_fields import task_fields
from tachograph_schema.documents.task import ModelUsage
from tachograph_schema.fields import MAX_MODELS, MAX_TOOLS
from tachograph_schema.pricing.call import Call
from tachograph_schema.usage import Usage

LATER = T + timedelta(minutes=5)
BORN: Mapping[str, Any] = {
    "title": "x" * 100, "task_type": "build", "priority": "high", "sprint_id": "7",
    "labels": {"team": "x", "user": "y", "feature": "z"}, "repo": "shop", "branch": "main",
    "environment": "prod", "created_at": T, "expected_duration_ms": 5, "parent_task_id": "p",
    "root_task_id": "p", "depth": 1, "traceparent": "00-1", "reported_at": T,
}  # fmt: skip
"""The fields that a task is given when it is created."""
RICH: Mapping[str, Any] = {
    **BORN, "created_by": "a", "agent_id": "a", "agent_role": "builder", "agent_version": "1",
    "session_id": "s-a", "status": "active", "started_at": T, "model": "m0", "provider": "p",
    "reports": {"a:s-a.1": 1}, "reporter": "a:s-a.1",
}  # fmt: skip
_COUNTS = tuple(name for name in ModelUsage.model_fields if name != "provider")
_USED = Usage(
    tokens_in=1200, cache_read_tokens=800, cache_write_tokens=400, cache_write_1h_tokens=100,
    tokens_out=300, reasoning_tokens=50,
)  # fmt: skip
_PRICED = Call(model="m1", provider="p", usage=_USED, cost_nanousd=360_000, priced_at=LATER)
_UNKNOWN = Call(model="m1", provider="p", usage=_USED, priced_at=LATER)
_AROUND: Mapping[str, Any] = {
    "identity": {"model": "m1", "provider": "p", "route": "direct"},
    "counts": {"ttft_ms": 5, "generation_ms": 50, "llm_errors": 1},
    "fields": {
        "finish_reason": "tool_use", "context_remaining_pct": 40, "context_remaining_min_pct": 30,
    },
}  # fmt: skip
CALLED: Mapping[str, Any] = {**_AROUND, "calls": (_PRICED,)}
"""A report of a call of a model."""
UNPRICED: Mapping[str, Any] = {**_AROUND, "calls": (_UNKNOWN,)}
TOOL: Mapping[str, Any] = {
    "tool": "t3", "tool_ms": 5, "counts": {"tool_calls": 1, "tool_errors": 1},
}  # fmt: skip
"""A report of a call of a tool."""


def full_task(agent: str, session: str) -> dict[str, Any]:
    """Return a task with 4 models and 12 tools, to which the sessions of both agents added."""
    row = {"provider": "p", **dict.fromkeys(_COUNTS, 50)}
    tool = {"calls": 5, "errors": 5, "duration_ms": 5}
    return {
        **RICH, "agent_id": agent, "session_id": session, **dict.fromkeys(_COUNTS, 500),
        "cost_source": "priced", "route": "direct", "finish_reason": "stop", "steps": 5,
        "context_remaining_pct": 50, "context_remaining_min_pct": 50,
        "usage_by_model": {f"m{n}": row for n in range(MAX_MODELS)},
        "tools": {f"t{n}": tool for n in range(MAX_TOOLS)},
        "reports": {"queue": 1, "a:s-a.1": 3, "b:s-b.1": 5}, "reporter": f"{agent}:{session}.1",
    }  # fmt: skip


def reported(
    landed: Mapping[str, Any],
    parts: Mapping[str, Any],
    *,
    reporter: str = "a:s-a.1",
    gone: bool = False,
) -> dict[str, Any]:
    """Return what the SDK writes for one report of agent a's session.

    `gone`: the session was killed, and another process found the report in its spool.
    """
    return task_fields(landed, reporter, [Report(4, LATER, **parts)], "s-a", session_gone=gone)
