"""Access to the fleet overview: an empty fleet, a stranger, and a link that signs a viewer in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from support.page import panel, row, word

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from support.fleets.documents import FleetDocuments, Look
    from tachograph_cli.local.stack import Stack


def test_empty_fleet_says_the_command_that_fills_it(fleet: FleetDocuments, look: Look) -> None:
    page = look(fleet.name)
    expect(panel(page, "sessions")).to_contain_text(
        f"No agent has reported to the fleet “{fleet.name}” yet"
    )
    expect(panel(page, "sessions").locator("code")).to_have_text(
        f"tachograph replay ~/.claude/projects --fleet {fleet.name}"
    )
    expect(panel(page, "agents")).to_contain_text("No snapshot of this fleet yet")
    expect(panel(page, "burn")).to_contain_text("Nothing has been spent yet")
    expect(panel(page, "signals")).to_contain_text("no session has been told to rotate")
    expect(word(page)).to_have_text("live")


def test_viewer_of_another_fleet_is_told_how_to_get_in_and_sees_nothing(
    fleet: FleetDocuments, look: Look
) -> None:
    fleet.fill()
    page = look(fleet.name, viewer_of="somebody-else")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        f"You can\u2019t see the fleet “{fleet.name}”"
    )
    expect(page.locator("main")).to_contain_text("Your link is for the fleet “somebody-else” only")
    enroll, demo = page.locator("main code").all_inner_texts()
    assert enroll.startswith(f"tachograph enroll NAME --fleet {fleet.name} --role viewer")
    assert demo == f"tachograph demo --fleet {fleet.name}"
    expect(word(page)).to_have_text("no access")
    expect(page.locator("[data-panel]")).to_have_count(0)
    assert "builder" not in page.content()
    assert "$" not in page.locator("body").inner_text()

    page.get_by_role("link", name="Open the fleet “somebody-else”").click()
    expect(word(page)).to_have_text("live")
    expect(panel(page, "sessions")).to_contain_text("No agent has reported")


def test_nobody_in_particular_is_told_where_links_come_from(
    fleet: FleetDocuments, hosted: Stack, page: Page
) -> None:
    page.goto(f"{hosted.dashboard_url}/?fleet={fleet.name}")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are not signed in")
    expect(page.locator("main code")).to_have_text("tachograph demo")
    page.goto(f"{hosted.dashboard_url}/?fleet={fleet.name}#token=rubbish")
    expect(page.get_by_role("heading", level=1)).to_have_text("This link does not sign you in")
    assert "rubbish" not in page.url


def test_token_leaves_the_address_and_the_viewer_stays_signed_in(
    fleet: FleetDocuments, look: Look
) -> None:
    fleet.session("worker")
    page = look(fleet.name)
    expect(row(page, "worker")).to_be_visible()
    assert page.url.endswith(f"/?fleet={fleet.name}")
    page.reload()
    expect(row(page, "worker")).to_be_visible()
    # The token's own fleet is shown where the address names none.
    page.goto(page.url.split("?", maxsplit=1)[0])
    expect(row(page, "worker")).to_be_visible()
