"""A task's page in a browser: what it cost with everything it spawned, why, and who worked when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from support.fleets.documents import USD
from support.fleets.traces import TRACE, trace
from support.fleets.trees import ROOT, tree
from support.page import number, panel, word

if TYPE_CHECKING:
    from support.fleets.documents import FleetDocuments, Look

TASK = f"&page=task&task={ROOT}"


def test_tree_says_what_each_branch_cost_and_why(fleet: FleetDocuments, look: Look) -> None:
    tree(fleet)
    page = look(fleet.name, query=TASK)
    expect(number(page, "total")).to_contain_text("$10.00")
    expect(panel(page, "total").locator("[data-fact=true-to-naive]")).to_have_text(
        "\N{MULTIPLICATION SIGN}1.41 true to naive"
    )
    expect(panel(page, "total")).to_contain_text(
        "First attempts cost $4.00 of its own and $3.10 of what it spawned"
    )
    parts = panel(page, "total").locator("tbody .money")
    expect(parts).to_have_text(["$4.00", "$3.10", "$2.40", "$0.40", "$0.10"])
    rows = panel(page, "tree").locator("tbody tr")
    expect(rows).to_have_count(4)
    cells = rows.evaluate_all(
        "rows => rows.map(r => [r.dataset.task, ...[...r.cells].slice(4).map(c => c.innerText)])"
    )
    assert cells == [
        ["T-1", "$6.00", "$10.00", "100%"],
        ["T-3", "$2.50", "$3.00", "30%"],
        ["T-4", "$0.50", "$0.50", "5.0%"],
        ["T-2", "$1.00", "$1.00", "10%"],
    ]
    expect(rows.nth(0)).to_contain_text("2 retries $1.50, 1 rotation $0.40, 1 handoff $0.10")
    expect(rows.nth(1)).to_contain_text("1 retry $0.90")


def test_a_write_changes_the_right_number_on_the_tasks_page(
    fleet: FleetDocuments, look: Look
) -> None:
    page = look(fleet.name, query=TASK)
    expect(panel(page, "total")).to_contain_text("There is no such task in this fleet")
    expect(word(page)).to_have_text("live")
    fleet.put("tasks", ROOT, title="Alone", status="active", cost_nanousd=2 * USD)
    expect(page.get_by_role("heading", level=1)).to_have_text("Alone")
    expect(number(page, "total")).to_contain_text("$2.00")
    expect(panel(page, "total")).to_contain_text("no tree of it is published")
    fleet.put("tasks", "child", root_task_id=ROOT, parent_task_id=ROOT, cost_nanousd=USD)
    expect(number(page, "total")).to_contain_text("$3.00")
    expect(panel(page, "tree").locator("tbody tr")).to_have_count(2)
    total = {
        "cost_nanousd": 7 * USD,
        "root_first_cost_nanousd": 2 * USD,
        "subtasks_first_cost_nanousd": 3 * USD,
        "coordination_cost_nanousd": 2 * USD,
        "coordination_tasks": 1,
        "tasks_created": 3,
    }
    fleet.put("trees", ROOT, total=total, as_of=datetime.now(UTC))
    expect(number(page, "total")).to_contain_text("$7.00 \N{MULTIPLICATION SIGN}1.40")
    expect(panel(page, "total").locator("[data-part=coordination]")).to_contain_text(
        "1 coordination task"
    )
    expect(panel(page, "tree").locator("[data-fact=unlisted]")).to_contain_text(
        "1 further task of the tree, $4.00"
    )


def test_unknown_cost_is_not_drawn_as_none(fleet: FleetDocuments, look: Look) -> None:
    fleet.put("tasks", ROOT, status="queued")
    page = look(fleet.name, query=TASK)
    expect(number(page, "total")).to_have_text("\N{EN DASH}")
    expect(panel(page, "tree").locator("tbody .money")).to_have_text("\N{EN DASH}")
    expect(panel(page, "when")).to_contain_text("Nobody has begun this task")
    expect(panel(page, "facts")).to_contain_text("none was begun")


def test_timeline_tells_each_session_and_the_gap_before_it(
    fleet: FleetDocuments, look: Look
) -> None:
    tree(fleet)
    page = look(fleet.name, query=TASK)
    expect(panel(page, "when")).to_contain_text("3 sessions · 2 gaps")
    rows = panel(page, "when").locator("li .said")
    expect(rows).to_have_count(7)
    expect(rows.nth(0)).to_have_text("first attempt · 12m 00s · crashed")
    expect(rows.nth(1)).to_have_text("retry · gap 2m 00s, late · 16m 00s · rotated")
    expect(rows.nth(2)).to_have_text("rotation · gap 12.0 s · 17m 00s · completed")
    expect(panel(page, "when").locator(".late")).to_have_count(1)
    fleet.policy(rotation={"handoff_target_ms": 200_000})
    expect(panel(page, "when").locator(".late")).to_have_count(0)


def test_subtask_costs_what_it_spawned_and_names_the_tree_it_is_a_part_of(
    fleet: FleetDocuments, look: Look
) -> None:
    tree(fleet)
    page = look(fleet.name, query="&page=task&task=T-3")
    expect(number(page, "total")).to_contain_text("$3.00")
    expect(panel(page, "total")).to_contain_text("2 tasks")
    expect(panel(page, "total").locator("[data-fact=whole-tree]")).to_contain_text(
        f"The whole tree of {ROOT}, of which this is a part: $10.00"
    )


def test_subtask_shows_the_tree_it_is_a_part_of_and_leads_up(
    fleet: FleetDocuments, look: Look
) -> None:
    tree(fleet)
    page = look(fleet.name, query="&page=task&task=T-4")
    expect(panel(page, "total")).to_contain_text("a part of a tree")
    expect(panel(page, "tree").locator("tr.asked")).to_have_attribute("data-task", "T-4")
    page.get_by_role("navigation", name="Above").get_by_role("link", name=ROOT).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Migrate billing to the new ledger")


def test_task_leads_to_its_waterfall_when_its_trace_is_kept(
    fleet: FleetDocuments, look: Look
) -> None:
    tree(fleet)
    page = look(fleet.name, query=TASK)
    expect(panel(page, "facts")).to_contain_text("not kept")
    trace(fleet, 60)
    panel(page, "facts").get_by_role("link", name="waterfall").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(TRACE)
    # With the emulator there is no Cloud Trace to lead to.
    expect(page.get_by_role("link", name="Cloud Trace")).to_have_count(0)
