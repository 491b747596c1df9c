"""A task with subtasks: retried, rotated, handed over, and traced."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from support.fleets.documents import USD
from support.fleets.traces import TRACE

if TYPE_CHECKING:
    from support.fleets.documents import FleetDocuments

ROOT = "T-1"


def tree(fleet: FleetDocuments, *, published: bool = True) -> None:
    """Write a task of $6 with retries and a rotation, and three subtasks of $4 together."""
    now = datetime.now(UTC)
    began = now - timedelta(minutes=50)
    _task(
        fleet,
        ROOT,
        began,
        48,
        6.0,
        title="Migrate billing to the new ledger",
        agent_id="mover-1",
        model="claude-opus-4-6",
        session_id="mover-1-s2",
        retries=2,
        rotations=1,
        handoffs=1,
        retry_cost_nanousd=round(1.5 * USD),
        rotation_cost_nanousd=round(0.4 * USD),
        handoff_cost_nanousd=round(0.1 * USD),
        traceparent=f"00-{TRACE}-b7ad6b7169203331-01",
        priority="high",
    )
    below = {"root_task_id": ROOT, "parent_task_id": ROOT, "depth": 1}
    _task(fleet, "T-2", began + timedelta(minutes=6), 14, 1.0, title="Write the tests", **below)
    more = {"agent_id": "mover-2", "retries": 1, "retry_cost_nanousd": round(0.9 * USD)}
    _task(
        fleet, "T-3", began + timedelta(minutes=9), 25, 2.5, title="Move the data", **below, **more
    )
    deep = {"root_task_id": ROOT, "parent_task_id": "T-3", "depth": 2, "status": "failed"}
    _task(fleet, "T-4", began + timedelta(minutes=20), 4, 0.5, title="Check the sums", **deep)
    _sessions(fleet, began)
    if published:
        fleet.put(
            "trees",
            ROOT,
            total={
                "cost_nanousd": 10 * USD,
                "root_first_cost_nanousd": 4 * USD,
                "subtasks_first_cost_nanousd": round(3.1 * USD),
                "tasks_created": 4,
                "tasks_completed": 3,
                "tasks_failed": 1,
                "retries": 3,
                "rotations": 1,
                "handoffs": 1,
                "retry_cost_nanousd": round(2.4 * USD),
                "rotation_cost_nanousd": round(0.4 * USD),
                "handoff_cost_nanousd": round(0.1 * USD),
            },
            ratios={"cost_usd": 10.0, "true_to_naive": 10 / 7.1},
            as_of=now,
        )


def _task(
    fleet: FleetDocuments, name: str, began: datetime, minutes: int, usd: float, **more: object
) -> None:
    usual: dict[str, Any] = {
        "task_type": "fix",
        "status": "completed",
        "agent_id": "mover-3",
        "model": "claude-sonnet-4-5",
        "created_at": began - timedelta(minutes=2),
        "claimed_at": began,
        "started_at": began,
        "completed_at": began + timedelta(minutes=minutes),
        "duration_ms": minutes * 60_000,
        "cost_nanousd": round(usd * USD),
    }
    fleet.put("tasks", name, **(usual | more))


def _sessions(fleet: FleetDocuments, began: datetime) -> None:
    """Write three sessions: the first crashed, the second rotated, the third completed the task."""
    stretches = [
        (0, 12, "crashed", None),
        (14, 30, "rotated", 120_000),
        (31, 48, "completed", 12_000),
    ]
    for n, (start, end, reason, gap_ms) in enumerate(stretches):
        fields: dict[str, Any] = {
            "agent_id": "mover-1",
            "task_id": ROOT,
            "state": "completed",
            "started_at": began + timedelta(minutes=start),
            "ended_at": began + timedelta(minutes=end),
            "end_reason": reason,
            "generation": n,
        }
        if n:
            fields |= {"predecessor_session_id": f"mover-1-s{n - 1}", "handoff_ms": gap_ms}
        fleet.session(f"mover-1-s{n}", **fields)
