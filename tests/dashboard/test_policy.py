"""The headers of Hosting: the page connects to known hosts alone, and nobody may frame it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from support.fleets.history import write_all
from support.page import panel, violates_policy

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from support.fleets.documents import FleetDocuments, Look
    from tachograph_cli.local.stack import Stack

FOREIGN = {
    "script in an attribute": """
        document.body.setAttribute('onclick', 'window.pwned = 1');
        document.body.click();
    """,
    "markup made of text": """
        document.body.innerHTML = '<img src=x onerror="window.pwned = 1">';
    """,
    "script of another address": """
        const script = document.createElement('script');
        script.src = 'data:text/javascript,window.pwned=1';
        document.head.append(script);
    """,
    "text as a program": """
        const script = document.createElement('script');
        script.textContent = 'window.pwned = 1';
        document.head.append(script);
    """,
}


def test_every_page_works_under_the_policy_without_a_violation(
    fleet: FleetDocuments, look: Look
) -> None:
    fleet.fill()
    write_all(fleet)
    page = look(fleet.name)
    expect(panel(page, "sessions").locator("tbody tr")).not_to_have_count(0)
    for name in ("cost", "health", "agent&agent=builder-1"):
        page.goto(f"{page.url.partition('?')[0]}?fleet={fleet.name}&page={name}")
        expect(page.locator("[data-panel]").first).to_be_visible()
        expect(page.locator(".bar .word")).to_have_text("live")


def test_page_is_sent_with_every_header_that_guards_it(hosted: Stack, page: Page) -> None:
    answer = page.goto(f"{hosted.dashboard_url}/?fleet=x")
    assert answer is not None
    headers = answer.headers
    policy = dict(
        part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    ports = [hosted.ports[name] for name in ("firestore", "auth")]
    assert set(policy["connect-src"].split()) == {
        "'self'",
        *(f"http://{host}:{port}" for host in ("127.0.0.1", "localhost") for port in ports),
        *(
            f"https://{api}.googleapis.com"
            for api in ("firestore", "identitytoolkit", "securetoken")
        ),
    }
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "strict-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]


def test_policy_of_production_names_no_machine_and_allows_nothing_inline(root: object) -> None:
    config = json.loads((root / "firebase.json").read_text())  # type: ignore[operator]
    [policy] = [
        header["value"]
        for rule in config["hosting"]["headers"]
        for header in rule["headers"]
        if header["key"] == "Content-Security-Policy" and rule["source"] == "**"
    ]
    for word in ("unsafe", "localhost", "127.0.0.1", "*", "http:"):
        assert word not in policy


@pytest.mark.parametrize("script", FOREIGN.values(), ids=FOREIGN)
def test_page_runs_no(script: str, hosted: Stack, page: Page) -> None:
    refused: list[str] = []
    page.on(
        "console", lambda said: refused.append(said.text) if violates_policy(said.text) else None
    )
    page.goto(f"{hosted.dashboard_url}/?fleet=x")
    page.evaluate(f"() => {{ try {{ {script} }} catch {{ }} }}")
    page.evaluate("() => new Promise(requestAnimationFrame)")  # the console has said it by then
    assert page.evaluate("window.pwned") is None
    assert refused


def test_page_connects_to_no_other_host(hosted: Stack, page: Page) -> None:
    refused: list[str] = []
    page.on(
        "console", lambda said: refused.append(said.text) if violates_policy(said.text) else None
    )
    page.goto(f"{hosted.dashboard_url}/?fleet=x")
    script = "address => fetch(address).then(() => 'sent', error => error.name)"
    addresses = ("https://evil.example/?token=x", "http://127.0.0.1:9/", "https://googleapis.com/")
    for address in addresses:
        assert page.evaluate(script, address) == "TypeError"
        assert any(address in text for text in refused)
