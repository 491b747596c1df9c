"""Latency on the local stack: agent write to listener, and agent write to published rollup."""

from __future__ import annotations

import os
import statistics
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from google.cloud import firestore

from tachograph_cli.local.stack import Stack

WRITES = 100
ROLLUPS = 20
EVERY_S = 1.7
"""Seconds between two writes; no divisor of a tick's 10 s, so writes fall on all parts of it."""


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield the percentiles of both latencies."""
    root = Path(__file__).parent.parent
    with Stack.start(root) as stack, patch.dict(os.environ, stack.env):
        db = firestore.Client()
        live_ms = [seconds * 1000 for seconds in _to_a_listener(db)]
        p50, p95 = _p50_p95(live_ms)
        yield (
            "agent write to a listening client",
            f"p50 {p50:.0f} ms, p95 {p95:.0f} ms",
            "p95 250 ms",
        )
        p50, p95 = _p50_p95(_to_a_rollup(db))
        yield "agent write to its published rollup", f"p50 {p50:.1f} s, p95 {p95:.1f} s", "p95 12 s"


def _to_a_listener(db: firestore.Client) -> list[float]:
    ref = db.document("fleets", f"bench-{uuid.uuid4().hex}", "sessions", "s-1")
    heard = threading.Event()
    watch = ref.on_snapshot(lambda *_: heard.set())
    took = []
    for n in range(WRITES):
        heard.clear()
        begun = time.perf_counter()
        ref.set({"context_remaining_pct": n % 100, "state": "active"})
        heard.wait(30)
        took.append(time.perf_counter() - begun)
    watch.unsubscribe()
    return took


def _to_a_rollup(db: firestore.Client) -> list[float]:
    fleet = f"bench-{uuid.uuid4().hex}"
    written: dict[int, float] = {}
    took: dict[int, float] = {}
    done = threading.Event()

    def seen(documents: list[Any], *_: object) -> None:
        row = (documents[0].to_dict() or {}).get("c", {}).get("fleet", {}) if documents else {}
        for n, begun in written.items():
            if n < row.get("tasks_created", 0):
                took.setdefault(n, time.perf_counter() - begun)
        if len(took) == ROLLUPS:
            done.set()

    watch = db.document("fleets", fleet, "rollups", "total_all").on_snapshot(seen)
    for n in range(ROLLUPS):
        written[n] = time.perf_counter()
        db.document("fleets", fleet, "tasks", f"t-{n}").set({"status": "active"})
        time.sleep(EVERY_S)
    done.wait(60)
    watch.unsubscribe()
    return list(took.values())


def _p50_p95(took: list[float]) -> tuple[float, float]:
    return statistics.median(took), statistics.quantiles(took, n=20)[18]
