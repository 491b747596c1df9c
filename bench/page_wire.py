"""What Firestore sends to an open page, counted as it is billed.

The emulator sends all that a query finds again with every write to it; the cloud sends, and bills,
what changed. So a version of a document counts once for each listener that it came for.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

_LISTEN = re.compile(r"google\.firestore\.v1\.Firestore/Listen/channel")
_COLLECTION = re.compile(r"/documents/fleets/[^/]+(?:/(.+))?$")


class Wire:
    """Everything that a page's listeners were sent since it was opened."""

    def __init__(self, page: Page) -> None:
        self._answers: list[Request] = []
        self._counted: set[tuple[int, str, str]] = set()
        self._begun: set[int] = set()
        page.on("requestfinished", self._keep)

    def reads(self) -> tuple[Counter[str], float]:
        """Return the reads since this was asked last, by what was read, and their kB of JSON.

        A listener that finds nothing is billed one read.
        """
        found: Counter[str] = Counter()
        size = 0
        for message in self._messages():
            change = message.get("targetChange", {})
            if change.get("targetChangeType") == "ADD":
                self._begun.update(change.get("targetIds", []))
            sent = message.get("documentChange", {})
            for target in sent.get("targetIds", []):
                document = sent["document"]
                version = (target, document["name"], document["updateTime"])
                if version not in self._counted:
                    self._counted.add(version)
                    found[_kind(document["name"])] += 1
                    size += len(json.dumps(document))
        nothing = self._begun - {target for target, _, _ in self._counted}
        self._begun -= nothing
        return found + Counter({"of nothing": len(nothing)}), size / 1000

    def _keep(self, request: Request) -> None:
        if _LISTEN.search(request.url) and request.method == "GET":
            self._answers.append(request)

    def _messages(self) -> Iterator[dict[str, Any]]:
        """Yield what is in WebChannel's frames: a length, and an array of that length."""
        answers, self._answers[:] = list(self._answers), []
        for request in answers:
            response = request.response()
            left = "" if response is None else response.text()
            while left.strip():
                length, _, rest = left.partition("\n")
                frame, left = rest[: int(length)], rest[int(length) :]
                if len(frame) < int(length):
                    break  # cut short when the page's listening was; what was lost comes again
                for _, messages in json.loads(frame):
                    yield from (m for m in messages if isinstance(m, dict))


def _kind(name: str) -> str:
    """Say what a document is, as whoever pays for it would: its collection, or its whole path."""
    found = _COLLECTION.search(name)
    path = (found[1] if found else None) or "fleet"
    parts = path.split("/")
    if parts[0] == "rollups":
        return f"{parts[1].split('_')[0]} rollups"
    return "/".join(parts[:2]) if parts[0] == "live" else parts[0]
