"""Promises of every page: links restore it, keys reach all of it, and it shows its state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from support.fleets.history import write_all
from support.page import SLOW, panel, violations, word

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from support.fleets.documents import FleetDocuments, Look

PAGES = {
    "fleet": "",
    "agent": "&page=agent&agent=builder-1",
    "health": "&page=health",
    "cost": "&page=cost",
    "task": "&page=task&task=T-1",
    "trace": "&page=trace&trace=0af7651916cd43dd8448eb211c80319c",
}
PANELS = {
    "fleet": [
        *("agents", "burn", "cost-per-task", "throughput"),
        *("errors", "queue", "models", "signals", "sessions"),
    ],
    "agent": ["identity", "context", "tokens", "tools", "tasks", "chain"],
    "health": [
        *("context-over-time", "handoffs", "incidents", "latency"),
        *("backlog", "workers", "cliffs"),
    ],
    "cost": [
        *("per-task", "per-task-time", "treemap", "groups"),
        *("retries", "caches", "projection"),
    ],
    "task": ["total", "facts", "tree", "when"],
    "trace": ["spans"],
}
every_page = pytest.mark.parametrize("name", list(PAGES))


def settled(page: Page, name: str) -> None:
    """Wait until each panel of a page has heard what it listens to."""
    for wanted in PANELS[name]:
        expect(panel(page, wanted)).to_have_attribute("aria-busy", "false")


@every_page
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_on_any_page(
    name: str, scheme: str, fleet: FleetDocuments, look: Look
) -> None:
    fleet.fill()
    write_all(fleet)
    page = look(fleet.name, query=f"{PAGES[name]}&theme={scheme}")
    settled(page, name)
    expect(page.locator("[data-panel]").locator("svg, canvas").first).to_be_visible()
    expect(page.locator(".failed")).to_have_count(0)
    assert violations(page) == []
    page.get_by_role("button", name="Keys").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []
    page = look(f"{fleet.name}-empty", query=f"{PAGES[name]}&theme={scheme}")
    settled(page, name)
    assert violations(page) == []


@every_page
def test_link_shows_the_same_page_to_another_viewer(
    name: str, fleet: FleetDocuments, look: Look
) -> None:
    write_all(fleet)
    page = look(fleet.name, query=f"{PAGES[name]}&range=7d")
    settled(page, name)
    heading = page.get_by_role("heading", level=1).inner_text()
    shown = page.locator("[data-panel] h2").all_inner_texts()
    page.goto(page.url)
    settled(page, name)
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    assert page.locator("[data-panel] h2").all_inner_texts() == shown
    if name in ("agent", "health", "cost"):
        expect(page.locator(".presets [aria-current]")).to_have_text("7d")


def test_way_from_the_fleet_to_an_agent_leads_back(fleet: FleetDocuments, look: Look) -> None:
    write_all(fleet)
    page = look(fleet.name)
    panel(page, "sessions").get_by_role("link", name="builder-1").first.click()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("builder-1")
    expect(heading).to_be_focused()
    assert page.title() == f"builder-1 · {fleet.name} · Tachograph"
    page.get_by_role("link", name="7d").click()
    expect(panel(page, "tokens")).to_contain_text("by day")
    page.go_back()
    expect(page.locator(".presets [aria-current]")).to_have_text("24h")
    page.go_back()
    settled(page, "fleet")
    assert page.url.endswith(f"/?fleet={fleet.name}")
    page.go_forward()
    expect(heading).to_have_text("builder-1")


def test_range_of_days_is_in_the_link_and_decides_what_is_counted(
    fleet: FleetDocuments, look: Look
) -> None:
    for day, usd in (("2025-11-03", 2), ("2025-11-05", 3), ("2025-11-09", 50)):
        counters = {"cost_nanousd": usd * 10**9, "tasks_completed": 1}
        fleet.rollup("day", day, {"fleet": counters, "agent:builder-1": counters})
    fleet.session("s", agent_id="builder-1")
    page = look(fleet.name, query=f"{PAGES['agent']}&range=2025-11-03..2025-11-06")
    number = panel(page, "identity").locator(".number")
    expect(number).to_have_text("$5.00")
    page.get_by_text("2025-11-03 \N{EN DASH} 2025-11-06").click()
    page.get_by_label("to", exact=True).fill("2025-11-09")
    page.get_by_role("button", name="Show").click()
    expect(number).to_have_text("$55.00")
    assert "range=2025-11-03..2025-11-09" in page.url
    # Without work in it, a range that should end now ends with the newest work, and says so.
    page.get_by_role("link", name="28d").click()
    expect(number).to_have_text("$55.00")
    expect(page.locator(".note")).to_contain_text("no work since 9 Nov 2025")


@every_page
def test_keyboard_alone_reaches_everything(name: str, fleet: FleetDocuments, look: Look) -> None:
    fleet.fill()
    write_all(fleet)
    page = look(fleet.name, query=PAGES[name])
    settled(page, name)
    for chooser in page.locator("summary").all():
        chooser.focus()
        page.keyboard.press("Enter")
    page.evaluate(
        """() => {
          const can = 'a[href], button, input, select, summary, [tabindex="0"]';
          window.unreached = new Set([...document.querySelectorAll(can)].filter(
            (e) => e.checkVisibility() && !e.closest('dialog')));
          // A date has a step for its day, its month, its year and its calendar.
          const dates = document.querySelectorAll('[type=date]').length;
          window.steps = window.unreached.size + 3 * dates;
          document.addEventListener('focusin', (event) => window.unreached.delete(event.target));
          document.activeElement.blur();
        }"""
    )
    for _ in range(page.evaluate("window.steps") + 2):
        page.keyboard.press("Tab")
    left = page.evaluate("[...window.unreached].map((e) => e.outerHTML.slice(0, 120))")
    assert left == []


def test_keys_lead_from_page_to_page_and_are_listed(fleet: FleetDocuments, look: Look) -> None:
    fleet.fill()
    page = look(fleet.name)
    settled(page, "fleet")
    page.keyboard.press("3")
    expect(page.get_by_role("heading", level=1)).to_have_text("Health and coordination")
    page.keyboard.press("1")
    settled(page, "fleet")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("13")  # typed, not obeyed
    expect(panel(page, "sessions").locator("tbody tr")).to_have_count(1)
    assert page.url.endswith("filter=13")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("filter the table")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("t")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.keyboard.press("t")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")


@every_page
def test_every_page_says_when_it_is_stale_or_cut_off_and_comes_back(
    name: str, fleet: FleetDocuments, look: Look
) -> None:
    fleet.fill()
    write_all(fleet)
    page = look(fleet.name, query=PAGES[name])
    settled(page, name)
    expect(word(page)).to_have_text("live")
    before = page.locator("main .number").all_inner_texts()
    if name in ("fleet", "health"):  # the others show nothing that must be of this minute
        fleet.now(at=datetime.now(UTC) - timedelta(minutes=7))
        expect(word(page)).to_have_text("stale")
        expect(page.locator(".chip").first).to_have_text("stale · 7 min")
        fleet.now()
        expect(word(page)).to_have_text("live")
    page.context.set_offline(True)
    expect(word(page)).to_have_text("unreachable", timeout=SLOW)
    assert len(page.locator("main .number").all_inner_texts()) == len(before)
    page.context.set_offline(False)
    expect(word(page)).to_have_text("live", timeout=2 * SLOW)


@every_page
def test_viewer_of_another_fleet_sees_nothing_of_any_page(
    name: str, fleet: FleetDocuments, look: Look
) -> None:
    write_all(fleet)
    page = look(fleet.name, viewer_of="somebody-else", query=PAGES[name])
    expect(word(page)).to_have_text("no access")
    expect(page.locator("[data-panel]")).to_have_count(0)
    assert "$" not in page.locator("body").inner_text()


@every_page
@pytest.mark.parametrize("width", [390, 1440, 2560])
def test_nothing_is_wider_than_the_screen(
    name: str, width: int, fleet: FleetDocuments, look: Look, page: Page
) -> None:
    page.set_viewport_size({"width": width, "height": {390: 844, 1440: 900, 2560: 1440}[width]})
    fleet.fill()
    write_all(fleet)
    look(fleet.name, query=PAGES[name])
    settled(page, name)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    wider = page.locator("[data-panel]").evaluate_all(
        "panels => panels.filter(p => p.scrollWidth > p.clientWidth + 1).map(p => p.dataset.panel)"
    )
    assert wider == []
