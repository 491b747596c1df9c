"""Loading of the page: the overview first, then the code of the other pages, and failures."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from support.page import panel, word

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

    from support.fleets.documents import FleetDocuments, Look

LAST = re.compile(r"/assets/Trace-[^/]+\.js$")
"""The chunk that is loaded last of those that nobody has asked for."""
COST = re.compile(r"/assets/Cost-[^/]+\.js$")


def test_pages_that_nobody_opened_are_there_when_the_server_no_longer_is(
    fleet: FleetDocuments, look: Look, page: Page
) -> None:
    fleet.fill()

    def is_last(request: Request) -> bool:
        return LAST.search(request.url) is not None

    with page.expect_event("requestfinished", is_last):
        look(fleet.name)
    page.context.set_offline(True)
    page.keyboard.press("2")
    expect(page.get_by_role("heading", level=1)).to_have_text("Cost")
    expect(panel(page, "per-task")).to_be_visible()


def test_page_that_does_not_come_says_so_and_is_there_once_the_server_is(
    fleet: FleetDocuments, look: Look, page: Page
) -> None:
    fleet.fill()
    page.route(COST, lambda route: route.abort())
    look(fleet.name)
    expect(word(page)).to_have_text("live")
    page.context.set_offline(True)
    page.get_by_role("link", name="Cost").click()
    message = page.locator("[data-message=no-code]")
    expect(message).to_contain_text("cannot be loaded")
    expect(message.get_by_role("heading", level=1)).to_have_text("Cost")
    expect(word(page)).to_have_text("unreachable")
    page.keyboard.press("1")  # what is there still is
    expect(panel(page, "agents")).to_be_visible()
    page.go_back()
    expect(message).to_be_visible()
    page.unroute(COST)
    page.context.set_offline(False)
    expect(panel(page, "per-task")).to_have_attribute("aria-busy", "false")
    expect(word(page)).to_have_text("live")
    assert page.url.endswith(f"?fleet={fleet.name}&page=cost")
