"""From an agent's write to the open page: nothing of ours is installed where the agent runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from google.cloud import firestore

    from support.fleets.documents import Look

SOON = 30_000  # ms: the functions' first event starts a Python


def test_what_an_agent_writes_is_on_the_page_within_seconds(
    stack_db: firestore.Client, fleet_name: str, look_live: Look
) -> None:
    fleet = stack_db.document("fleets", fleet_name)
    page = look_live(fleet_name)
    expect(page.locator("[data-panel=sessions]")).to_contain_text("No agent has reported")

    session = fleet.collection("sessions").document("window-1")
    working = {
        "agent_id": "builder-3",
        "state": "active",
        "last_seen_at": datetime.now(UTC),
        "context_remaining_pct": 60,
    }
    session.set(working)
    row = page.locator("tr[data-session='window-1']")
    expect(row.locator(".left")).to_have_text("60%")
    session.update({"context_remaining_pct": 30})
    expect(row.locator(".rotation")).to_have_text("pending", timeout=SOON)
    expect(page.locator("[data-panel=signals] li")).to_contain_text("builder-3")

    task = {
        "status": "completed",
        "tokens_in": 50_000,
        "tokens_out": 10_000,
        "cost_usd": 0.36,
        "model": "claude-sonnet-4-5",
        "provider": "anthropic",
    }
    fleet.collection("tasks").document("T-1").set(task)
    cost = page.locator("[data-panel=cost-per-task]")
    expect(cost.locator(".number")).to_have_text("$0.36/task", timeout=SOON)
    expect(cost.locator("tbody tr")).to_contain_text("standard")
    expect(page.locator("[data-panel=burn] .number")).to_have_text("$0.36/h", timeout=SOON)
    expect(page.locator("[data-panel=agents] li")).to_have_text(["1 active"], timeout=SOON)
    expect(page.locator(".bar .word")).to_have_text("live")
