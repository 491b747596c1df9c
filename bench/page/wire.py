"""The documents that Firestore sends to an open page, counted as they are billed.

With every write the emulator sends all documents of a query again; the cloud sends and bills only
the changed ones. So each version of a document counts once for each listener.
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
    """All messages that a page's listeners received since it was opened."""

    def __init__(self, page: Page) -> None:
        self._answers: list[Request] = []
        self._counted: set[tuple[int, str, str]] = set()
        self._begun: set[int] = set()
        page.on("requestfinished", self._keep)

    def reads(self) -> tuple[Counter[str], float]:
        """Return the reads by collection since the last call, and their kB of JSON.

        A listener without a result is billed one read.
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
        """Yield the messages in WebChannel's frames: a length, and an array of that length."""
        answers, self._answers[:] = list(self._answers), []
        for request in answers:
            response = request.response()
            left = "" if response is None else response.text()
            while left.strip():
                length, _, rest = left.partition("\n")
                frame, left = rest[: int(length)], rest[int(length) :]
                if len(frame) < int(length):
                    break  # cut off with the page's connection; the rest is sent again
                for _, messages in json.loads(frame):
                    yield from (m for m in messages if isinstance(m, dict))


def _kind(name: str) -> str:
    """Return a document's kind: its collection, a rollup's grain, or the path of `live/now`."""
    found = _COLLECTION.search(name)
    path = (found[1] if found else None) or "fleet"
    parts = path.split("/")
    if parts[0] == "rollups":
        return f"{parts[1].split('_')[0]} rollups"
    return "/".join(parts[:2]) if parts[0] == "live" else parts[0]
