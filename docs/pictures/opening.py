"""Open the dashboard as a viewer; delay or refuse its Firestore requests where needed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode

from playwright.sync_api import Browser, Error, Page, Route, ViewportSize, expect

from tachograph.firestore.emulator_identity import viewer_token

FIRESTORE = "**/google.firestore.v1.Firestore/"


@contextmanager
def opened(
    browser: Browser,
    address: Mapping[str, str],
    viewport: ViewportSize,
    *,
    viewer_of: str | None = None,
    signed: str | None = None,
    scale: int = 1,
    firestore_hangs: bool = False,
    refused: str = "",
) -> Iterator[Page]:
    """Yield the page at an address, opened as a viewer of its fleet.

    `viewer_of` names another fleet for the viewer; `signed` replaces the token at the link's end.
    With `firestore_hangs` every request of Firestore waits; `refused` names a collection whose
    queries fail.
    """
    context = browser.new_context(viewport=viewport, device_scale_factor=scale)
    page = context.new_page()
    held: list[Route] = []
    if firestore_hangs:

        def hold(route: Route) -> None:
            held.append(route)

        page.route(f"{FIRESTORE}**", hold)
    if refused:
        page.route(f"{FIRESTORE}Listen/**", _Refusing(refused).answer)
    link = f"{os.environ['TACHOGRAPH_DASHBOARD_URL']}/?{urlencode(address)}"
    if signed is None:
        signed = f"#token={viewer_token(viewer_of or address['fleet'])}"
    page.goto(link + signed)
    yield page
    for route in held:
        route.abort()
    page.unroute_all(behavior="ignoreErrors")
    context.close()


def settle(page: Page) -> None:
    """Wait until each panel has its data."""
    expect(page.locator("[data-panel]").first).to_be_visible()
    expect(page.locator("[data-panel][aria-busy=true]")).to_have_count(0)
    expect(page.locator(".bar .word")).to_have_text("live")
    page.wait_for_timeout(500)


class _Refusing:
    """Intercepts the page's requests and makes the queries of one collection fail."""

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
    """Return the arrays of a WebChannel answer; each follows its length on a line of its own."""
    parts: list[Any] = []
    while text:
        length, _, text = text.partition("\n")
        parts += json.loads(text[: int(length)])
        text = text[int(length) :]
    return parts


def _framed(parts: list[Any]) -> str:
    text = json.dumps(parts)
    return f"{len(text)}\n{text}"
