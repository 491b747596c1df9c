"""Exports of a page: tables as CSV, panels as PNG, and the page on paper."""

from __future__ import annotations

import csv
import io
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from support.fleets.history import tasks, write_all
from support.page import panel

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from support.fleets.documents import FleetDocuments, Look

AGENT = "&page=agent&agent=builder-1"


def save(page: Page, name: str, what: str) -> tuple[str, bytes]:
    panel(page, name).hover()
    with page.expect_download() as download:
        panel(page, name).get_by_role("button", name=f"save as {what}").click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def test_saved_table_is_whole_exact_and_in_the_order_that_is_seen(
    fleet: FleetDocuments, look: Look
) -> None:
    tasks(fleet, "builder-1", [n + 0.25 for n in range(20)])
    page = look(fleet.name, query=f"{AGENT}&tasks=-cost")
    expect(panel(page, "tasks").locator("tbody tr")).to_have_count(12)
    name, data = save(page, "tasks", "CSV")
    assert name.startswith(f"{fleet.name}-builder-1-tasks-")
    head, *rows = csv.reader(io.StringIO(data.decode("utf-8-sig")))
    at = head.index("Cost (USD)")
    assert [float(row[at]) for row in rows] == [n + 0.25 for n in reversed(range(20))]


def test_saved_table_is_no_place_for_formulas(fleet: FleetDocuments, look: Look) -> None:
    tasks(fleet, "builder-1", [1])
    fleet.put("tasks", "builder-1-T-0", agent_id="builder-1", title="=cmd|' /C calc'!A0")
    fleet.db.document("fleets", fleet.name, "tasks", "builder-1-T-0").update(
        {"created_at": fleet.db.document("x/y").get().read_time}
    )
    page = look(fleet.name, query=AGENT)
    expect(panel(page, "tasks").locator("tbody tr")).to_have_count(1)
    _, data = save(page, "tasks", "CSV")
    assert "'=cmd" in data.decode("utf-8-sig")


@pytest.mark.parametrize(
    ("query", "name"),
    [
        (AGENT, "context"),
        ("&page=cost", "treemap"),
        ("&page=cost", "per-task-time"),
        ("", "models"),
    ],
)
def test_panel_is_saved_as_a_picture_of_what_is_seen(
    query: str, name: str, fleet: FleetDocuments, look: Look
) -> None:
    fleet.fill()
    write_all(fleet)
    page = look(fleet.name, query=f"{query}&theme=dark")
    expect(panel(page, name).locator("svg").first).to_be_visible()
    box = panel(page, name).bounding_box()
    assert box is not None
    filename, data = save(page, name, "PNG")
    assert filename.endswith(".png")
    width, height = struct.unpack(">II", data[16:24])
    assert (width, height) == pytest.approx((2 * box["width"], 2 * box["height"]), abs=4)
    # More than one colour, and the panel's own behind them.
    picture = page.evaluate(
        """async (bytes) => {
          const bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)]));
          const ctx = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
          ctx.drawImage(bitmap, 0, 0);
          const { data } = ctx.getImageData(0, 0, bitmap.width, bitmap.height);
          const colors = new Map();
          for (let i = 0; i < data.length; i += 4) {
            const color = `${data[i]} ${data[i + 1]} ${data[i + 2]}`;
            colors.set(color, (colors.get(color) ?? 0) + 1);
          }
          return [[...colors].sort((a, b) => b[1] - a[1])[0][0], colors.size];
        }""",
        list(data),
    )
    assert picture[1] > 50
    assert name == "treemap" or picture[0] == "21 24 30"


@pytest.mark.parametrize("query", ["", AGENT, "&page=cost", "&page=task&task=T-1"])
def test_paper_is_light_whole_and_without_controls(
    query: str, fleet: FleetDocuments, look: Look
) -> None:
    fleet.fill()
    write_all(fleet)
    tasks(fleet, "builder-1", [0.5] * 20)
    page = look(fleet.name, query=f"{query}&theme=dark")
    expect(page.locator("[data-panel] svg").first).to_be_visible()
    page.emulate_media(media="print")
    # A table's headings stay, though a click on one sorts.
    controls = page.locator("main :is(button, input, select):not(thead *):visible")
    expect(controls).to_have_count(0)
    expect(page.locator("header.bar:visible")).to_have_count(0)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if query == AGENT:
        expect(panel(page, "tasks").locator("tbody tr")).to_have_count(20)
