"""Any documents at all beside honest ones: the honest are counted, and what is let go is named."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from google.cloud import firestore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tick
from support.cli import verified
from support.fleets import hostile
from support.recorded_events import Recorder
from support.recount import rollup
from support.wire.events import Served, serve
from tachograph_cli.local.stack import Stack
from tachograph_schema.paths import bucket_of

_POLICIES = st.sampled_from(
    [
        {},
        {"rotation": "never", "liveness": {"stuck_factor": "x"}, "shard_count": 10**9},
        {
            "label_keys": ["team", "a=b|c:d", 7],
            "tiers": {"a\nb": "x"},
            "context_windows": {"m": -1},
        },
        {"prices": "free", "priorities": "none", "snapshot_days": -5, "ledger_days": 2**40},
    ]
)


@pytest.fixture(scope="module")
def roll_up(emulator: Stack) -> Iterator[Served]:
    with serve("roll_up", emulator.address("firestore")) as served:
        yield served


def _honest(recorder: Recorder) -> None:
    """Write three tasks in a tree of $6, a queued one, and a session at work."""
    now = datetime.now(UTC)
    for n in range(3):
        spent = {"cost_nanousd": (n + 1) * 10**9, "tokens_in": 1000, "model": "claude-opus-4-6"}
        lineage = {"parent_task_id": "h-0", "root_task_id": "h-0", "depth": 1} if n else {}
        done = {"status": "completed", "agent_id": "honest", "created_at": now}
        recorder.write(f"h-{n}", {**done, **lineage, **spent})
    waiting = {"status": "queued", "created_at": now - timedelta(minutes=5)}
    recorder.write("h-queued", {**waiting, "agent_id": "honest"})
    at_work = {"state": "active", "heartbeat_s": 60, "last_seen_at": now, "last_progress_at": now}
    recorder.write("h-session", {**at_work, "agent_id": "honest", "started_at": now}, "sessions")


@pytest.fixture(scope="module")
def signal_rotation(emulator: Stack) -> Iterator[Served]:
    with serve("signal_rotation", emulator.address("firestore")) as served:
        yield served


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(fleet_document=_POLICIES, written=st.lists(hostile.documents(), min_size=1, max_size=12))
def test_honest_documents_are_counted_and_shown_beside_any_others(
    db: firestore.Client,
    roll_up: Served,
    signal_rotation: Served,
    fleet_document: dict[str, Any],
    written: list[hostile.Hostile],
) -> None:
    fleet, began = f"torture-{uuid4().hex[:8]}", datetime.now(UTC)
    db.document("fleets", fleet).set(fleet_document)
    recorder = Recorder(db, fleet)
    _honest(recorder)
    for n, document in enumerate(written):
        recorder.write(f"bad-{n}", document.fields, document.collection)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(roll_up.deliver, recorder.writes)) == {200}
        sessions = [write for write in recorder.writes if "/sessions/" in write.path]
        assert set(pool.map(signal_rotation.deliver, sessions)) == {200}
    assert tick.tick_all(db, [fleet]) == (1, 0)

    row = rollup(db, fleet, f"hour_{began:%Y-%m-%dT%H}")["c"]["agent:honest"]
    assert row["cost_nanousd"] == 6 * 10**9
    assert (row["tasks_created"], row["sessions_started"]) == (4, 1)
    tree = db.document("fleets", fleet, "trees", "h-0").get().to_dict() or {}
    below = [d.fields for d in written if d.collection == "tasks" and d.reaches("h-0")]
    if not below:
        assert tree["total"]["cost_nanousd"] == 6 * 10**9
    live = db.document("fleets", fleet, "live", "now").get().to_dict() or {}
    assert bucket_of(live["at"]) >= bucket_of(began)
    assert live["queue_oldest_age_ms"] >= 300_000
    session = db.document("fleets", fleet, "sessions", "h-session").get().to_dict() or {}
    assert (session["state"], session.get("effective_state")) == ("active", None)
    alerts = [alert.to_dict() for alert in db.collection("fleets", fleet, "alerts").stream()]
    assert alerts == [], "no unit of the tick failed"

    verification = verified(fleet, "--all-ages")
    assert verification["holds"]
    let_go = {
        (found["where"].rpartition("/")[2], found["problem"].partition(" is ")[0].partition(".")[0])
        for found in verification["let_go"]["findings"]
    }
    assert let_go == {(f"bad-{n}", name) for n, d in enumerate(written) for name in d.bad}
