"""One trace over the wire: orchestrator, subtask, function, signal, hand-over, successor."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.cloud import firestore

from support.fakes.trace_server import CloudTrace, attributes, cloud_trace
from support.wire.events import Version, Write, serve
from tachograph import Fleet, Usage
from tachograph.tracing.settings import Tracing
from tachograph_cli.replay.driver import Settings, replay
from tachograph_cli.replay.transcripts import folder
from tachograph_schema.tracing.batch import TraceBatch
from tachograph_schema.tracing.spans import read_traceparent

pytestmark = pytest.mark.filterwarnings(
    "ignore:Deprecated since version 1.4.0:DeprecationWarning"  # Cloud Trace's exporter, inside
)
_HAIKU = {"model": "claude-haiku-4-5", "provider": "anthropic"}
_SUCCESSOR = """
from tachograph import Fleet, Usage
import os
with Fleet(os.environ["TACHOGRAPH_FLEET"]) as fleet:
    with fleet.session("builder-1", model="claude-haiku-4-5", provider="anthropic") as session:
        with session.take_over() as task:
            with task.tool_call("pytest"):
                pass
            task.record(Usage(tokens_in=5_000), model="claude-haiku-4-5", provider="anthropic")
            task.complete()
"""


def _write(db: firestore.Client, path: str) -> Write:
    """Return the write that made a document what it is now, as Eventarc would deliver it."""
    found = db.document(path).get()
    assert found.exists, path
    now = datetime.fromtimestamp(found.update_time.timestamp(), UTC)
    return Write(path, None, Version(found.to_dict() or {}, now, now))


def _trace_id(span: Any) -> str:  # noqa: ANN401 - carries no types
    return str(span.name.split("/")[3])


def _of(server: CloudTrace, name: str, **wanted: str) -> Any:  # noqa: ANN401 - carries no types
    """Return the one span of a name that has these attributes."""
    found = [
        span
        for span in server.spans
        if span.display_name.value == name and wanted.items() <= attributes(span).items()
    ]
    assert len(found) == 1, [(span.display_name.value, attributes(span)) for span in server.spans]
    return found[0]


@pytest.fixture
def tracing(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """Give the variables that have everything traced, set for this process too."""
    variables = {"TACHOGRAPH_TRACING": "cloud,batches", "TACHOGRAPH_TRACE_KEEP_PCT": "100"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


def test_orchestrator_subtask_function_signal_hand_over_and_successor_are_one_trace(
    db: firestore.Client,
    fleet_name: str,
    firestore_host: str,
    tracing: Mapping[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    successor = tmp_path / "successor.py"
    successor.write_text(_SUCCESSOR)
    db.document("fleets", fleet_name).set(
        {
            "rotation": {"local_command": [sys.executable, str(successor)]},
            "tracing": {"keep_pct": 100},
        }
    )
    at = f"fleets/{fleet_name}"
    with ExitStack() as opened:
        server = opened.enter_context(cloud_trace())
        monkeypatch.setenv("TACHOGRAPH_TRACE_ENDPOINT", server.address)
        served = {
            name: opened.enter_context(serve(name, firestore_host, **tracing))
            for name in ("roll_up", "signal_rotation", "hand_over")
        }
        with Fleet(fleet_name, flush_interval_s=0.05) as fleet:
            lead = fleet.session("lead-1", role="orchestrator", **_HAIKU)
            with lead.task("plan") as plan:
                fleet.create_task("build", task_type="build", parent_task_id="plan")
                plan.complete()
            fleet.flush()
            worker = fleet.session("builder-1", session_id="s-1", context_window=200_000, **_HAIKU)
            with worker.claim("build") as task:
                task.record(Usage(tokens_in=150_000), duration_ms=900, **_HAIKU)
                fleet.flush()
                assert served["roll_up"].deliver(_write(db, f"{at}/tasks/build")) == 200
                assert not worker.should_rotate
                assert served["signal_rotation"].deliver(_write(db, f"{at}/sessions/s-1")) == 200
                assert worker.wait_for_signal(60)
                worker.hand_off(journal="gs://notes/1")
            fleet.flush()
            [signal] = db.collection(f"{at}/signals").get()
            assert served["hand_over"].deliver(_write(db, f"{at}/signals/{signal.id}")) == 200
            server.wait_for("execute_tool pytest", "tachograph.hand_over")
    orchestrator = _of(server, "tachograph.task", **{"tachograph.task.id": "plan"})
    queued = _of(server, "tachograph.create_task")
    subtask = _of(server, "tachograph.task", **{"tachograph.session.id": "s-1"})
    counted = _of(server, "tachograph.roll_up")
    raised = _of(server, "tachograph.signal_rotation")
    handed = _of(server, "tachograph.hand_over")
    went_on = _of(server, "tachograph.task", **{"session.previous_id": "s-1"})
    assert {_trace_id(span) for span in server.spans} == {_trace_id(orchestrator)}
    # Each below the one before it, wherever that ran:
    assert queued.parent_span_id == orchestrator.span_id
    assert subtask.parent_span_id == queued.span_id
    assert counted.parent_span_id == queued.span_id
    assert raised.parent_span_id == subtask.span_id
    assert handed.parent_span_id == raised.span_id
    assert went_on.parent_span_id == handed.span_id
    [link] = went_on.links.link
    assert (link.trace_id, link.span_id) == (_trace_id(subtask), subtask.span_id)
    assert attributes(went_on)["tachograph.task.id"] == "build"
    assert attributes(subtask)["tachograph.task.status"] == "rotated"
    assert os.environ["TACHOGRAPH_TRACING"] == "cloud,batches"
    batches = db.collection(f"{at}/traces/{_trace_id(orchestrator)}/batches").get()
    told = [name for batch in batches for name in batch.get("name")]
    assert sorted(told) == [
        "chat claude-haiku-4-5",
        "chat claude-haiku-4-5",
        "execute_tool pytest",
        "tachograph.create_task",
        "tachograph.task",
        "tachograph.task",
        "tachograph.task",
    ]


def test_waterfalls_of_a_recording_add_up_to_what_its_tasks_used(
    db: firestore.Client, fleet_name: str, shared: Path
) -> None:
    recordings = (shared / "data/claude-code/dev").rglob("*.jsonl")
    recording = max(recordings, key=lambda path: path.stat().st_size)
    with Fleet(fleet_name, tracing=Tracing(batches=True, keep_pct=100.0)) as fleet:
        replay(fleet, folder.find(recording), Settings())
    found_tasks = db.collection(f"fleets/{fleet_name}/tasks").get()
    tasks = {task.id: task.to_dict() or {} for task in found_tasks}
    used = dict.fromkeys(tasks, (0, 0, 0))
    for task in tasks.values():
        place = read_traceparent(task["traceparent"])
        assert place is not None
        for found in db.collection(f"fleets/{fleet_name}/traces/{place.trace_id}/batches").get():
            batch = TraceBatch.model_validate(found.to_dict())
            columns = (batch.tokens_in, batch.tokens_out, batch.cost_nanousd)
            tokens_in, tokens_out, cost = map(sum, columns)
            used[batch.task_id[0]] = tokens_in, tokens_out, cost
    prompt = ("tokens_in", "cache_read_tokens", "cache_write_tokens")
    assert used == {
        name: (
            sum(task.get(bucket, 0) for bucket in prompt),
            task.get("tokens_out", 0),
            task.get("cost_nanousd", 0),
        )
        for name, task in tasks.items()
    }
    assert len(tasks) > 1
