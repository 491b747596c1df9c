"""Make pictures of every page of the dashboard, and of every state of a page.

make pictures                runs this inside a local stack, after docs/pictures/terminal.py
tachograph local -- python docs/pictures/dashboard.py RECORDINGS FOLDER [fleet|...|states|readme]

`tachograph replay` replays the recordings twice: at their own time with traces, for the pages about
the past, and as of now, for the fleet page. `readme` makes docs/pictures/dashboard.png, which is
kept with a palette of 256 colours to stay small.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from google.cloud import firestore
from opening import opened, settle
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tachograph_cli.local import machine
from tachograph_cli.local.machine import Missing

PAST = "recorded"
LIVE = "at-work"
SPEED = "5"
WATCHED_S = 300.0
"""Seconds that the fleet works before its picture: live/now has one point a minute."""
WAIT_MS = 30_000
DESK = ViewportSize(width=1440, height=900)
SIZES = {
    "phone": ViewportSize(width=390, height=844),
    "wall": ViewportSize(width=2560, height=1440),
}
PAPER = ViewportSize(width=718, height=1040)
"""A4 at 96 dpi without its margins."""
Address = dict[str, str]


def main(recordings: Path, target: Path, names: list[str]) -> None:
    """Replay, wait until the fleet works, and picture the named pages, or all."""
    target.mkdir(parents=True, exist_ok=True)
    db = firestore.Client()
    with _at_work(db, recordings), sync_playwright() as playwright:
        chromium = machine.find_chromium()
        if isinstance(chromium, Missing):
            sys.exit(f"Chromium: found {chromium.found}; install it with: {chromium.remedy}")
        browser = playwright.chromium.launch(
            executable_path=str(chromium.path), args=["--no-sandbox", "--disable-gpu"]
        )
        expect.set_options(timeout=WAIT_MS)
        for name, address in pages(db).items():
            if not names or name in names:
                page_in_all_sizes(browser, target, name, address)
        if not names or "readme" in names:
            with opened(browser, {"fleet": LIVE, "theme": "dark"}, DESK, scale=2) as page:
                settle(page)
                page.screenshot(path=target / "dashboard.png")
        if not names or "states" in names:
            states(browser, db, target)
        browser.close()


def pages(db: firestore.Client) -> dict[str, Address]:
    """Return each page's address: of the busiest agent, the largest tree, the longest trace."""
    past = db.document("fleets", PAST)
    tasks = [task.to_dict() or {} for task in past.collection("tasks").stream()]
    agents = Counter(task["agent_id"] for task in tasks if "agent_id" in task)
    trees = [(tree.id, tree.to_dict() or {}) for tree in past.collection("trees").stream()]
    root = max(trees, key=lambda tree: tree[1].get("total", {}).get("tasks_created", 0))[0]
    spans: Counter[str] = Counter()
    for trace in past.collection("traces").list_documents():
        for batch in trace.collection("batches").stream():
            spans[trace.id] += len((batch.to_dict() or {}).get("span_id", []))
    of_past = {"fleet": PAST, "range": "28d"}
    return {
        "fleet": {"fleet": LIVE},
        "agent": {**of_past, "page": "agent", "agent": agents.most_common(1)[0][0]},
        "health": {**of_past, "page": "health"},
        "cost": {**of_past, "page": "cost"},
        "task": {"fleet": PAST, "page": "task", "task": root},
        "trace": {"fleet": PAST, "page": "trace", "trace": spans.most_common(1)[0][0]},
    }


def page_in_all_sizes(browser: Browser, target: Path, name: str, address: Address) -> None:
    """Picture a page on a desk in both schemes and at length, on a phone, on a wall, on paper."""
    for theme in ("dark", "light"):
        with opened(browser, {**address, "theme": theme}, DESK) as page:
            settle(page)
            page.screenshot(path=target / f"{name}-{theme}.png")
            page.screenshot(path=target / f"{name}-{theme}-full.png", full_page=True)
    for size, viewport in SIZES.items():
        scale = 2 if size == "phone" else 1
        with opened(browser, {**address, "theme": "dark"}, viewport, scale=scale) as page:
            settle(page)
            page.screenshot(path=target / f"{name}-{size}.png", full_page=size == "phone")
    with opened(browser, {**address, "theme": "dark"}, PAPER) as page:
        settle(page)
        page.emulate_media(media="print")
        page.screenshot(path=target / f"{name}-print.png", full_page=True)
        page.pdf(path=target / f"{name}.pdf", format="A4")


def states(browser: Browser, db: firestore.Client, target: Path) -> None:
    """Picture the pages without data, without a connection and without access."""

    def shoot(page: Page, name: str) -> None:
        page.wait_for_timeout(300)
        page.screenshot(path=target / f"state-{name}.png")

    here = {"fleet": LIVE, "theme": "dark"}
    for name in ("fleet", "agent", "health", "cost", "task", "trace"):
        subject = {"agent": "nobody", "task": "T-0", "trace": "0" * 32}.get(name)
        query = {"page": name, **({name: subject} if subject else {})}
        with opened(browser, {"fleet": "new", "theme": "dark", **query}, DESK) as page:
            settle(page)
            shoot(page, f"empty-{name}")
    with opened(browser, here, DESK, firestore_hangs=True) as page:
        expect(page.locator("[aria-busy=true]").first).to_be_visible()
        shoot(page, "loading")
        expect(page.locator(".bar .word")).to_have_text("unreachable")
        shoot(page, "unreachable-from-the-start")
    with opened(browser, here, DESK) as page:
        settle(page)
        page.context.set_offline(True)
        expect(page.locator(".bar .word")).to_have_text("unreachable")
        shoot(page, "offline")
    with opened(browser, here, DESK, refused="sessions") as page:
        expect(page.locator(".failed").first).to_be_visible()
        shoot(page, "error")
    with opened(browser, here, DESK, viewer_of="somebody-else") as page:
        expect(page.locator(".bar .word")).to_have_text("no access")
        shoot(page, "denied")
    for name, signed in (("signed-out", ""), ("refused", "#token=no.such.token")):
        with opened(browser, here, DESK, signed=signed) as page:
            expect(page.locator("[data-message]")).to_be_visible()
            shoot(page, name)
    with opened(browser, {**here, "fleet": "no fleet!"}, DESK) as page:
        expect(page.locator("[data-message]")).to_be_visible()
        shoot(page, "no-such-fleet")
    for size, viewport in {"": DESK, **SIZES}.items():
        with opened(browser, here, viewport) as page:
            settle(page)
            seven_minutes_ago = datetime.now(UTC) - timedelta(minutes=7)
            db.document("fleets", LIVE, "live", "now").update({"at": seven_minutes_ago})
            expect(page.locator(".bar .word")).to_have_text("stale")
            shoot(page, f"stale-{size}".strip("-"))


@contextmanager
def _at_work(db: firestore.Client, recordings: Path) -> Iterator[None]:
    """Replay the recordings as the past; run a fleet at work inside the block."""
    if db.document("fleets", LIVE, "live", "now").get().exists:
        yield  # another process runs the fleet already
        return
    replay = [sys.executable, "-m", "tachograph_cli.main", "replay", str(recordings), "--traces"]
    subprocess.run([*replay, "--fleet", PAST], check=True)
    work = subprocess.Popen([*replay, "--fleet", LIVE, "--live", "--speed", SPEED, "--no-wait"])
    try:
        time.sleep(WATCHED_S)
        yield
    finally:
        work.terminate()
        work.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
