"""The handoff time: from a session's journal to the first progress of a successor process."""

from __future__ import annotations

import os
import statistics
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from google.cloud import firestore

from tachograph import Fleet, Usage
from tachograph_cli.local.stack import Stack

HAND_OVERS = 20
WAIT_S = 120.0
ROOT = Path(__file__).parent.parent
MODEL = {"model": "claude-haiku-4-5", "provider": "anthropic"}


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield percentiles of the handoff time, and of the time from signal to completed rotation."""
    with Stack.start(ROOT) as stack, patch.dict(os.environ, stack.env):
        db = firestore.Client()
        name = f"bench-{uuid.uuid4().hex}"
        command = [sys.executable, str(ROOT / "examples/successor.py")]
        db.document("fleets", name).set({"rotation": {"local_command": command}})
        with Fleet(name, client=db, flush_interval_s=0.1) as fleet:
            signals = [_handed_over(db, fleet, n) for n in range(HAND_OVERS)]
    handoffs_s = [signal["handoff_ms"] / 1000 for signal in signals]
    whole_s = [(s["completed_at"] - s["created_at"]).total_seconds() for s in signals]
    for what, took_s, bound in (
        ("handoff time: journal to the successor's first progress", handoffs_s, "45 s"),
        ("signal raised to the rotation completed", whole_s, ""),
    ):
        p50, p95 = statistics.median(took_s), statistics.quantiles(took_s, n=20)[18]
        yield what, f"p50 {p50:.1f} s, p95 {p95:.1f} s", bound


def _handed_over(db: firestore.Client, fleet: Fleet, n: int) -> dict[str, Any]:
    """Let a session run low and hand over; return its signal once the rotation is completed."""
    session = fleet.session(f"b-{n}", session_id=f"s-{n}", context_window=200_000, **MODEL)
    session.task(f"t-{n}").record(Usage(tokens_in=140_000), **MODEL)
    if not session.wait_for_signal(WAIT_S):
        raise TimeoutError(f"sessions/s-{n} was told nothing in {WAIT_S:.0f} s")
    session.hand_off(journal=f"notes/s-{n}.md")
    done = threading.Event()
    seen: dict[str, Any] = {}

    def look(documents: list[Any], *_: object) -> None:
        seen.update(documents[0].to_dict() or {})
        if "completed_at" in seen:
            done.set()

    signal = db.document("fleets", fleet.name, "signals", f"rotate_s-{n}_0")
    watch = signal.on_snapshot(look)
    try:
        if not done.wait(WAIT_S):
            raise TimeoutError(f"{signal.path} is {seen.get('status')} after {WAIT_S:.0f} s")
    finally:
        watch.unsubscribe()
    return seen
