"""The cost page in a browser: the same numbers as the report's, from the same documents."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from support.cli import run
from support.fleets.documents import USD
from support.page import number, panel
from tachograph_cli.terminal import fmt
from tachograph_schema.counters import scopes
from tachograph_schema.counters.cells import add_into

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from support.fleets.documents import FleetDocuments, Look
    from tachograph_cli.local.stack import Stack

Told = Callable[["FleetDocuments", int], dict[str, Any]]
COST = "&page=cost"
MODELS = {
    "frontier": ("claude-opus-4-6", 2.31),
    "standard": ("claude-sonnet-4-5", 0.42),
    "light": ("claude-haiku-4-5", 0.031),
}


def work(fleet: FleetDocuments, days: int) -> None:
    """Publish days on end, each a little dearer than the one before."""
    today = datetime.now(UTC)
    for n in range(days):
        fleet.rollup("day", f"{today - timedelta(days=days - 1 - n):%Y-%m-%d}", day_of_work(n))


def day_of_work(n: int) -> dict[str, Any]:
    """Give a day: three tiers, two types, labels, retries and rotations, calls without a price."""
    c: dict[str, dict[str, int]] = {}
    for i, (tier, (model, usd)) in enumerate(MODELS.items()):
        cost = round((4 + n + i) * usd * USD)
        row = {
            "tasks_created": 4 + n + i,
            "tasks_completed": 3 + n + i,
            "tasks_failed": 1,
            "task_cost_nanousd": cost,
            "cost_nanousd": cost,
            "tokens_in": 10_000,
            "cache_read_tokens": 90_000 * (i + 1),
            "cache_write_tokens": 8_000,
            "tokens_out": 6_000,
            "llm_calls": 40,
        }
        for scope in (
            f"tier:{tier}",
            f"model:{model}",
            f"type:{'fix' if i else 'plan'}|model:{model}",
            f"agent:builder-{i}",
            f"role:{['planner', 'builder', 'tester'][i]}",
        ):
            c[scope] = row
        add_into(c, {f"type:{'fix' if i else 'plan'}": row})
        add_into(c, {f"label:team={'core' if i < 2 else 'web'}": row})
        add_into(c, {"fleet": row})
    c["fleet"] |= {
        "unpriced_calls": 7,
        "unpriced_tokens": 91_000,
        "root_tasks_completed": c["fleet"]["tasks_completed"] // 3,
        "subtasks_completed": c["fleet"]["tasks_completed"] - c["fleet"]["tasks_completed"] // 3,
        "cost_reported_nanousd": c["fleet"]["cost_nanousd"] // 2,
        "cost_listed_nanousd": c["fleet"]["cost_nanousd"] // 4,
        "cost_assumed_nanousd": c["fleet"]["cost_nanousd"] // 8,
        "cost_estimated_nanousd": c["fleet"]["cost_nanousd"] // 10,
        "coordination_tasks": 1,
        "coordination_cost_nanousd": USD // 2,
        "root_first_cost_nanousd": c["fleet"]["cost_nanousd"] // 3,
        "subtasks_first_cost_nanousd": c["fleet"]["cost_nanousd"]
        - c["fleet"]["cost_nanousd"] // 3
        - USD * 7 // 4,
        "retries": 5,
        "rotations": 3,
        "retry_cost_nanousd": USD,
        "rotation_cost_nanousd": USD // 4,
        "first_completed": 8,
        "first_failed": 1,
        "retry_completed": 1,
        "retry_failed": 4,
        "rotation_completed": 5,
        "rotation_failed": 0,
    }
    return c


def fact(page: Page, name: str) -> Locator:
    return panel(page, "per-task").locator(f"[data-fact={name}]")


def saved(page: Page, name: str) -> list[list[str]]:
    """Save a panel's table, and read the file."""
    panel(page, name).hover()
    with page.expect_download() as download:
        panel(page, name).get_by_role("button", name="save as CSV").click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


@pytest.fixture
def told(hosted: Stack, monkeypatch: pytest.MonkeyPatch) -> Told:
    """Give what `tachograph report --json` prints of a fleet's latest days."""
    for name, value in hosted.env.items():
        monkeypatch.setenv(name, value)

    def ask(fleet: FleetDocuments, days: int) -> dict[str, Any]:
        done = run("report", "--fleet", fleet.name, "--last", str(days), "--json")
        assert done.exit_code == 0, done.output
        found: dict[str, Any] = json.loads(done.output)
        return found

    return ask


@pytest.mark.parametrize("days", [7, 28])
def test_numbers_are_those_of_the_report(
    days: int, fleet: FleetDocuments, told: Told, look: Look
) -> None:
    work(fleet, 31)
    found = told(fleet, days)
    total = found["total"]
    page = look(fleet.name, query=f"{COST}&range={days}d&by=type|model")
    expect(number(page, "per-task")).to_have_text(
        f"{fmt.dollars(total['derived']['cost_per_completed_usd'])}/task"
    )
    expect(fact(page, "spent")).to_have_text(fmt.dollars(total["derived"]["cost_usd"]))
    asked, subtasks, failed = (
        fmt.count(total["counters"][name])
        for name in ("root_tasks_completed", "subtasks_completed", "tasks_failed")
    )
    expect(panel(page, "per-task").locator(".meaning")).to_contain_text(
        f"{asked} completed with {subtasks} subtasks, {failed} failed"
    )
    for kind, part in found["certainty"].items():
        item = panel(page, "per-task").locator(f"[data-certainty={kind}]")
        expect(item).to_contain_text(f"{fmt.percent(part['share'])} ")
    ratio = total["derived"]["true_to_naive"]
    expect(fact(page, "true-to-naive")).to_have_text(f"\N{MULTIPLICATION SIGN}{ratio:.2f}")
    expect(fact(page, "success")).to_have_text(fmt.percent(total["derived"]["success_rate"]))
    expect(fact(page, "unpriced")).to_have_text(fmt.percent(total["derived"]["unpriced_share"]))
    tiers = found["tier_cost_ratio"]
    expect(fact(page, "tier-ratio")).to_have_text(
        f"\N{MULTIPLICATION SIGN}{tiers['cost_per_completed_ratio']:.1f}"
    )
    for kind, outcome in found["outcomes"].items():
        row = panel(page, "retries").locator(f"[data-kind={kind}]")
        expect(row.locator(".ended")).to_have_text(str(outcome["n"]))
        expect(row.locator(".success")).to_have_text(fmt.percent(outcome["success_rate"]))
        expect(row.locator(".interval")).to_have_text(
            f"{fmt.share(outcome['low'])} to {fmt.share(outcome['high'])}"
        )
    for kind, part in found["overheads"].items():
        row = panel(page, "retries").locator(f"[data-kind={kind}]")
        expect(row.locator(".times")).to_have_text(str(part["n"]))
        expect(row.locator(".cost")).to_have_text(fmt.dollars(part["cost_usd"]))


@pytest.mark.parametrize(
    ("by", "listed"),
    [("tier", "tiers"), ("type", "task_types"), ("model", "models"), ("role", "roles")],
)
def test_saved_groups_are_the_reports_to_the_last_digit(
    by: str, listed: str, fleet: FleetDocuments, told: Told, look: Look
) -> None:
    work(fleet, 9)
    lines = told(fleet, 7)[listed]
    page = look(fleet.name, query=f"{COST}&range=7d&by={by}")
    expect(panel(page, "groups").locator("tbody tr")).to_have_count(len(lines))
    head, *rows = saved(page, "groups")
    assert head[1:] == ["Cost (USD)", "Share (%)", "Done", "Per done (USD)"]
    assert [float(row[1]) for row in rows] == [line["derived"]["cost_usd"] for line in lines]
    assert [float(row[2]) for row in rows] == pytest.approx(
        [100 * line["derived"]["cost_share"] for line in lines], abs=1e-9
    )
    assert [int(row[3]) for row in rows] == [line["counters"]["tasks_completed"] for line in lines]
    assert [float(row[4]) for row in rows] == pytest.approx(
        [line["derived"]["cost_per_completed_usd"] for line in lines], abs=1e-9
    )


def test_concentration_is_the_reports(fleet: FleetDocuments, told: Told, look: Look) -> None:
    work(fleet, 7)
    crowd = told(fleet, 7)["concentration"]
    page = look(fleet.name, query=f"{COST}&range=7d&by=agent")
    spent = fmt.money(crowd["cost_nanousd"])
    verb = "makes" if crowd["agents"] == 1 else "make"
    expect(panel(page, "treemap")).to_contain_text(
        f"{crowd['agents']} of {crowd['of_agents']} groups {verb} 80 % of {spent}"
    )
    expect(panel(page, "treemap").locator("svg g")).to_have_count(3)


def test_any_dimension_and_label_is_chosen_and_is_in_the_link(
    fleet: FleetDocuments, look: Look
) -> None:
    work(fleet, 2)
    page = look(fleet.name, query=f"{COST}&range=7d")
    choice = panel(page, "treemap").get_by_role("combobox", name="Spend by")
    expect(choice.locator("option")).to_have_text(
        ["task type × model", "task type", "model", "tier", "agent", "role", "team"]  # noqa: RUF001
    )
    choice.select_option("label:team")
    expect(panel(page, "groups").locator("tbody th")).to_have_text(["core", "web"])
    page.reload()
    expect(panel(page, "groups").locator("tbody th")).to_have_text(["core", "web"])
    assert "by=label:team" in page.url


def test_agents_are_shown_and_linked_by_their_own_names_whatever_delimiters_those_have(
    fleet: FleetDocuments, look: Look
) -> None:
    names = ("a:b|c=d", "100%", "_other")
    row = {"cost_nanousd": USD, "tasks_completed": 1, "tokens_in": 10}
    cells = {scopes.scope("agent", name): row for name in names} | {scopes.rest("agent"): row}
    fleet.rollup("day", f"{datetime.now(UTC):%Y-%m-%d}", {"fleet": row, **cells})
    page = look(fleet.name, query=f"{COST}&range=7d&by=agent")
    rows = panel(page, "groups").locator("tbody th")
    expect(rows).to_have_text(["_other", "100%", "a:b|c=d", "others, not told apart"])
    rows.get_by_role("link", name="a:b|c=d").click()
    expect(panel(page, "identity")).to_be_visible()
    assert parse_qs(urlsplit(page.url).query)["agent"] == ["a:b|c=d"]


def test_a_write_changes_the_right_number_on_the_cost_page(
    fleet: FleetDocuments, look: Look
) -> None:
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    page = look(fleet.name, query=f"{COST}&range=7d&by=tier")
    expect(panel(page, "per-task")).to_contain_text("Nothing was counted in this range")
    expect(panel(page, "projection")).to_contain_text("No day has been counted yet")
    row = {"cost_nanousd": 3 * USD, "tasks_completed": 2}
    fleet.rollup("day", today, {"fleet": row, "tier:light": row})
    expect(number(page, "per-task")).to_have_text("\N{EN DASH}/task")
    expect(panel(page, "per-task")).to_contain_text("root tasks not told apart")
    fleet.rollup("day", today, {"fleet": {**row, "root_tasks_completed": 2}, "tier:light": row})
    expect(number(page, "per-task")).to_have_text("$1.50/task")
    expect(fact(page, "true-to-naive")).to_have_text("\N{EN DASH}")
    expect(number(page, "projection")).to_have_text("$3.00 so far")
    row = {"cost_nanousd": 8 * USD, "tasks_completed": 2}
    fleet.rollup("day", today, {"fleet": {**row, "root_tasks_completed": 2}, "tier:light": row})
    expect(number(page, "per-task")).to_have_text("$4.00/task")
    expect(panel(page, "groups").locator("tbody .cost")).to_have_text(["$8.00"])
    fleet.policy(hourly_budget_nanousd=USD)
    days = (datetime.now(UTC).replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(1)
    expect(panel(page, "projection")).to_contain_text(
        f"the budget is {fmt.money(days.day * 24 * USD)}"
    )


def test_retry_and_rotation_are_compared_only_as_far_as_the_data_can_tell(
    fleet: FleetDocuments, look: Look
) -> None:
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    page = look(fleet.name, query=f"{COST}&range=7d")
    ended = {"retry_completed": 5, "retry_failed": 5, "rotation_completed": 6, "rotation_failed": 4}
    fleet.rollup("day", today, {"fleet": ended})
    expect(panel(page, "retries")).to_contain_text("The intervals meet")
    fleet.rollup("day", today, {"fleet": {name: 100 * n for name, n in ended.items()}})
    expect(panel(page, "retries")).to_contain_text("Who rotates succeeds more often")
    fleet.rollup("day", today, {"fleet": {"retry_failed": 5}})
    expect(panel(page, "retries")).to_contain_text("None ended after a rotation")


def test_cache_savings_follow_from_what_was_counted(fleet: FleetDocuments, look: Look) -> None:
    # $3 a million: 100K plain is $0.30, 1M read $0.30, 100K written $0.375, 20K out $0.30.
    row = {
        "tokens_in": 100_000,
        "cache_read_tokens": 1_000_000,
        "cache_write_tokens": 100_000,
        "tokens_out": 20_000,
        "cost_nanousd": 1_275_000_000,
    }
    other = {"tokens_in": 50, "cache_read_tokens": 50, "cost_nanousd": USD}
    cells = {"fleet": row, "model:claude-sonnet-4-5": row, "model:grok-4": other}
    fleet.rollup("day", f"{datetime.now(UTC):%Y-%m-%d}", cells)
    page = look(fleet.name, query=f"{COST}&range=7d")
    # Uncached, the million would have cost $3.00 and the 100K $0.30: $2.70 less $0.075.
    expect(number(page, "caches")).to_have_attribute("title", "$2.625")
    grok = panel(page, "caches").locator("[data-model='grok-4']")
    expect(grok).to_contain_text("50%")
    expect(grok.locator(".money")).to_have_text("\N{EN DASH}")
