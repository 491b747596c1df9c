"""A page that is left ends its listeners at once; one that is come back to goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from support.page import SLOW, number, panel, wait_until, word
from support.wire.emulator_heap import messages_waiting

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from support.fleets.documents import FleetDocuments, Look
    from tachograph_cli.local.stack import Stack

_NOTE_ENDS = """
    const send = navigator.sendBeacon.bind(navigator);
    navigator.sendBeacon = (url, data) => {
        if (String(url).includes('/Listen/channel'))
            localStorage.setItem('ended', Number(localStorage.getItem('ended')) + 1);
        return send(url, data);
    };
"""
"""Counts the requests by which a page tells Firestore that nobody listens to a channel any more."""
_HAS_LOADED_ALL_PAGES = """
    performance.getEntriesByType('resource').some(({ name }) => name.includes('/assets/Trace-'))
"""
"""The code of the last page comes in idle time, which a busy machine may not have for long."""


def _open(look: Look, page: Page, fleet: FleetDocuments) -> None:
    """Open a page that counts the channels it ends, and wait until it listens."""
    page.add_init_script(_NOTE_ENDS)
    fleet.now(queue_depth=7)
    look(fleet.name)
    expect(number(page, "queue")).to_have_text("7")
    assert _ended(page) == 0


def _ended(page: Page) -> int:
    return int(page.evaluate("Number(localStorage.getItem('ended'))"))


def _transition(page: Page, name: str) -> None:
    """Tell the page that it is kept for the way back, or that somebody has come back to it."""
    page.evaluate(f"dispatchEvent(new PageTransitionEvent('{name}', {{persisted: true}}))")


def test_page_that_is_left_tells_firestore_that_nobody_listens(
    fleet: FleetDocuments, look: Look, page: Page
) -> None:
    _open(look, page, fleet)
    page.goto(f"{page.url.partition('?')[0]}icon.svg")
    assert _ended(page) == 1


def test_page_that_is_closed_tells_it_too(fleet: FleetDocuments, look: Look, page: Page) -> None:
    other = page.context.new_page()
    _open(look, page, fleet)
    other.goto(f"{page.url.partition('?')[0]}icon.svg")
    page.close(run_before_unload=True)
    wait_until(other, "Number(localStorage.getItem('ended')) === 1")


def test_emulator_keeps_nothing_for_a_page_that_was_left(
    fleet: FleetDocuments, look: Look, page: Page, hosted: Stack
) -> None:
    _open(look, page, fleet)
    address = page.url
    page.goto(f"{address.partition('?')[0]}icon.svg")
    other = page.context.new_page()
    other.goto(address)
    expect(number(other, "queue")).to_have_text("7")
    before = messages_waiting(hosted)
    for depth in range(1, 301):
        fleet.now(queue_depth=depth)
    expect(number(other, "queue")).to_have_text("300")
    assert messages_waiting(hosted) - before < 300  # it kept two of each
    other.close()


def test_page_that_is_come_back_to_shows_what_happened_meanwhile(
    fleet: FleetDocuments, look: Look, page: Page
) -> None:
    _open(look, page, fleet)
    _transition(page, "pagehide")
    wait_until(page, "Number(localStorage.getItem('ended')) === 1")
    fleet.now(queue_depth=8)
    fleet.session("late", task_id="T-9")
    _transition(page, "pageshow")
    expect(number(page, "queue")).to_have_text("8", timeout=SLOW)
    expect(panel(page, "sessions")).to_contain_text("late")
    expect(word(page)).to_have_text("live")


def test_page_that_was_left_asks_for_nothing_more(
    fleet: FleetDocuments, look: Look, page: Page
) -> None:
    _open(look, page, fleet)
    _transition(page, "pagehide")
    wait_until(page, "Number(localStorage.getItem('ended')) === 1")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    wait_until(page, _HAS_LOADED_ALL_PAGES)
    asked.clear()
    fleet.now(queue_depth=8)
    # Longer than the page waits for an answer before it connects again.
    page.wait_for_timeout(7000)
    assert asked == []
    expect(number(page, "queue")).to_have_text("7")
