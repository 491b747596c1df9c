"""The dashboard under an identity that `tachograph enroll` made, and not under another's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from support.cli import run

if TYPE_CHECKING:
    import pytest
    from google.cloud import firestore
    from playwright.sync_api import Page

    from tachograph_cli.local.stack import Stack


def test_link_that_enroll_prints_shows_the_fleet_and_no_other(
    stack: Stack,
    stack_db: firestore.Client,
    fleet_name: str,
    page: Page,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TACHOGRAPH_CREDENTIAL")
    stack_db.document("fleets", fleet_name).set({"name": "Acme at work"})
    enroll = ("enroll", "eve", "--fleet", fleet_name, "--role", "viewer")
    done = run(*enroll, "--dashboard", stack.dashboard_url)
    assert done.exit_code == 0, done.output
    link = done.output.strip()
    page.goto(link)
    expect(page.locator("body")).to_contain_text("Acme at work")
    page.goto(f"{stack.dashboard_url}/?fleet={fleet_name}-rival")
    expect(page.locator("h1")).to_contain_text("see the fleet")
