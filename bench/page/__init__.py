"""Costs of the dashboard: waiting time, work in the browser and reads of Firestore."""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests")]

from google.cloud import firestore  # noqa: E402

from bench.page import reads  # noqa: E402
from bench.page.browser import Viewer, percentiles, viewer  # noqa: E402
from support.fleets.documents import FleetDocuments  # noqa: E402 - from the tests' folder
from support.fleets.traces import TRACE, trace  # noqa: E402 - likewise
from tachograph_cli.local.stack import Stack  # noqa: E402

WRITES = 100
UPDATES_PER_S = 10
UPDATES = 150
SPANS = 10_000
LOADS = 5


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield the page's costs over prepared documents, then over a fleet at work with functions."""
    with (
        Stack.start(ROOT, only=("firestore", "auth", "hosting")) as stack,
        patch.dict(os.environ, stack.env),
        viewer(stack) as looks,
    ):
        yield from _of_a_page(firestore.Client(), looks)
    yield from reads.rows(ROOT, LOADS)


def _of_a_page(db: firestore.Client, looks: Viewer) -> Iterator[tuple[str, str, str]]:
    fleet = FleetDocuments(db, "bench-page")
    fleet.fill()
    session = db.document("fleets", fleet.name, "sessions", "session-00")
    with looks.at(fleet.name) as page:
        yield _bundle(page.files())
        painted = page.painted(
            "[data-session=session-00] .left",
            lambda n: session.update({"context_remaining_pct": n % 100}),
            lambda n: f"{n % 100}%",
            WRITES,
        )
        yield "agent write to painted number", percentiles(painted, "ms"), "p95 250 ms"
        idle = page.busy(lambda _: None, UPDATES_PER_S, UPDATES)
        busy = page.busy(lambda n: _update(fleet, n), UPDATES_PER_S, UPDATES)
        found = f"main thread at {busy:.1f} % of a core, {idle:.1f} % without any"
        yield f"{UPDATES_PER_S} updates a second", found, ""
    trace(fleet, SPANS)
    with looks.at(fleet.name, f"&page=trace&trace={TRACE}") as page:
        took_ms = f"open {page.complete_ms:.0f} ms"
        page.page.get_by_role("button", name="Unfold all").click()
        frames = page.scrolled("[role=treegrid]", f"{SPANS - 100}")
        yield f"scrolling {SPANS:,} spans", f"{took_ms}; a frame {percentiles(frames, 'ms')}", ""


def _update(fleet: FleetDocuments, n: int) -> None:
    """Write a session as an agent does; every tenth write is one of `live/now`, as a tick does."""
    if n % UPDATES_PER_S == 0:
        fleet.now(queue_depth=n)
    else:
        where = fleet.db.document("fleets", fleet.name, "sessions", f"session-{n % 20:02d}")
        where.update({"context_remaining_pct": n % 100, "last_seen_at": firestore.SERVER_TIMESTAMP})


def _bundle(first: list[str]) -> tuple[str, str, str]:
    """Return the size of all built files, and of the files that the first page loads."""
    dist = ROOT / "dashboard" / "dist"
    files = {
        f"/{path.relative_to(dist)}": len(gzip.compress(path.read_bytes(), 9)) / 1000
        for path in dist.rglob("*")
        if path.is_file()
    }
    at_first = sum(files[name] for name in ["/index.html", *first])
    return "bundle, gzip with font", f"{at_first:.0f} kB at first, {sum(files.values()):.0f} kB in all", "250 kB"  # fmt: skip  # noqa: E501
