"""Make pictures of every page of the dashboard, and of every state it can be in.

make pictures                  runs this inside a local stack, after docs/pictures.py

The recordings are replayed twice by `tachograph replay`: at their own time, with traces, which is
what the pages of the past show; and as of now, which is what the fleet's page shows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

from google.cloud import firestore
from playwright.sync_api import Browser, Error, Page, Route, expect, sync_playwright

from tachograph.local import machine
from tachograph.local.identity import viewer_token
from tachograph.local.machine import Missing

PAST = "recorded"
LIVE = "at-work"
SPEED = "5"
WATCHED_S = 300.0
"""How long the fleet is at work before it is pictured: live/now has a point for each minute."""
WAIT_MS = 30_000
DESK = {"width": 1440, "height": 900}
SIZES = {"phone": {"width": 390, "height": 844}, "wall": {"width": 2560, "height": 1440}}
PAPER = {"width": 718, "height": 1040}
"""A4 at 96 dpi, less its margins."""
Address = dict[str, str]


def main(recordings: Path, target: Path, names: list[str]) -> None:
    """Replay, wait until there is something to see, and picture the pages that are named, or all."""
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
        if not names or "states" in names:
            states(browser, db, target)
        browser.close()


def pages(db: firestore.Client) -> dict[str, Address]:
    """Return the address of each page: of the busiest agent, the largest tree, the longest trace."""
    past = db.document("fleets", PAST)
    agents = Counter(task.get("agent_id") for task in past.collection("tasks").stream())
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
        with _open(browser, {**address, "theme": theme}) as page:
            _settle(page)
            page.screenshot(path=target / f"{name}-{theme}.png")
            page.screenshot(path=target / f"{name}-{theme}-full.png", full_page=True)
    for size, viewport in SIZES.items():
        with _open(browser, {**address, "theme": "dark"}, viewport) as page:
            _settle(page)
            page.screenshot(path=target / f"{name}-{size}.png", full_page=size == "phone")
    with _open(browser, {**address, "theme": "dark"}, PAPER) as page:
        _settle(page)
        page.emulate_media(media="print")
        page.screenshot(path=target / f"{name}-print.png", full_page=True)
        page.pdf(path=target / f"{name}.pdf", format="A4")


def states(browser: Browser, db: firestore.Client, target: Path) -> None:
    """Picture what is seen when there is no data, or no way to it."""

    def shoot(page: Page, name: str) -> None:
        page.wait_for_timeout(300)
        page.screenshot(path=target / f"state-{name}.png")

    here = {"fleet": LIVE, "theme": "dark"}
    for name in ("fleet", "agent", "health", "cost", "task", "trace"):
        subject = {"agent": "nobody", "task": "T-0", "trace": "0" * 32}.get(name)
        query = {"page": name, **({name: subject} if subject else {})}
        with _open(browser, {"fleet": "new", "theme": "dark", **query}) as page:
            _settle(page)
            shoot(page, f"empty-{name}")
    with _open(browser, here, firestore_hangs=True) as page:
        expect(page.locator("[aria-busy=true]").first).to_be_visible()
        shoot(page, "loading")
        expect(page.locator(".bar .word")).to_have_text("unreachable")
        shoot(page, "unreachable-from-the-start")
    with _open(browser, here) as page:
        _settle(page)
        page.context.set_offline(True)
        expect(page.locator(".bar .word")).to_have_text("unreachable")
        shoot(page, "offline")
    with _open(browser, here, refused="sessions") as page:
        expect(page.locator(".failed").first).to_be_visible()
        shoot(page, "error")
    with _open(browser, here, viewer_of="somebody-else") as page:
        expect(page.locator(".bar .word")).to_have_text("no access")
        shoot(page, "denied")
    for name, token in (("signed-out", None), ("refused", "no.such.token")):
        with _open(browser, here, token=token) as page:
            expect(page.locator("[data-message]")).to_be_visible()
            shoot(page, name)
    with _open(browser, {**here, "fleet": "no fleet!"}) as page:
        expect(page.locator("[data-message]")).to_be_visible()
        shoot(page, "no-such-fleet")
    for size, viewport in {"": DESK, **SIZES}.items():
        with _open(browser, here, viewport) as page:
            _settle(page)
            seven_minutes_ago = datetime.now(UTC) - timedelta(minutes=7)
            db.document("fleets", LIVE, "live", "now").update({"at": seven_minutes_ago})
            expect(page.locator(".bar .word")).to_have_text("stale")
            shoot(page, f"stale-{size}".strip("-"))


@contextmanager
def _at_work(db: firestore.Client, recordings: Path) -> Iterator[None]:
    """Replay the recordings of the past, and have a fleet at work while this lasts."""
    if db.document("fleets", LIVE, "live", "now").get().exists:
        yield  # by somebody else, who runs this again and again
        return
    replay = [sys.executable, "-m", "tachograph.cli", "replay", str(recordings), "--traces"]
    subprocess.run([*replay, "--fleet", PAST], check=True)
    work = subprocess.Popen([*replay, "--fleet", LIVE, "--live", "--speed", SPEED, "--no-wait"])
    try:
        time.sleep(WATCHED_S)
        yield
    finally:
        work.terminate()
        work.wait()


class _Refusing:
    """Stands between page and Firestore, and has it refuse the queries of one collection."""

    def __init__(self, collection: str) -> None:
        self._collection = collection
        self._targets: set[int] = set()

    def answer(self, route: Route) -> None:
        asked = parse_qs(route.request.post_data or "")
        for name, [said, *_] in asked.items():
            target = json.loads(said).get("addTarget", {}) if name.endswith("data__") else {}
            if f'"collectionId": "{self._collection}"' in json.dumps(target):
                self._targets.add(target["targetId"])
        if route.request.method == "POST" or not self._targets:
            route.continue_()
            return
        try:
            response = route.fetch(timeout=0)
            route.fulfill(response=response, body=_framed(self._refused(_parts(response.text()))))
        except Error:  # the page was closed meanwhile
            return

    def _refused(self, parts: list[Any]) -> list[Any]:
        for message in (message for part in parts for message in part[1]):
            change = message.get("targetChange", {}) if isinstance(message, dict) else {}
            if self._targets & set(change.get("targetIds", [])):
                cause = {"code": 9, "message": "The query requires an index."}
                change |= {"targetChangeType": "REMOVE", "cause": cause}
        return parts


def _parts(text: str) -> list[Any]:
    """Read a WebChannel's answer: arrays, each after its length on a line of its own."""
    parts: list[Any] = []
    while text:
        length, _, text = text.partition("\n")
        parts += json.loads(text[: int(length)])
        text = text[int(length) :]
    return parts


def _framed(parts: list[Any]) -> str:
    text = json.dumps(parts)
    return f"{len(text)}\n{text}"


@contextmanager
def _open(
    browser: Browser,
    address: Address,
    viewport: dict[str, int] = DESK,
    *,
    viewer_of: str | None = None,
    token: str | None = "viewer",
    firestore_hangs: bool = False,
    refused: str = "",
) -> Iterator[Page]:
    """Open an address as a viewer of its fleet, or of another; a phone has two dots to a pixel."""
    scale = 2 if viewport is SIZES["phone"] else 1
    context = browser.new_context(viewport=viewport, device_scale_factor=scale)
    page = context.new_page()
    held: list[Route] = []
    if firestore_hangs:
        page.route("**/google.firestore.v1.Firestore/**", lambda route: held.append(route))
    if refused:
        page.route("**/google.firestore.v1.Firestore/Listen/**", _Refusing(refused).answer)
    if token == "viewer":
        token = viewer_token(viewer_of or address["fleet"])
    signed = f"#token={token}" if token else ""
    page.goto(f"{os.environ['TACHOGRAPH_DASHBOARD_URL']}/?{urlencode(address)}{signed}")
    yield page
    for route in held:
        route.abort()
    page.unroute_all(behavior="ignoreErrors")
    context.close()


def _settle(page: Page) -> None:
    """Wait until each panel has heard what it listens to."""
    expect(page.locator("[data-panel]").first).to_be_visible()
    expect(page.locator("[data-panel][aria-busy=true]")).to_have_count(0)
    page.wait_for_timeout(500)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
