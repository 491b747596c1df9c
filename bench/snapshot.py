"""Billed operations and duration of one snapshot, in fleets of three sizes."""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

sys.path[:0] = [str(Path(__file__).parent.parent / name) for name in ("functions", "tests")]

from google.cloud import firestore  # noqa: E402

from publishing.snapshots import take_snapshot  # noqa: E402
from support.wire.meter import Bill, metered  # noqa: E402 - from the tests
from tachograph_cli.local.stack import Stack  # noqa: E402
from tachograph_schema.counters.scopes import scope  # noqa: E402
from tachograph_schema.documents.session import OPEN_STATES  # noqa: E402 - from the functions' source root
from tachograph_schema.documents.task import UNENDED_STATUSES  # noqa: E402

SIZES = (100, 1_000, 10_000)
RUNS = 5
_MODELS = ("claude-opus-4-6", "claude-sonnet-4-5", "gpt-5.2-codex")
_READ_USD, _WRITE_USD = 0.30e-6, 0.90e-6
"""List prices in us-central1, as in docs/operations.md."""


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield a row for each size of fleet, with as many open tasks as sessions."""
    root = Path(__file__).parent.parent
    with Stack.start(root, only=("firestore",)) as stack, patch.dict(os.environ, stack.env):
        for sessions in SIZES:
            fleet = f"bench-{uuid.uuid4().hex}"
            _fill(fleet, sessions)
            bill, took_ms = _take(stack.address("firestore"), fleet)
            month_usd = (bill.reads * _READ_USD + bill.writes * _WRITE_USD) * 60 * 24 * 30
            counts = f"{bill.reads} reads, {bill.writes} writes, {sum(bill.calls.values())} calls"
            costs = f"{took_ms:.0f} ms; ${month_usd:.2f} a month at one a minute"
            yield (
                f"one snapshot, {sessions:,} sessions",
                f"{counts}, {costs}",
                "32 reads + 1 / 1,000",
            )


def _fill(fleet: str, sessions: int) -> None:
    db = firestore.Client()
    now = datetime.now(UTC)
    document = db.document("fleets", fleet)
    models = {scope("model", model): {"cost_usd": 1.0} for model in _MODELS}
    document.collection("rollups").document(f"hour_{now:%Y-%m-%dT%H}").set(
        {"grain": "hour", "period": f"{now:%Y-%m-%dT%H}", "as_of": now, "c": {}, "ratios": models}
    )
    writer = db.bulk_writer()
    for n in range(sessions):
        session = {
            "agent_id": f"builder-{n}",
            "state": OPEN_STATES[n % len(OPEN_STATES)],
            "context_remaining_pct": n % 101,
            "model": _MODELS[n % len(_MODELS)],
            "last_seen_at": now,
        }
        if n % 50 == 1:
            session["effective_state"] = "stuck"
        task = {
            "status": UNENDED_STATUSES[n % len(UNENDED_STATUSES)],
            "model": _MODELS[n % len(_MODELS)],
            "created_at": now - timedelta(seconds=n),
        }
        writer.set(document.collection("sessions").document(f"s-{n}"), session)
        writer.set(document.collection("tasks").document(f"t-{n}"), task)
    writer.close()
    db.close()


def _take(emulator: str, fleet: str) -> tuple[Bill, float]:
    """Take 5 snapshots; return the bill of the last and the milliseconds of the fastest."""
    with metered(emulator) as meter, patch.dict(os.environ, FIRESTORE_EMULATOR_HOST=meter.address):
        db = firestore.Client()
        took_ms = []
        for n in range(RUNS):
            at = datetime.now(UTC) + timedelta(minutes=n)
            meter.take()
            begun = time.perf_counter()
            take_snapshot(db, fleet, at, at)
            took_ms.append((time.perf_counter() - begun) * 1000)
        bill = meter.bill()
        db.close()
    return bill, min(took_ms)
