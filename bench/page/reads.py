"""Firestore reads of an open dashboard, counted on the wire while a fleet works."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from bench.page.browser import Opened, Viewer, viewer
from tachograph_cli.local.stack import Stack

AGENTS = 12
HOURS = 24
WATCHED_S = 120
READ_OUT_EVERY_S = 5
"""Seconds between two read-outs; the browser drops older responses."""
HISTORY_S = 600
_READ_USD = 0.30e-6
"""The list price in us-central1, as elsewhere in the README."""
_FLEET = "bench-at-work"
_HAS_TASK = FieldFilter("task_id", ">", "")


def rows(root: Path, loads: int) -> Iterator[tuple[str, str, str]]:
    """Yield the overview's reads while a fleet works, then the reads to open each page at rest."""
    with (
        Stack.start(root) as stack,
        patch.dict(os.environ, stack.env),
        viewer(stack) as looks,
    ):
        db = firestore.Client()
        with _at_work(root, stack, db), looks.at(_FLEET) as opened:
            yield _hour(opened)
        yield _first_load(looks, loads)
        for name, query in _pages(db).items():
            with looks.at(_FLEET, query) as opened:
                reads, size = opened.heard.reads()
            yield f"reads to open {name}", f"{_sum(reads)}; {size:,.0f} kB of JSON", ""


def _first_load(looks: Viewer, loads: int) -> tuple[str, str, str]:
    took = []
    for _ in range(loads):
        with looks.at(_FLEET, idle=True) as opened:
            took.append(opened.complete_ms)
            _, size = opened.heard.reads()
    found = f"p50 {statistics.median(took):.0f} ms, worst {max(took):.0f} ms, {size:.0f} kB of JSON"
    return f"first load of {HOURS} h, nothing cached", found, ""


def _hour(opened: Opened) -> tuple[str, str, str]:
    opened.heard.reads()
    reads: Counter[str] = Counter()
    for _ in range(WATCHED_S // READ_OUT_EVERY_S):
        opened.page.wait_for_timeout(READ_OUT_EVERY_S * 1000)
        reads += opened.heard.reads()[0]
    hourly = Counter({name: n * 3600 // WATCHED_S for name, n in reads.items()})
    found = f"{_sum(hourly)}; ${hourly.total() * _READ_USD:.4f}"
    return f"reads of the open overview an hour, {AGENTS} agents", found, ""


def _sum(reads: Counter[str]) -> str:
    parts = " + ".join(f"{n:,} {kind}" for kind, n in reads.most_common())
    return f"{reads.total():,} = {parts}"


def _pages(db: firestore.Client) -> dict[str, str]:
    """Return each page's name and the query string of its address."""
    fleet = db.document("fleets", _FLEET)
    [session] = fleet.collection("sessions").where(filter=_HAS_TASK).limit(1).get()
    trace = next(iter(fleet.collection("traces").list_documents()))
    said = session.to_dict() or {}
    return {
        "the overview": "",
        "cost, 24 h": "&page=cost",
        "health, 24 h": "&page=health",
        "an agent, 24 h": f"&page=agent&agent={said['agent_id']}",
        "a task": f"&page=task&task={said['task_id']}",
        "a trace": f"&page=trace&trace={trace.id}",
    }


@contextmanager
def _at_work(root: Path, stack: Stack, db: firestore.Client) -> Iterator[None]:
    """Run the demo fleet; yield once its 24 hours are published, and end it afterwards."""
    command = [sys.executable, "-m", "tachograph_cli.demo", "--fleet", _FLEET]
    command += ["--agents", str(AGENTS), "--hours", str(HOURS)]
    play = subprocess.Popen(command, cwd=root, env={**os.environ, **stack.env})
    try:
        rollups = db.collection("fleets", _FLEET, "rollups").where(
            filter=FieldFilter("grain", "==", "hour")
        )
        deadline = time.monotonic() + HISTORY_S
        while len(rollups.limit(HOURS).get()) < HOURS:
            if play.poll() is not None or time.monotonic() > deadline:
                raise TimeoutError(f"{_FLEET}: its {HOURS} h are not published")
            time.sleep(5)
        yield
    finally:
        play.terminate()
        play.wait(60)
