"""An agent's page in a browser: one agent's windows, tokens, tasks and tools, and nobody else's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from support.fleets.history import baseline, hours, sessions, tasks
from support.page import number, panel, row, word

if TYPE_CHECKING:
    from support.fleets.documents import FleetDocuments, Look

BUILDER = "&page=agent&agent=builder-1"


def test_a_write_changes_the_right_number_on_the_agents_page(
    fleet: FleetDocuments, look: Look
) -> None:
    sessions(fleet, "builder-1", [12_000])
    page = look(fleet.name, query=BUILDER)
    expect(page.get_by_role("heading", level=1)).to_have_text("builder-1")
    expect(panel(page, "context")).to_contain_text("62% left · 1 rotated")
    expect(panel(page, "tokens")).to_contain_text("Nothing that this agent used was counted")

    fleet.session("builder-1-1", agent_id="builder-1", context_remaining_pct=51)
    expect(panel(page, "context")).to_contain_text("51% left")
    fleet.session("somebody", agent_id="builder-2", context_remaining_pct=3)
    hours(fleet, "builder-1", [0, 1])
    expect(number(page, "identity")).to_have_text("$2.00")
    expect(panel(page, "identity")).to_contain_text("4 completed in this range")
    # 500,000 of prompt, cached or not, for 5,000 of output.
    expect(panel(page, "tokens")).to_contain_text("100 in for 1 out")
    expect(panel(page, "context")).to_contain_text("51% left")
    expect(row(page, "somebody")).to_have_count(0)


def test_agent_says_what_it_is(fleet: FleetDocuments, look: Look) -> None:
    sessions(fleet, "builder-1", [12_000, 90_000])
    identity = panel(look(fleet.name, query=BUILDER), "identity")
    for said in ("claude-sonnet-4-5", "builder", "2.1.0", "claude-code on worker-3"):
        expect(identity).to_contain_text(said)
    expect(identity).to_contain_text("3, 2 rotated, 0 crashed")


def test_sessions_are_a_chain_with_gaps_and_a_late_one_is_marked(
    fleet: FleetDocuments, look: Look
) -> None:
    sessions(fleet, "builder-1", [12_000, 90_000])
    page = look(fleet.name, query=BUILDER)
    expect(panel(page, "chain")).to_contain_text("3 sessions · 2 rotated · 2 gaps, 1 over 45 s")
    names = panel(page, "chain").locator("tbody th")
    expect(names).to_have_text(["builder-1-2", "builder-1-1", "builder-1-0"])
    expect(row(page, "builder-1-2").locator(".gap")).to_have_text("1m 30s")
    expect(row(page, "builder-1-2").locator(".late")).to_have_count(1)
    expect(row(page, "builder-1-1").locator(".gap")).to_have_text("12.0 s")
    expect(row(page, "builder-1-1").locator(".late")).to_have_count(0)
    expect(row(page, "builder-1-1").locator(".ended")).to_have_text("rotated")
    fleet.policy(rotation={"handoff_target_ms": 10_000})
    expect(panel(page, "chain")).to_contain_text("2 over 10 s")


def test_rotations_and_the_learned_cliff_are_drawn_over_the_context(
    fleet: FleetDocuments, look: Look
) -> None:
    sessions(fleet, "builder-1", [12_000, 90_000])
    page = look(fleet.name, query=BUILDER)
    context = panel(page, "context")
    expect(context.locator(".mark")).to_have_count(2)
    expect(context.locator(".threshold")).to_have_count(1)
    baseline(fleet, "fix")
    expect(context.locator(".threshold")).to_have_count(2)
    expect(context).to_contain_text("learned cliff 40%, fix")
    chart = context.get_by_role("img")
    chart.focus()
    page.keyboard.press("End")
    expect(context.locator("figcaption")).to_contain_text("62%")


def test_context_is_followed_while_the_page_is_open(fleet: FleetDocuments, look: Look) -> None:
    now = datetime.now(UTC)
    page = look(fleet.name, query=BUILDER)
    for n, left in enumerate((80, 70, 55)):
        fleet.session(
            "w",
            agent_id="builder-1",
            started_at=now - timedelta(minutes=10),
            last_seen_at=now - timedelta(minutes=3 - n),
            context_remaining_pct=left,
        )
        expect(panel(page, "context")).to_contain_text(f"{left}% left")
    chart = panel(page, "context").get_by_role("img")
    chart.focus()
    for key, said in (("End", "55%"), ("ArrowLeft", "70%"), ("ArrowLeft", "80%"), ("Home", "100%")):
        page.keyboard.press(key)
        expect(panel(page, "context").locator("figcaption")).to_contain_text(said)


def test_tasks_are_sorted_by_cost_and_the_link_keeps_it(fleet: FleetDocuments, look: Look) -> None:
    tasks(fleet, "builder-1", [0.5, 3.0, 1.25])
    page = look(fleet.name, query=BUILDER)
    costs = panel(page, "tasks").locator("tbody .cost")
    expect(costs).to_have_text(["$1.25", "$3.00", "$0.50"])
    panel(page, "tasks").get_by_role("button", name="Cost").click()
    expect(costs).to_have_text(["$3.00", "$1.25", "$0.50"])
    assert page.url.endswith("tasks=-cost")
    page.reload()
    expect(costs).to_have_text(["$3.00", "$1.25", "$0.50"])
    panel(page, "tasks").get_by_role("searchbox").fill("number 2")
    expect(costs).to_have_text(["$1.25"])


def test_tools_show_how_often_they_succeed_and_how_long_they_take(
    fleet: FleetDocuments, look: Look
) -> None:
    tasks(fleet, "builder-1", [0.5, 3.0])
    rows = panel(look(fleet.name, query=BUILDER), "tools").locator("tbody tr")
    expect(rows.nth(0)).to_have_text("Bash 20 60% 1.20 s".replace(" ", "", 3))
    expect(rows.nth(0).locator(".bad")).to_have_count(1)
    expect(rows.nth(1).locator(".success")).to_have_text("100%")


def test_agent_that_nobody_knows_is_said_to_be_unknown(fleet: FleetDocuments, look: Look) -> None:
    page = look(fleet.name, query="&page=agent&agent=nobody")
    expect(panel(page, "identity")).to_contain_text("No session of this agent is known")
    expect(panel(page, "tasks")).to_contain_text("No task names this agent")
    expect(panel(page, "tools")).to_contain_text("None of this agent")
    expect(panel(page, "context")).to_contain_text("how much of its window is left")
    expect(word(page)).to_have_text("live")
