"""The documents of a fleet, as functions and agents write them, for the dashboard to show."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from google.cloud import firestore

from tachograph_schema.counters.names import TOTALS

if TYPE_CHECKING:
    from playwright.sync_api import Page

USD = 10**9  # nano-dollars

Look = Callable[..., "Page"]


@dataclass(frozen=True)
class FleetDocuments:
    """Writes the documents of one fleet, as functions and agents would."""

    db: firestore.Client
    name: str

    def policy(self, **fields: object) -> None:
        """Write the fleet's own document."""
        self.db.document("fleets", self.name).set(fields)

    def now(self, **fields: object) -> None:
        """Write `live/now`: a snapshot of this moment, with these fields in place of the usual."""
        self.db.document("fleets", self.name, "live", "now").set(
            {**snapshot(datetime.now(UTC)), **fields}
        )

    def session(self, session: str, **fields: object) -> None:
        """Write a session that was just seen."""
        usual = {
            "agent_id": session,
            "state": "active",
            "last_seen_at": datetime.now(UTC),
            "context_remaining_pct": 80,
        }
        self.db.document("fleets", self.name, "sessions", session).set(usual | fields)

    def signal(self, session: str, **fields: object) -> None:
        """Tell a session to rotate."""
        usual = {
            "kind": "rotate",
            "status": "pending",
            "session_id": session,
            "agent_id": session,
            "created_at": datetime.now(UTC),
            "threshold_pct": 35,
        }
        self.db.document("fleets", self.name, "signals", f"rotate_{session}_0").set(usual | fields)

    def rollup(self, grain: str, period: str, c: dict[str, Any], **fields: object) -> None:
        """Publish a rollup."""
        document = {"grain": grain, "period": period, "as_of": datetime.now(UTC), "c": c, **fields}
        self.db.document("fleets", self.name, "rollups", f"{grain}_{period}").set(document)

    def put(self, collection: str, document: str, **fields: object) -> None:
        """Write any document of the fleet."""
        self.db.document("fleets", self.name, collection, document).set(fields)

    def fill(self) -> None:
        """Write a fleet at work: 28 sessions, signals, an hour of points, a day of hours, days."""
        rnd = random.Random(7)  # noqa: S311 - the same fleet every time
        now = datetime.now(UTC)
        self.policy(name="Demo", hourly_budget_nanousd=40 * USD)
        self.now(rings=rings(now, rnd))
        hourly: dict[str, list[int]] = {}
        for n in range(24):
            spent = round((20 + 14 * math.sin(n / 3.2) + rnd.uniform(0, 6)) * USD) if n != 20 else 0
            hour = now - timedelta(hours=n)
            hourly.setdefault(f"{hour:%Y-%m-%d}", [0] * 24)[hour.hour] = spent
        for n in (0, 1, 2, 3, 6, 7, 8):
            day = f"{now - timedelta(days=n):%Y-%m-%d}"
            self.rollup("day", day, day_of_work(rnd), cost_nanousd_by_hour=hourly.get(day, []))
        for n, (session, fields) in enumerate(sessions(now, rnd)):
            self.session(session, **fields)
            if (
                fields.get("context_remaining_pct", 100) <= 35
                or fields.get("end_reason") == "rotated"
            ):
                self.signal(session, **signal(n, fields, now))


def snapshot(at: datetime) -> dict[str, Any]:
    """Give a snapshot as the tick takes it."""
    return {
        "at": at,
        "sessions": {"active": 12, "waiting": 4, "idle": 3, "stuck": 2, "error": 1},
        "tasks": {"queued": 41, "claimed": 2, "active": 12, "waiting": 4},
        "queue_depth": 41,
        "queue_oldest_age_ms": 252_000,
        "tasks_in_flight": 18,
        "messages_pending": 3,
        "parallel_agents": 16,
        "utilisation": 0.5455,
        "over_provisioned": False,
        "active_by_model": {"claude-sonnet-4-5": 7, "claude-haiku-4-5": 4, "_other": 1},
        "context_histogram": [0, 2, 3, 2, 3, 3, 2, 3, 2, 2],
        "burn_nanousd_per_h": round(30.92 * USD),
        "totals": dict.fromkeys(TOTALS, 0),
        "rings": {
            "at_ms": [round(at.timestamp() * 1000)],
            "sessions_active": [12],
            "queue_depth": [41],
        },
    }


def rings(now: datetime, rnd: random.Random) -> dict[str, list[int]]:
    """Give an hour of points, with five minutes in which no tick ran."""
    series: dict[str, list[int]] = {"at_ms": []}
    tokens = tasks = calls = errors = 0
    for n in range(59, -1, -1):
        tokens += round(480_000 + 60_000 * math.sin(n / 7) + rnd.uniform(0, 90_000))
        tasks += rnd.choice([16, 19, 22, 27])
        calls += rnd.choice([80, 95, 110])
        errors += rnd.choice([0, 1, 2, 3])
        if 34 <= n <= 38:
            continue
        point = {
            "burn_nanousd_per_h": round((30 + 3 * math.sin(n / 9)) * USD),
            "queue_depth": max(0, round(38 + 9 * math.sin(n / 11) + rnd.uniform(-2, 2))),
            "sessions_active": round(12 + 2 * math.sin(n / 8)),
            "sessions_open": 22,
            "tasks_in_flight": 18,
            "parallel_agents": 12 + n % 5,
            "messages_pending": n % 4,
            "tokens_total": tokens,
            "tasks_completed": tasks,
            "llm_calls": calls,
            "llm_errors": errors,
        }
        series["at_ms"].append(round((now - timedelta(minutes=n)).timestamp() * 1000))
        for name, value in point.items():
            series.setdefault(name, []).append(value)
    return series


def day_of_work(rnd: random.Random) -> dict[str, Any]:
    """Give a day's counters: three tiers and a model nobody knows."""
    tiers = {
        "frontier": (23, 2.31),
        "standard": (84, 0.42),
        "light": (160, 0.031),
        "_unknown": (3, 0.0),
    }
    c: dict[str, Any] = {}
    for tier, (completed, usd) in tiers.items():
        n = completed + rnd.randrange(5)
        cost = round(n * usd * rnd.uniform(0.9, 1.1) * USD)
        unpriced = {"tasks_completed_unpriced": n} if not cost else {}
        c[f"tier:{tier}"] = {
            "tasks_completed": n,
            "task_cost_nanousd": cost,
            "cost_nanousd": cost,
            **unpriced,
        }
    total = {
        name: sum(row[name] for row in c.values()) for name in ("tasks_completed", "cost_nanousd")
    }
    cost, subtasks = total["cost_nanousd"], total["tasks_completed"] // 2
    told_apart = {
        "root_tasks_completed": total["tasks_completed"] - subtasks,
        "subtasks_completed": subtasks,
        "root_first_cost_nanousd": cost // 2,
        "subtasks_first_cost_nanousd": cost // 3,
        "retry_cost_nanousd": cost - cost // 2 - cost // 3,
    }
    return {**c, "fleet": {**total, **told_apart, "llm_calls": 2140, "unpriced_calls": 37}}


def sessions(now: datetime, rnd: random.Random) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give 22 open sessions and six that are over."""
    models = ["claude-sonnet-4-5", "claude-opus-4-6", "claude-haiku-4-5", "gpt-5.2-codex", "grok-4"]
    counts = {"active": 12, "waiting": 4, "idle": 3, "stuck": 2, "error": 1, "completed": 6}
    states = [state for state, n in counts.items() for _ in range(n)]
    lefts = [8, 9, 12, 18, 19, 22, 23, 27, 31, 34, 34, *range(36, 97, 4), 96]
    works = ["migrate-billing", "flaky-login-test", "summarise-incident"]
    rnd.shuffle(lefts)
    for n, (state, left) in enumerate(zip(states, lefts, strict=True)):
        role = ["builder", "reviewer", "research", "triage"][n % 4]
        fields: dict[str, Any] = {
            "agent_id": f"{role}-{n:02d}",
            "state": state,
            "model": models[(n * 7) % 5],
            "task_id": f"T-{800 + n}-{works[n % 3]}",
            "context_remaining_pct": left + 0.4,
            "cost_nanousd": round(rnd.uniform(0.004, 6) * USD),
            "generation": [0, 0, 1, 0, 2][n % 5],
            "last_seen_at": now - timedelta(seconds=rnd.choice([1, 4, 9, 31, 75, 140])),
        }
        if state == "completed":
            ended = now - timedelta(minutes=7 * n - 130)
            fields |= {
                "end_reason": ["completed", "rotated", "crashed"][n % 3],
                "ended_at": ended,
                "last_seen_at": ended,
            }
        if n == 14:
            fields["waiting_for"] = "a review of T-802"
        yield f"session-{n:02d}", fields


def signal(n: int, session: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Give the signal of a session, at one of the stages it goes through."""
    fields: dict[str, Any] = {
        "agent_id": session["agent_id"],
        "context_remaining_pct": 34,
        "created_at": now - timedelta(seconds=40 + 95 * n),
        "status": ["pending", "acknowledged", "journaled", "expired"][n % 4],
    }
    if session.get("end_reason") == "rotated":
        fields |= {"status": "completed", "successor_session_id": f"session-{n - 12:02d}"}
    return fields
