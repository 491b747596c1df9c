"""The history of a fleet: sessions, tasks, published hours, baselines, incidents."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from support.fleets.documents import USD, snapshot
from support.fleets.traces import trace
from support.fleets.trees import tree
from tachograph_schema.counters.sketch import bucket_counter

if TYPE_CHECKING:
    from support.fleets.documents import FleetDocuments

MODEL = "claude-sonnet-4-5"


def sessions(fleet: FleetDocuments, agent: str, handoffs_ms: list[int]) -> None:
    """Write an agent's sessions: each took over from the one before, and the last is at work.

    `handoffs_ms` are the durations of the handovers between them.
    """
    now = datetime.now(UTC)
    for n in range(len(handoffs_ms) + 1):
        started_at = now - timedelta(hours=len(handoffs_ms) - n + 1)
        ended_early = n < len(handoffs_ms)
        fields: dict[str, Any] = {
            "agent_id": agent,
            "agent_role": "builder",
            "agent_version": "2.1.0",
            "runtime": "claude-code",
            "host": "worker-3",
            "model": MODEL,
            "task_type": "fix",
            "started_at": started_at,
            "last_seen_at": started_at + timedelta(minutes=55),
            "context_remaining_pct": 34 if ended_early else 62,
            "generation": n,
            "cost_nanousd": 2 * USD,
        }
        if ended_early:
            ended = started_at + timedelta(minutes=55)
            fields |= {"state": "completed", "end_reason": "rotated", "ended_at": ended}
        if n:
            fields |= {
                "predecessor_session_id": f"{agent}-{n - 1}",
                "handoff_ms": handoffs_ms[n - 1],
                "bootstrap_tokens": 8_000,
            }
        fleet.session(f"{agent}-{n}", **fields)


def tasks(fleet: FleetDocuments, agent: str, costs_usd: list[float]) -> None:
    """Write an agent's completed tasks, the first one the oldest."""
    now = datetime.now(UTC)
    for n, usd in enumerate(costs_usd):
        created = now - timedelta(minutes=10 * (len(costs_usd) - n))
        fields = {
            "title": f"Fix number {n}",
            "task_type": "fix",
            "status": "completed",
            "agent_id": agent,
            "model": MODEL,
            "created_at": created,
            "duration_ms": 60_000 * (n + 1),
            "tokens_in": 1_000,
            "cache_read_tokens": 49_000,
            "tokens_out": 1_000,
            "cost_nanousd": round(usd * USD),
            "tools": {
                "Bash": {"calls": 10, "errors": 4, "duration_ms": 12_000},
                "Read": {"calls": 5, "errors": 0},
            },
        }
        fleet.put("tasks", f"{agent}-T-{n}", **fields)


def hours(fleet: FleetDocuments, agent: str, back: list[int]) -> None:
    """Publish hours in which an agent worked, with latencies and incidents.

    `back` says how many hours ago each of them was.
    """
    now = datetime.now(UTC)
    for n in back:
        used = {
            "tokens_in": 10_000,
            "cache_read_tokens": 490_000,
            "tokens_out": 5_000,
            "cost_nanousd": USD,
            "tasks_completed": 2,
            "root_tasks_completed": 2,
        }
        counters = {
            **used,
            "incidents_claim_collision": 2,
            "incidents_branch_contamination": 1,
            "handoffs_within_target": 3,
            "handoffs_late": 1,
            "sessions_rotated": 4,
            bucket_counter("handoff_ms", 12_000): 3,
            bucket_counter("handoff_ms", 90_000): 1,
            bucket_counter("dispatch_ms", 4_000): 10,
            bucket_counter("message_latency_ms", 250): 8,
        }
        at = now - timedelta(hours=n)
        fleet.rollup("hour", f"{at:%Y-%m-%dT%H}", {"fleet": counters, f"agent:{agent}": used})
        marked = {**snapshot(at), "hour": f"{at:%Y-%m-%dT%H}"}
        fleet.put("snapshots", f"{at:%Y-%m-%dT%H}:00:00Z", **marked)


def baseline(fleet: FleetDocuments, task_type: str, **cliff: object) -> None:
    """Publish the baseline of a type of task, with a cliff at 40 % unless `cliff` differs."""
    learned = {
        "status": "learned",
        "at_pct": 40,
        "low_pct": 30,
        "high_pct": 50,
        "runs_below": 60,
        "runs_above": 90,
        "needs_below": 0,
        "needs_above": 0,
        "runs": [5, 10, 20, 25, 20, 20, 20, 15, 10, 5],
        "bad": [4, 7, 12, 13, 4, 2, 2, 1, 1, 0],
    }
    whole = {**learned, **cliff}
    fields: dict[str, Any] = {"task_type": task_type, "model": MODEL, "runs": 150, "cliff": whole}
    if whole["status"] == "learned":
        fields["rotate_below_pct"] = whole["at_pct"]
    fleet.put("baselines", f"{task_type}__{MODEL}", **fields)


def incident(fleet: FleetDocuments, name: str, **fields: object) -> None:
    """Write an incident of this moment."""
    usual = {
        "kind": "claim_collision",
        "agent_id": "builder-1",
        "other_agent_id": "builder-2",
        "task_id": "T-7",
        "occurred_at": datetime.now(UTC),
    }
    fleet.put("incidents", name, **(usual | fields))


def write_all(fleet: FleetDocuments, agent: str = "builder-1") -> None:
    """Write every kind of document above for one agent of a filled fleet."""
    sessions(fleet, agent, [12_000, 90_000])
    tasks(fleet, agent, [0.5, 3.0, 1.25])
    hours(fleet, agent, [0, 1, 2, 5])
    baseline(fleet, "fix")
    baseline(fleet, "docs", status="too_few", needs_below=17, needs_above=4)
    incident(fleet, "one")
    tree(fleet)
    trace(fleet, 60, workers=3, fails_every=10)
    fleet.put(
        "alerts",
        "spend",
        rule="cost_per_hour",
        severity="critical",
        subject=agent,
        value=3.2,
        threshold=3.0,
        opened_at=datetime.now(UTC),
    )
