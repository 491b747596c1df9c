"""The fleet overview in a browser: what a viewer sees when a document is written.

Nothing here sleeps: `expect` looks again until the thing itself is there.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from support.page import SLOW, number, panel, row, violations, word

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from support.fleets.documents import FleetDocuments, Look

USD = 10**9
UNKNOWN = "\N{EN DASH}"


def mains(page: Page) -> list[str]:
    return page.locator("main .number").all_inner_texts()


def test_a_write_changes_the_right_number_on_the_open_page(
    fleet: FleetDocuments, look: Look
) -> None:
    fleet.now()
    page = look(fleet.name)
    expect(number(page, "queue")).to_have_text("41")
    expect(number(page, "burn")).to_have_text("$30.92/h")
    expect(panel(page, "agents").locator("li")).to_have_text(
        ["12 active", "4 waiting", "3 idle", "2 stuck", "1 error"]
    )
    before = mains(page)

    fleet.now(queue_depth=7, queue_oldest_age_ms=63_000)
    expect(number(page, "queue")).to_have_text("7")
    expect(panel(page, "queue")).to_contain_text("oldest 1m 03s")
    assert mains(page) == ["7" if text == "41" else text for text in before]

    fleet.now(queue_depth=7, burn_nanousd_per_h=100 * USD)
    expect(number(page, "burn")).to_have_text("$100/h")
    expect(panel(page, "burn")).to_contain_text("$73.0K a month at this rate")


def test_cost_per_completed_task_is_that_of_the_published_days(
    fleet: FleetDocuments, look: Look
) -> None:
    page = look(fleet.name)
    expect(panel(page, "cost-per-task")).to_contain_text("No day has been counted yet")
    fleet.rollup(
        "day",
        "2026-02-16",
        {
            "fleet": {
                "cost_nanousd": 10 * USD,
                "tasks_completed": 4,
                "root_tasks_completed": 2,
                "subtasks_completed": 2,
                "llm_calls": 200,
                "unpriced_calls": 3,
            },
            "tier:frontier": {"task_cost_nanousd": 9 * USD, "tasks_completed": 3},
            "tier:light": {"task_cost_nanousd": 1 * USD, "tasks_completed": 1},
        },
    )
    expect(number(page, "cost-per-task")).to_have_text("$5.00/task")
    expect(panel(page, "cost-per-task")).to_contain_text(
        "2 completed with 2 subtasks for $10.00, failures included"
    )
    expect(panel(page, "cost-per-task")).to_contain_text("1.5% of calls unpriced")
    row = {"cost_nanousd": 2 * USD, "tasks_completed": 2}
    fleet.rollup("day", "2026-02-18", {"fleet": {**row, "root_tasks_completed": 2}})
    expect(number(page, "cost-per-task")).to_have_text("$3.00/task")
    expect(panel(page, "cost-per-task")).to_contain_text("2 days")
    tiers = panel(page, "cost-per-task").locator("tbody tr")
    expect(tiers).to_have_count(2)
    expect(tiers.nth(0)).to_contain_text("$3.00")
    fleet.rollup("day", "2026-02-19", {"fleet": row})
    expect(panel(page, "cost-per-task")).to_contain_text("Root tasks not told apart")
    expect(number(page, "cost-per-task")).to_have_text("\N{EN DASH}/task")
    expect(tiers.nth(0)).to_contain_text("3 done")
    expect(tiers.nth(1)).to_contain_text("$1.00")


def test_spend_of_long_ago_is_shown_with_its_date(fleet: FleetDocuments, look: Look) -> None:
    fleet.now(burn_nanousd_per_h=0)
    hourly = [0] * 24
    hourly[9], hourly[17] = 4 * USD, 3 * USD
    fleet.rollup("day", "2025-02-16", {}, cost_nanousd_by_hour=hourly)
    page = look(fleet.name)
    expect(panel(page, "burn")).to_contain_text("Feb 2025")
    expect(panel(page, "burn")).to_contain_text(": $7.00")
    expect(panel(page, "burn").locator("svg .bar")).to_have_count(24)


def test_session_that_crosses_its_threshold_shows_its_mark(
    fleet: FleetDocuments, look: Look
) -> None:
    fleet.session("steady", context_remaining_pct=60)
    fleet.session("worker", context_remaining_pct=80)
    page = look(fleet.name)
    sessions = panel(page, "sessions").locator("tbody tr th")
    expect(sessions).to_have_text(["steady", "worker"])
    expect(row(page, "worker").locator(".rotation")).to_have_text("")

    fleet.session("worker", context_remaining_pct=34.6)
    fleet.signal("worker", context_remaining_pct=34.6)
    expect(row(page, "worker").locator(".left")).to_have_text("34%")
    expect(row(page, "worker").locator(".rotation")).to_have_text("pending")
    expect(sessions).to_have_text(["worker", "steady"])
    expect(panel(page, "signals").locator("li")).to_have_count(1)
    expect(row(page, "steady").locator(".rotation")).to_have_text("")

    fleet.session("worker", state="completed", end_reason="rotated", context_remaining_pct=34.6)
    fleet.session("fresh", context_remaining_pct=97, generation=1)
    fleet.signal("worker", status="completed", successor_session_id="fresh")
    expect(row(page, "worker").locator(".rotation")).to_have_text("completed→ fresh")
    expect(row(page, "worker").locator(".state")).to_have_text("rotated")
    expect(sessions).to_have_text(["steady", "fresh1", "worker"])


def test_every_session_on_the_page_keeps_its_mark_however_many_there_are(
    fleet: FleetDocuments, look: Look
) -> None:
    for n in range(12):
        fleet.session(f"s{n}", context_remaining_pct=20 + n)
        fleet.signal(f"s{n}", created_at=datetime.now(UTC) - timedelta(minutes=n))
    page = look(fleet.name)
    expect(panel(page, "sessions").locator(".rotation", has_text="pending")).to_have_count(12)
    expect(panel(page, "signals").locator("li")).to_have_count(5)


def test_broken_documents_do_not_break_a_panel(fleet: FleetDocuments, look: Look) -> None:
    garbage = {
        "sessions": "many",
        "queue_depth": "deep",
        "burn_nanousd_per_h": -1,
        "context_histogram": ["x"],
        "rings": {"at_ms": ["x", None, 3], "queue_depth": {}, "tokens_total": [1, "y"]},
    }
    fleet.now(**garbage)
    fleet.rollup("day", "soon", {"fleet": "dear"}, cost_nanousd_by_hour=["x", None, -3, 4])
    fleet.rollup("day", "2026-02-16", {"fleet": {"cost_nanousd": "a lot"}, "tier:light": 7})
    fleet.session(
        "broken",
        agent_id=7,
        state=[],
        model={},
        context_remaining_pct=140,
        cost_nanousd="x",
        task_id=None,
    )
    fleet.session("whole", context_remaining_pct=50, cost_nanousd=2 * USD)
    fleet.signal("broken", status=3, threshold_pct="low", agent_id=None)
    page = look(fleet.name)
    expect(row(page, "whole")).to_contain_text("$2.00")
    expect(row(page, "broken")).to_contain_text("unknown")
    expect(number(page, "agents")).to_have_text(UNKNOWN)
    expect(number(page, "queue")).to_have_text(UNKNOWN)
    expect(number(page, "burn")).to_have_text(f"{UNKNOWN}/h")
    expect(panel(page, "cost-per-task")).to_contain_text("None completed")
    expect(page.get_by_text("cannot draw")).to_have_count(0)
    expect(word(page)).to_have_text("live")
    # A document that becomes whole is shown, and one that goes leaves its panel empty, not wrong.
    fleet.now(queue_depth=3)
    expect(number(page, "queue")).to_have_text("3")
    fleet.db.document("fleets", fleet.name, "live", "now").delete()
    expect(panel(page, "queue")).to_contain_text("No task has been queued yet")


def test_data_that_is_old_is_called_stale_and_stays_readable(
    fleet: FleetDocuments, look: Look
) -> None:
    fleet.now(at=datetime.now(UTC) - timedelta(minutes=7))
    page = look(fleet.name)
    expect(word(page)).to_have_text("stale")
    expect(panel(page, "agents")).to_contain_text("stale · 7 min")
    expect(panel(page, "burn")).to_contain_text("stale · 7 min")
    expect(panel(page, "signals")).not_to_contain_text("stale")
    expect(number(page, "queue")).to_have_text("41")
    fleet.now()
    expect(word(page)).to_have_text("live")
    expect(page.locator(".chip")).to_have_count(0)


def test_page_that_loses_the_connection_says_so_and_comes_back_by_itself(
    fleet: FleetDocuments, look: Look
) -> None:
    fleet.now(queue_depth=3)
    page = look(fleet.name)
    expect(number(page, "queue")).to_have_text("3")
    page.context.set_offline(True)
    expect(word(page)).to_have_text("unreachable", timeout=SLOW)
    expect(number(page, "queue")).to_have_text("3")
    fleet.now(queue_depth=4)
    page.context.set_offline(False)
    expect(number(page, "queue")).to_have_text("4", timeout=SLOW)
    expect(word(page)).to_have_text("live", timeout=SLOW)


def test_fleet_of_28_is_seen_in_one_glance(fleet: FleetDocuments, look: Look) -> None:
    fleet.fill()
    page = look(fleet.name)
    rows = panel(page, "sessions").locator("tbody tr")
    expect(rows).to_have_count(28)
    expect(panel(page, "sessions")).to_contain_text("28 sessions · 22 open")
    bottoms = rows.evaluate_all("rows => rows.map(row => row.getBoundingClientRect().bottom)")
    assert sum(bottom <= 900 for bottom in bottoms) >= 13
    lefts = rows.locator(".left").all_inner_texts()[:22]
    assert lefts == sorted(lefts, key=lambda left: int(left.rstrip("%")))


def test_phone_stacks_the_panels_and_keeps_the_four_columns_that_matter(
    fleet: FleetDocuments, look: Look, page: Page
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    fleet.fill()
    look(fleet.name)
    expect(panel(page, "sessions").locator("tbody tr")).to_have_count(28)
    headings = panel(page, "sessions").locator("thead th:visible")
    expect(headings).to_have_text(["Agent", "State", "Context left ↑", "Cost"])
    lefts = page.locator("[data-panel]").evaluate_all(
        "panels => panels.map(panel => panel.getBoundingClientRect().left)"
    )
    assert len(set(lefts)) == 1
    assert page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing(scheme: str, fleet: FleetDocuments, look: Look) -> None:
    fleet.fill()
    page = look(fleet.name, query=f"&theme={scheme}")
    expect(panel(page, "sessions").locator("tbody tr")).to_have_count(28)
    expect(page.locator("body")).to_have_css(
        "background-color", {"dark": "rgb(14, 16, 20)", "light": "rgb(245, 246, 248)"}[scheme]
    )
    assert violations(page) == []
    fleet.now(at=datetime.now(UTC) - timedelta(minutes=7))
    fleet.policy(queue_max_tasks=50)
    expect(page.get_by_role("meter")).to_have_attribute("aria-valuenow", "41")
    expect(word(page)).to_have_text("stale")
    assert violations(page) == []
    page = look(f"{fleet.name}-empty", query=f"&theme={scheme}")
    expect(panel(page, "sessions").locator("code")).to_be_visible()
    assert violations(page) == []
    page = look(fleet.name, viewer_of="somebody-else", query=f"&theme={scheme}")
    expect(word(page)).to_have_text("no access")
    assert violations(page) == []


def test_recording_that_nothing_ended_is_of_unknown_end_and_warns_of_nothing(
    fleet: FleetDocuments, look: Look
) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=3)
    fleet.session("replayed", state="idle", context_remaining_pct=4, last_seen_at=long_ago)
    fleet.session("over", state="idle", end_reason="rotated", ended_at=long_ago)
    fleet.session("between-tasks", state="idle", context_remaining_pct=30)
    page = look(fleet.name)
    expect(panel(page, "sessions")).to_contain_text("3 sessions · 1 open · 1 of unknown end")
    expect(row(page, "replayed").locator(".state")).to_have_text("end unknown")
    expect(row(page, "over").locator(".state")).to_have_text("rotated")
    expect(row(page, "between-tasks").locator(".state")).to_have_text("idle")
