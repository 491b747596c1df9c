"""Locators of an open page of the dashboard, and its accessibility check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.places import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
SLOW = 60_000  # ms; the SDK waits before it connects again


# Firestore's SDK loads it when a connection breaks, to tell which side is offline. The page does
# not need to know that, and does not ask a stranger.
_NETWORK_TEST = "https://www.google.com/images/cleardot.gif"


def violates_policy(said: str) -> bool:
    """Tell whether the console says that the page's content security policy refused something."""
    refused = "Content Security Policy" in said or "requires 'Trusted" in said
    return refused and _NETWORK_TEST not in said


def panel(page: Page, name: str) -> Locator:
    return page.locator(f"[data-panel={name}]")


def number(page: Page, name: str) -> Locator:
    return panel(page, name).locator(".number").first


def row(page: Page, session: str) -> Locator:
    return page.locator(f"tr[data-session='{session}']")


def word(page: Page) -> Locator:
    return page.locator(".bar .word")


def violations(page: Page) -> list[str]:
    """Return the violations that axe-core finds: rule and element of each."""
    page.evaluate(AXE.read_text())  # the page's policy allows no foreign script in it
    result = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [f"{v['id']}: {node['html'][:120]}" for v in result["violations"] for node in v["nodes"]]


def wait_until(page: Page, expression: str) -> None:
    """Wait until an expression is true in the page.

    Playwright's own way would have the page evaluate text, which the page's policy forbids.
    """
    for _ in range(SLOW // 100):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"never true: {expression}")
