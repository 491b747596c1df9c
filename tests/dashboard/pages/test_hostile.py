"""Documents whose every text is hostile, on every page: the page shows text and runs none of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from support.page import panel

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from support.fleets.documents import FleetDocuments, Look

TEXTS = (
    "<img src=x onerror=\"window.pwned='img'\">",
    "<script>window.pwned = 'script'</script>",
    '"><svg onload="window.pwned=1">',
    "javascript:window.pwned='link'",
    "{@html '<b>x</b>'}",
    "</title><script>window.pwned = 'title'</script>",
    "url(javascript:window.pwned=1);background:url(https://evil.example/)",
)
PAGES = ("", "&page=cost", "&page=health", "&page=task&task=root", "&page=agent&agent={agent}")
_FOREIGN_LINKS = """() => [...document.querySelectorAll('a[href], area[href], use, image, iframe')]
    .map(link => link.getAttribute('href') ?? link.tagName)
    .filter(href => !/^(\\?|#|https:\\/\\/console\\.cloud\\.google\\.com\\/)/.test(href))"""


@pytest.fixture
def hostile(fleet: FleetDocuments) -> FleetDocuments:
    """Give a fleet in whose documents every text is markup, a script or an address of one."""
    now = datetime.now(UTC)
    fleet.fill()
    fleet.policy(name=TEXTS[0], context_windows={text.replace(".", ""): 10**6 for text in TEXTS})
    for n, text in enumerate(TEXTS):
        fields = dict.fromkeys(
            ("title", "model", "task_type", "agent_id", "role", "error", "branch", "provider",
             "session_id", "traceparent", "priority", "waiting_for", "result", "trace"), text,
        )  # fmt: skip
        fleet.put("tasks", "root" if n == 0 else f"T-{n}", **fields, status="completed",
                  cost_nanousd=10**9, created_at=now, completed_at=now,
                  **({"root_task_id": "root", "parent_task_id": "root"} if n else {}))  # fmt: skip
        about = dict.fromkeys(("agent_role", "agent_version", "runtime", "host", "task_id"), text)
        fleet.session(f"S-{n}", **(fields | about), started_at=now)
        fleet.signal(f"S-{n}", agent_id=text, kind=text, status=text, reason=text)
        fleet.put("alerts", f"A-{n}", rule=text, severity=text, subject=text, value=1.0,
                  threshold=2.0, opened_at=now, link=text, url=text)  # fmt: skip
        fleet.put("incidents", f"I-{n}", kind=text, agent_id=text, other_agent_id=text,
                  task_id=text, branch=text, detail=text, occurred_at=now)  # fmt: skip
    counters = {"tasks_completed": 9, "cost_nanousd": 10**9, "tokens_in": 5, "llm_calls": 3}
    scopes = {f"{kind}:{text}": counters for text in TEXTS
              for kind in ("model", "tier", "type", "agent", "role", "tool")}  # fmt: skip
    fleet.rollup("day", f"{now:%Y-%m-%d}", {"fleet": counters, **scopes})
    return fleet


def _show_all(hostile: FleetDocuments, look: Look) -> Page:
    page = look(hostile.name)
    expect(page.locator("[data-panel]").first).to_be_visible()  # signed in, for the pages to come
    for query in PAGES:
        address = query.format(agent="%3Cscript%3Ewindow.pwned='address'%3C/script%3E")
        page.goto(f"{page.url.partition('?')[0]}?fleet={hostile.name}{address}")
        expect(page.locator("[data-panel]").first).to_be_visible()
        expect(page.locator(".bar .word")).not_to_have_text("loading")
        assert page.evaluate("window.pwned") is None
        assert page.evaluate(_FOREIGN_LINKS) == []
        assert page.locator("main script, main iframe, main img, main [onerror]").count() == 0
    return page


def test_text_of_a_document_is_shown_and_runs_on_no_page(
    hostile: FleetDocuments, look: Look
) -> None:
    _show_all(hostile, look)


def test_hostile_names_are_read_as_they_are_written(hostile: FleetDocuments, look: Look) -> None:
    page = look(hostile.name)
    expect(panel(page, "signals")).to_contain_text(TEXTS[2])  # of the newest five
    page.goto(f"{page.url.partition('?')[0]}?fleet={hostile.name}&page=task&task=root")
    expect(page.get_by_role("heading", level=1)).to_contain_text(TEXTS[0])


def test_file_that_is_saved_is_named_without_what_a_folder_would_obey(
    hostile: FleetDocuments, look: Look
) -> None:
    agent = "..%2F..%2F%3Cscript%3E%0A.exe"
    page = look(hostile.name, query=f"&page=agent&agent={agent}")
    panel(page, "context").hover()
    with page.expect_download() as download:
        panel(page, "context").get_by_role("button", name="save as PNG").click()
    name = download.value.suggested_filename
    assert name.endswith(".png")
    assert not set(name) & set('/\\<>\n:*?"|')
