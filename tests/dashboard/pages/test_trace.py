"""The waterfall in a browser: parallel branches, folded and unfolded, by keyboard, at length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from support.fleets.traces import TRACE, trace
from support.page import panel, violations
from tachograph_cli.terminal import fmt
from tachograph_schema.tracing.spans import COST_NANOUSD

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from support.fleets.documents import FleetDocuments, Look

WATERFALL = f"&page=trace&trace={TRACE}"


def rows(page: Page) -> Locator:
    return panel(page, "spans").get_by_role("row")


def chosen(page: Page) -> Locator:
    return panel(page, "spans").locator("[role=row][aria-selected=true]")


def test_branches_run_beside_each_other_with_what_is_below_them_added_up(
    fleet: FleetDocuments, look: Look
) -> None:
    made = trace(fleet, 600, workers=4)
    page = look(fleet.name, query=WATERFALL)
    cost = fmt.money(sum(int(str(span.attributes.get(COST_NANOUSD, 0))) for span in made))
    expect(panel(page, "spans")).to_contain_text(f"{len(made)} spans")
    expect(rows(page).first).to_contain_text(cost)
    expect(rows(page).first).to_have_attribute("aria-level", "1")
    panel(page, "spans").get_by_role("button", name="Fold up").click()
    expect(panel(page, "spans").get_by_role("treegrid")).to_have_attribute("aria-rowcount", "5")
    expect(rows(page).nth(1)).to_have_attribute("aria-expanded", "false")
    lefts = [rows(page).nth(n).locator(".bar").bounding_box() for n in (1, 2)]
    assert all(box is not None for box in lefts)
    panel(page, "spans").get_by_role("button", name="Unfold all").click()
    expect(panel(page, "spans").get_by_role("treegrid")).to_have_attribute(
        "aria-rowcount", str(len(made))
    )


def test_keys_move_fold_zoom_and_lead_from_error_to_error(
    fleet: FleetDocuments, look: Look
) -> None:
    made = trace(fleet, 300, workers=3, fails_every=40)
    errors = [span for span in made if span.error]
    page = look(fleet.name, query=WATERFALL)
    grid = panel(page, "spans").get_by_role("treegrid")
    expect(grid).to_be_visible()
    panel(page, "spans").get_by_role("button", name="Fold up").click()
    grid.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    expect(chosen(page)).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowRight")
    expect(chosen(page)).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowRight")
    expect(chosen(page)).to_have_attribute("aria-level", "3")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(chosen(page)).to_have_attribute("aria-level", "2")
    page.keyboard.press("z")
    expect(panel(page, "spans").get_by_role("button", name="Whole trace")).to_be_visible()
    page.keyboard.press("Escape")
    expect(panel(page, "spans").get_by_role("button", name="Whole trace")).to_have_count(0)
    met = set()
    for _ in errors:
        page.keyboard.press("e")
        expect(panel(page, "span")).to_contain_text("CommandFailed")
        met.add(panel(page, "span").locator(".aside").inner_text())
    assert met == {span.span_id for span in errors}
    page.keyboard.press("End")
    expect(chosen(page)).to_be_in_viewport()


def test_link_to_a_span_unfolds_what_hides_it(fleet: FleetDocuments, look: Look) -> None:
    made = trace(fleet, 1500)
    wanted = next(span for span in reversed(made) if span.error)
    page = look(fleet.name, query=f"{WATERFALL}&span={wanted.span_id}")
    expect(panel(page, "span").locator(".aside")).to_have_text(wanted.span_id)
    expect(chosen(page)).to_be_in_viewport()
    panel(page, "spans").get_by_role("treegrid").focus()
    page.keyboard.press("ArrowUp")
    expect(panel(page, "span").locator(".aside")).not_to_have_text(wanted.span_id)
    shown = panel(page, "span").locator(".aside").inner_text()
    page.wait_for_url(f"**span={shown}")
    page.reload()
    expect(panel(page, "span").locator(".aside")).to_have_text(shown)


def test_ten_thousand_spans_are_all_there_and_few_are_drawn(
    fleet: FleetDocuments, look: Look
) -> None:
    made = trace(fleet, 10_000)
    page = look(fleet.name, query=WATERFALL)
    panel(page, "spans").get_by_role("button", name="Unfold all").click()
    grid = panel(page, "spans").get_by_role("treegrid")
    expect(grid).to_have_attribute("aria-rowcount", str(len(made)))
    assert rows(page).count() < 100
    grid.focus()
    page.keyboard.press("End")
    expect(chosen(page)).to_have_attribute("aria-rowindex", str(len(made)))
    page.keyboard.press("Home")
    expect(chosen(page)).to_have_attribute("aria-rowindex", "1")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_in_an_unfolded_waterfall(
    scheme: str, fleet: FleetDocuments, look: Look
) -> None:
    trace(fleet, 300)
    page = look(fleet.name, query=f"{WATERFALL}&theme={scheme}")
    panel(page, "spans").get_by_role("button", name="Unfold all").click()
    assert violations(page) == []


def test_trace_that_is_not_kept_says_how_to_keep_one(fleet: FleetDocuments, look: Look) -> None:
    page = look(fleet.name, query=WATERFALL)
    expect(panel(page, "spans")).to_contain_text("TACHOGRAPH_TRACING=batches")
    # What is no trace's id is asked for nowhere.
    page = look(fleet.name, query="&page=trace&trace=../x")
    expect(panel(page, "spans")).to_contain_text("No span of this trace is kept here")
