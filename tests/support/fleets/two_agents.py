"""The fleet that attacks act on: tasks, sessions, messages and signals of two agents, a and b."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from google.cloud import firestore

from support.rules import Identity

T = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = firestore.SERVER_TIMESTAMP
DELETE = firestore.DELETE_FIELD

A, B = Identity("a", "agent"), Identity("b", "agent")
ORCHESTRATOR, OWNER, VIEWER = (
    Identity("lead", "orchestrator"),
    Identity("boss", "owner"),
    Identity("eve", "viewer"),
)

_TASK = {"created_at": T, "task_type": "build"}
_HELD = {**_TASK, "status": "active", "reported_at": T, "tokens_in": 100, "cost_nanousd": 1000}
_SESSION = {"state": "active", "started_at": T, "last_seen_at": T, "reported_at": T}
_SIGNAL = {"kind": "rotate", "status": "pending", "created_at": T, "session_id": "s-a"}
_MESSAGE = {"sent_at": T, "acknowledged_at": None, "kind": "question"}


def _lease(agent: str, age: timedelta) -> dict[str, Any]:
    renewed = datetime.now(UTC) - age
    return {
        "agent_id": agent,
        "repo": "shop",
        "branch": "main",
        "lease_ms": 60_000,
        "renewed_at": renewed,
    }


def documents() -> dict[str, Mapping[str, Any]]:
    """Return the fleet's documents by path."""
    by_a = {"agent_id": "a", "session_id": "s-a", "reporter": "a:s-a.1"}
    by_b = {"agent_id": "b", "session_id": "s-b", "reporter": "b:s-b.1"}
    both = {"a:s-a.1": 3, "b:s-b.1": 5}
    return {
        "": {"name": "Acme"},
        "tasks/a": {**_HELD, **by_a, "reports": both, "depth": 0, "created_by": "lead"},
        "tasks/b": {**_HELD, **by_b, "reports": {"b:s-b.1": 5}},
        "tasks/spawned": {**_HELD, **by_b, "parent_task_id": "b"},
        "tasks/relieved": {
            **_HELD, **by_b, "reports": both, "tokens_out": 9, "route": "direct",
        },
        "tasks/full": {
            **_HELD, **by_a, "reporter": "a:s-1", "reports": {f"a:s-{n}": 1 for n in range(200)},
        },
        "tasks/queued": {**_TASK, "status": "queued", "reports": {"queue": 1}, "reporter": "queue"},
        "tasks/plain": {"title": "queued by a plain write"},
        "tasks/for-b": {**_TASK, "status": "queued", "agent_id": "b"},
        "tasks/lost": {
            **_TASK, **by_b, "status": "queued", "lost_session_id": "s-b", "reports": both,
        },
        "tasks/lost-before": {
            **_TASK, "status": "queued", "agent_id": "b", "session_id": "s-b2",
            "lost_session_id": "s-b",
        },
        "tasks/lost-a": {
            **_HELD, **by_a, "status": "failed", "error_type": "session_lost",
            "lost_session_id": "s-a", "completed_at": T, "reports": both,
        },
        "tasks/failed": {**_HELD, **by_a, "status": "failed", "error_type": "timeout"},
        "tasks/taken": {
            **_HELD, **by_a, "status": "failed", "error_type": "session_lost",
            "lost_session_id": "s-b",
        },
        "tasks/off-lost": {
            **_HELD, **by_a, "status": "cancelled", "error_type": "session_lost",
            "lost_session_id": "s-a",
        },
        "tasks/timed-out": {
            **_HELD, **by_a, "status": "failed", "error_type": "timeout", "lost_session_id": "s-a",
        },
        "tasks/for-b-again": {
            **_TASK, "status": "queued", "agent_id": "b", "session_id": None,
            "lost_session_id": None,
        },
        "tasks/adrift": {**_TASK, "status": "active"},
        "tasks/traced": {**_HELD, **by_a, "traceparent": "00-1"},
        "tasks/done": {**_HELD, **by_a, "status": "completed", "completed_at": T, "reports": both},
        "tasks/done-b": {**_HELD, **by_b, "status": "failed", "reports": {"b:s-b.1": 5}},
        "tasks/off": {**_HELD, **by_a, "status": "cancelled", "reports": both},
        "tasks/used": _used(by_a, both),
        "tasks/one-model": {
            **_TASK, **by_a, "status": "active", "model": "m1", "tokens_in": 50, "llm_calls": 50,
        },
        "tasks/dollars": {**_TASK, **by_a, "status": "active", "cost_usd": 0.36},
        "tasks/nulls": {
            **_TASK, **by_a, "status": "active", "tokens_in": 50, "tokens_out": None,
            "cache_read_tokens": None,
        },
        "tasks/last-by-a": {**_HELD, **by_b, "reports": both, "reporter": "a:s-a.1"},
        "tasks/unknown": {**_used(by_a, both), "queued_at": None},
        "tasks/by-queue": {**_HELD, **by_b, "status": "completed", "reports": {"queue": 1}},
        "tasks/lost-cost": {
            **_TASK, **by_b, "status": "queued", "lost_session_id": "s-b", "reports": both,
            "cost_nanousd": 360_000_000, "retries": 1,
        },
        "tasks/leads": {**_HELD, "agent_id": "lead", "reports": {"b:s-b.1": 5}},
        "sessions/s-a": {**_SESSION, "agent_id": "a", "predecessor_session_id": "s-a0"},
        "sessions/s-a1": {**_SESSION, "agent_id": "a", "predecessor_session_id": "s-a"},
        "sessions/s-b": {**_SESSION, "agent_id": "b"},
        "sessions/s-b1": {**_SESSION, "agent_id": "b", "predecessor_session_id": "s-a"},
        "sessions/s-none": {**_SESSION},
        "sessions/over": {
            **_SESSION, "agent_id": "a", "state": "completed", "end_reason": "rotated",
            "ended_at": T,
        },
        "sessions/stuck": {
            **_SESSION, "agent_id": "a", "effective_state": "stuck", "effective_since": T,
        },
        "messages/to-a": {**_MESSAGE, "from_agent_id": "b", "to_agent_id": "a"},
        "messages/to-b": {**_MESSAGE, "from_agent_id": "a", "to_agent_id": "b"},
        "messages/to-gone": {**_MESSAGE, "from_agent_id": "b", "to_agent_id": "gone"},
        "sessions/s-gone": {**_SESSION, "agent_id": "gone"},
        "leases/gone": _lease("gone", timedelta(seconds=1)),
        "signals/gone": {**_SIGNAL, "agent_id": "gone"},
        "messages/noted": {
            **_MESSAGE, "from_agent_id": "b", "to_agent_id": "a", "acknowledged_at": T,
        },
        "incidents/one": {"kind": "git_failure", "agent_id": "a", "occurred_at": T},
        "leases/a": _lease("a", timedelta(seconds=1)),
        "leases/b": _lease("b", timedelta(seconds=1)),
        "leases/stale": _lease("b", timedelta(hours=1)),
        "signals/a": {**_SIGNAL, "agent_id": "a"},
        "signals/b": {**_SIGNAL, "agent_id": "b", "session_id": "s-b"},
        "signals/noted": {
            **_SIGNAL, "agent_id": "a", "status": "acknowledged", "acknowledged_at": T,
        },
        "signals/handed": {**_SIGNAL, "agent_id": "a", "status": "handed_off"},
        "signals/over": {**_SIGNAL, "agent_id": "a", "status": "expired"},
        "signals/taken": {
            **_SIGNAL, "agent_id": "a", "status": "journaled", "successor_session_id": "s-x",
        },
        "alerts/open": {"rule": "burn", "severity": "warning", "opened_at": T},
        "alerts/noted": {"rule": "burn", "acknowledged_at": T, "acknowledged_by": "boss"},
        "revoked/gone": {"before": datetime.now(UTC) + timedelta(hours=1)},
        "revoked/back": {"before": T},
        "prices/own": {"model": "house"},
        "ledger/k": {"path": "x"},
        "shards/s": {"hour": "2026-03-01T12", "dirty": False, "c": {}},
        "trees/t": {"c": {}},
        "rollups/day_2026-03-01": {"grain": "day", "c": {}},
        "snapshots/x": {"at": T},
        "live/now": {"at": T},
        "baselines/x": {"runs": 1},
        "rejected/x": {"path": "x"},
        "sweeps/now": {"hour": "x"},
        "traces/t/batches/0": batch(),
    }  # fmt: skip


def _used(holder: dict[str, Any], reports: dict[str, int]) -> dict[str, Any]:
    """Return a task of which every count is 50."""
    row = {
        "tokens_in": 50, "cache_read_tokens": 50, "cache_write_tokens": 50,
        "cache_write_1h_tokens": 50, "tokens_out": 50, "reasoning_tokens": 50, "llm_calls": 50,
        "cost_nanousd": 50, "unpriced_calls": 50, "unpriced_tokens": 50,
    }  # fmt: skip
    more = {
        "generation_ms": 50, "tool_calls": 50, "llm_errors": 50, "tool_errors": 50, "steps": 50,
        "retry_cost_nanousd": 50, "rotation_cost_nanousd": 50, "handoff_cost_nanousd": 50,
        "parse_errors": 50, "fallbacks": 50, "compactions": 50, "retrieval_queries": 50,
        "retrieval_hits": 50, "retries": 50, "rotations": 50, "handoffs": 50, "model": "m1",
        "provider": "anthropic",
    }  # fmt: skip
    rows = {name: {**row, "provider": "anthropic"} for name in ("m1", "m2")}
    tools = {name: {"calls": 5, "errors": 5, "duration_ms": 5} for name in ("grep", "sed")}
    split = {"usage_by_model": rows, "tools": tools, "reports": reports}
    return {**_HELD, **holder, **row, **more, **split}


def batch(**fields: object) -> dict[str, Any]:
    """Return a batch of one span."""
    later = datetime.now(UTC) + timedelta(days=14)
    usual: dict[str, Any] = {
        "began_us": 5, "task_id": ["t"], "agent_id": [""], "span_id": ["0" * 16], "parent": [-1],
        "parents": {}, "name": ["chat"], "kind": ["llm"], "model": [""], "start_us": [0],
        "duration_us": [5], "tokens_in": [1], "tokens_out": [1], "cost_nanousd": [0],
        "errors": {}, "links": [], "content": {}, "kept": "share", "expires_at": later,
    }  # fmt: skip
    return {**usual, **fields}


def seed(admin: firestore.Client, fleet: str) -> None:
    """Write the fleet with a client that no rule binds."""
    writes = admin.batch()
    for path, fields in documents().items():
        parts = ["fleets", fleet, *filter(None, path.split("/"))]
        writes.set(admin.document(*parts), dict(fields))
    writes.commit()
