"""The functions' spans over the wire: in the trace of the document, and never in the way."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.cloud import firestore

from support.fakes.trace_server import CloudTrace, Mode, attributes, cloud_trace, collector
from support.places import FUNCTIONS
from support.recount import published
from support.wire.events import Served, Write, history, serve

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"
_TASK = {"status": "completed", "model": "claude-opus-4-6", "cost_usd": 0.36, "task_type": "build"}
_EVENTS = 20


def _tracing(server: CloudTrace, **settings: str) -> dict[str, str]:
    return {
        "TACHOGRAPH_TRACING": "cloud",
        "TACHOGRAPH_TRACE_ENDPOINT": server.address,
        "TACHOGRAPH_TRACE_KEEP_PCT": "100",
        **settings,
    }


def _writes(fleet: str, n: int = _EVENTS) -> list[Write]:
    return [
        history(f"fleets/{fleet}/tasks/t-{i}", [{**_TASK, "traceparent": TRACEPARENT}])[0]
        for i in range(n)
    ]


def _completed(db: firestore.Client, fleet: str) -> int:
    return published(db, fleet)["total_all"]["fleet"]["tasks_completed"]


def test_event_is_a_span_in_its_documents_trace_with_a_child_for_each_part(
    db: firestore.Client, fleet_name: str, firestore_host: str
) -> None:
    with cloud_trace() as server, serve("roll_up", firestore_host, **_tracing(server)) as roll_up:
        assert roll_up.deliver(_writes(fleet_name, 1)[0]) == 200
        found = server.wait_for("tachograph.roll_up")
    root = found["tachograph.roll_up"]
    assert root.name.startswith(f"projects/demo-tachograph/traces/{TRACE}/spans/")
    assert root.parent_span_id == "b7ad6b7169203331"
    assert attributes(root)["tachograph.task.id"] == "t-0"
    assert attributes(root)["tachograph.path"] == f"fleets/{fleet_name}/tasks/t-0"
    for part in ("decode", "decide", "commit"):
        child = found[f"tachograph.{part}"]
        assert child.parent_span_id == root.span_id
        assert child.name.split("/")[3] == TRACE
    assert _completed(db, fleet_name) == 1


def test_tick_of_a_write_shows_where_its_time_went(
    db: firestore.Client,  # noqa: ARG001 - sets the environment
    fleet_name: str,
    firestore_host: str,
) -> None:
    with cloud_trace() as server:
        ticking = _tracing(server, TACHOGRAPH_TICK_ON_WRITE="true")
        with serve("roll_up", firestore_host, **ticking) as roll_up:
            roll_up.deliver(_writes(fleet_name, 1)[0])
            found = server.wait_for("tachograph.tick", "tachograph.snapshot")
    tick = found["tachograph.tick"]
    for part in ("publish", "publish_trees", "snapshot"):
        assert found[f"tachograph.{part}"].parent_span_id == tick.span_id


@pytest.mark.parametrize("mode", ["refuse", "hang"])
def test_backend_that_fails_or_hangs_is_asked_once_and_costs_no_event(
    db: firestore.Client, fleet_name: str, firestore_host: str, mode: Mode
) -> None:
    with cloud_trace(mode) as server:
        brief = _tracing(server, TACHOGRAPH_TRACE_TIMEOUT_MS="200")
        with serve("roll_up", firestore_host, **brief) as roll_up:
            first, *rest = _writes(fleet_name)
            assert roll_up.deliver(first) == 200
            with ThreadPoolExecutor(4) as pool:
                assert set(pool.map(roll_up.deliver, rest)) == {200}
        assert 1 <= server.calls <= 3  # the second not before 30 s have passed
    assert _completed(db, fleet_name) == _EVENTS


def test_backend_that_is_not_there_costs_no_event(
    db: firestore.Client, fleet_name: str, firestore_host: str
) -> None:
    with cloud_trace() as server:
        gone = _tracing(server)
    with serve("roll_up", firestore_host, **gone) as roll_up:
        assert {roll_up.deliver(write) for write in _writes(fleet_name)} == {200}
    assert _completed(db, fleet_name) == _EVENTS


def test_missing_credentials_turn_tracing_off_and_nothing_else(
    db: firestore.Client, fleet_name: str, firestore_host: str
) -> None:
    lost = {"TACHOGRAPH_TRACING": "cloud", "GOOGLE_APPLICATION_CREDENTIALS": "/nowhere.json"}
    with serve("roll_up", firestore_host, TACHOGRAPH_TRACE_KEEP_PCT="100", **lost) as roll_up:
        assert {roll_up.deliver(write) for write in _writes(fleet_name, 3)} == {200}
    assert _completed(db, fleet_name) == 3


def test_collector_that_the_environment_names_gets_the_spans(
    db: firestore.Client, fleet_name: str, firestore_host: str
) -> None:
    with collector() as (address, spans):
        named = {"TACHOGRAPH_TRACING": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": address}
        with serve("roll_up", firestore_host, TACHOGRAPH_TRACE_KEEP_PCT="100", **named) as roll_up:
            assert roll_up.deliver(_writes(fleet_name, 1)[0]) == 200
        [root] = [span for span in spans if span.name == "tachograph.roll_up"]
        assert root.trace_id.hex() == TRACE
    assert _completed(db, fleet_name) == 1


def test_event_of_a_trace_that_was_not_sampled_is_not_exported(
    db: firestore.Client, fleet_name: str, firestore_host: str
) -> None:
    unsampled = {**_TASK, "traceparent": TRACEPARENT[:-1] + "0"}
    [write] = history(f"fleets/{fleet_name}/tasks/t-1", [unsampled])
    with cloud_trace() as server:
        with serve("roll_up", firestore_host, **_tracing(server)) as roll_up:
            assert roll_up.deliver(write) == 200
        assert server.calls == 0
    assert _completed(db, fleet_name) == 1


def test_line_of_the_log_carries_the_trace_in_the_field_that_cloud_logging_links_by(
    db: firestore.Client,  # noqa: ARG001 - sets the environment
    fleet_name: str,
    firestore_host: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    poison = {**_TASK, "traceparent": TRACEPARENT, "task_type": "x" * 150, "labels": {"team": "y"}}
    with cloud_trace() as server:
        cloud = _tracing(server, K_SERVICE="roll-up-tasks", TACHOGRAPH_TRACE_KEEP_PCT="1")
        with serve("roll_up", firestore_host, **cloud) as served:
            _log_a_warning(served, fleet_name, poison)
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines() if line[:1] == "{"]
    [warned] = [line for line in lines if line["logger"] == "runtime.policy"]
    assert warned["severity"] == "WARNING"
    assert warned["logging.googleapis.com/trace"] == f"projects/demo-tachograph/traces/{TRACE}"
    assert len(warned["logging.googleapis.com/spanId"]) == 16


def test_function_that_traces_nothing_imports_nothing_of_opentelemetry() -> None:
    program = (
        "import main, sys; from tachograph_schema.tracing.spans import ROLL_UP;"
        "from runtime.tracing import traced;"
        "traced(ROLL_UP)(lambda: None)();"
        "print([m for m in sys.modules if m.startswith('opentelemetry.')])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=FUNCTIONS, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


def _log_a_warning(served: Served, fleet: str, fields: dict[str, object]) -> None:
    client = firestore.Client()
    client.document("fleets", fleet).set({"shard_count": "many"})
    served.deliver(history(f"fleets/{fleet}/tasks/t-1", [fields])[0])
    client.close()
