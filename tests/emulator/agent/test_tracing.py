"""The SDK's spans: kept where they are worth it, wherever they go, and never in the way."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from google.cloud import firestore
from opentelemetry import trace as api
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from support.fakes.trace_server import CloudTrace, Mode, attributes, cloud_trace, collector
from tachograph import Fleet, Usage, current_traceparent
from tachograph.tracing.settings import Tracing, read_tracing

pytestmark = pytest.mark.filterwarnings(
    "ignore:Deprecated since version 1.4.0:DeprecationWarning"  # Cloud Trace's exporter, inside
)
_HAIKU = {"model": "claude-haiku-4-5", "provider": "anthropic"}
_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _to(server: CloudTrace, **more: Any) -> Tracing:  # noqa: ANN401 - as Tracing
    return Tracing(export="cloud", endpoint=server.address, **{"keep_pct": 100.0, **more})


def test_task_its_calls_and_its_tools_are_spans_by_the_conventions(
    db: firestore.Client,  # noqa: ARG001 - sets the environment
    fleet_name: str,
) -> None:
    usage = Usage(tokens_in=100, cache_read_tokens=900, tokens_out=50)
    with cloud_trace() as server:
        with (
            Fleet(fleet_name, tracing=_to(server)) as fleet,
            fleet.session("b-1", session_id="s-1", role="builder", **_HAIKU) as session,
            session.task("t-1", task_type="build") as task,
        ):
            task.record(usage, duration_ms=900, **_HAIKU)
            with (
                pytest.raises(TimeoutError),
                task.tool_call("mcp__files__read", attributes={"mcp.session.id": "m-1"}),
            ):
                raise TimeoutError
            task.complete()
        found = server.by_name()
    task_span, call = found["tachograph.task"], found["chat claude-haiku-4-5"]
    tool = found["execute_tool mcp__files__read"]
    assert {call.parent_span_id, tool.parent_span_id} == {task_span.span_id}
    said = attributes(call)
    cost = 100 * 1000 + 900 * 100 + 50 * 5000
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.response.model": "claude-haiku-4-5",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.cache_read.input_tokens": 900,
        "gen_ai.usage.output_tokens": 50,
        "tachograph.cost_nanousd": cost,
        "tachograph.task.id": "t-1",
        "openinference.span.kind": "LLM",
    }
    assert expected.items() <= said.items()
    assert attributes(task_span)["tachograph.cost_nanousd"] == cost
    assert attributes(task_span)["tachograph.task.status"] == "completed"
    assert attributes(task_span)["gen_ai.agent.name"] == "b-1"
    assert attributes(tool)["mcp.method.name"] == "tools/call"
    assert attributes(tool)["mcp.session.id"] == "m-1"
    assert attributes(tool)["error.type"] == "TimeoutError"
    assert tool.status.code == 2
    assert call.end_time.ToNanoseconds() - call.start_time.ToNanoseconds() == 900_000_000


def test_response_read_in_the_background_is_on_the_span_of_its_call(
    db: firestore.Client,  # noqa: ARG001 - sets the environment
    fleet_name: str,
) -> None:
    answer = {
        "id": "msg_1",
        "type": "message",
        "model": "claude-haiku-4-5",
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 7, "output_tokens": 3},
    }

    async def work(fleet: Fleet) -> None:
        async with fleet.session("b-1", **_HAIKU) as session, session.task("t-1") as task:
            async with task.llm_call() as call:
                call.record(answer)
                assert current_traceparent() is not None
            task.complete()

    with cloud_trace() as server:
        with Fleet(fleet_name, tracing=_to(server)) as fleet:
            asyncio.run(work(fleet))
        said = attributes(server.by_name()["chat claude-haiku-4-5"])
    assert said["gen_ai.usage.input_tokens"] == 7
    assert said["gen_ai.usage.output_tokens"] == 3
    assert said["tachograph.cost_nanousd"] == 7 * 1000 + 3 * 5000
    assert said["gen_ai.response.finish_reasons"] == "end_turn"


def test_content_stays_where_it_is_unless_the_owner_wants_its_beginning_redacted(
    db: firestore.Client, fleet_name: str
) -> None:
    def work(name: str) -> dict[str, Any]:
        with cloud_trace() as server:
            with (
                Fleet(name, tracing=_to(server)) as fleet,
                fleet.session("b-1", **_HAIKU) as session,
                session.task("t-1") as task,
            ):
                with task.llm_call() as call:
                    call.content("write to ada@example.com " + "x" * 500, "done", ref="gs://c/1")
                with task.tool_call("shell") as tool:
                    tool.content("curl -H 'Authorization: Bearer abcdefghijk'")
            spans = [attributes(span) for span in server.spans]
        return {key: value for span in spans for key, value in span.items()}

    none = work(f"{fleet_name}-none")
    assert not [key for key in none if "messages" in key or "arguments" in key or "content" in key]
    db.document("fleets", f"{fleet_name}-ref").set({"tracing": {"content": "reference"}})
    reference = work(f"{fleet_name}-ref")
    assert reference["tachograph.content.ref"] == "gs://c/1"
    assert "gen_ai.input.messages" not in reference
    db.document("fleets", f"{fleet_name}-span").set({"tracing": {"content": "span"}})
    span = work(f"{fleet_name}-span")
    assert "write to [email]" in span["gen_ai.input.messages"]
    assert "ada@" not in str(span)
    assert 200 < len(span["gen_ai.input.messages"]) < 300
    assert span["gen_ai.tool.call.arguments"] == "curl -H 'Authorization: [token]'"


def test_applications_own_opentelemetry_gets_the_spans_in_its_own_trace(
    db: firestore.Client,  # noqa: ARG001 - sets the environment
    fleet_name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exported = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exported))
    monkeypatch.setattr(api, "get_tracer_provider", lambda: provider)
    mine = provider.get_tracer("the application")
    with (
        Fleet(fleet_name, tracing=None) as fleet,
        mine.start_as_current_span("request"),
    ):
        fleet.create_task("t-2")
        fleet.flush()
        with fleet.session("b-1", **_HAIKU) as session:
            with session.task("t-1") as task, task.tool_call("http"):
                mine.start_span("GET").end()
            with session.claim("t-2") as task:
                task.record(Usage(tokens_in=5), **_HAIKU)
                task.fail("timeout")
    finished: tuple[Any, ...] = exported.get_finished_spans()
    spans = {(span.name, span.attributes.get("tachograph.task.id")): span for span in finished}
    assert len({span.context.trace_id for span in spans.values()}) == 1
    request = spans["request", None].context.span_id

    def parent(*key: Any) -> int:  # noqa: ANN401 - the name and the task of a span
        name, task = key
        return int(spans[name, task].parent.span_id)

    assert parent("tachograph.task", "t-1") == request
    assert parent("execute_tool http", "t-1") == spans["tachograph.task", "t-1"].context.span_id
    assert parent("GET", None) == spans["execute_tool http", "t-1"].context.span_id
    assert parent("tachograph.create_task", "t-2") == request
    assert (
        parent("tachograph.task", "t-2") == spans["tachograph.create_task", "t-2"].context.span_id
    )
    call = spans["chat claude-haiku-4-5", "t-2"]
    assert call.attributes["tachograph.cost_nanousd"] == 5_000
    assert spans["tachograph.task", "t-2"].status.description == "timeout"
    provider.shutdown()


def test_collector_gets_the_spans_where_the_environment_names_one(
    db: firestore.Client,  # noqa: ARG001 - sets the environment
    fleet_name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with collector() as (address, spans):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        tracing = Tracing(export="otlp", keep_pct=100.0)
        with Fleet(fleet_name, tracing=tracing) as fleet:
            fleet.session("b-1").task("t-1").complete()
        assert [span.name for span in spans] == ["tachograph.task"]


@pytest.mark.parametrize("mode", ["refuse", "hang"])
def test_backend_that_fails_costs_neither_the_task_nor_more_than_one_try(
    db: firestore.Client,
    fleet_name: str,
    mode: Mode,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with cloud_trace(mode) as server:
        with Fleet(fleet_name, tracing=_to(server)) as fleet:
            session = fleet.session("b-1")
            for n in range(20):
                session.task(f"t-{n}").complete()
        assert 1 <= server.calls <= 3  # the second not before 30 s have passed
    tasks = db.collection("fleets", fleet_name, "tasks").stream()
    assert [(task.to_dict() or {})["status"] for task in tasks] == ["completed"] * 20
    assert "Cloud Trace did not take 1 spans" in caplog.text


def test_sdk_that_traces_nothing_imports_nothing_of_opentelemetry(firestore_host: str) -> None:
    assert firestore_host
    program = (
        "import sys; from tachograph import Fleet\n"
        "with Fleet('f') as fleet, fleet.session('b-1') as session:\n"
        "    session.task('t-1').complete()\n"
        "print([m for m in sys.modules if m.startswith('opentelemetry.')], "
        "'tachograph.tracing.tracer' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[] False"


@pytest.mark.parametrize("text", ["on", "cloud,otlp", "cloud;batches"])
def test_word_that_names_no_way_out_is_refused_with_those_that_do(text: str) -> None:
    with pytest.raises(ValueError, match=r"TACHOGRAPH_TRACING is .*; expected off, or any of app"):
        read_tracing(None, {"TACHOGRAPH_TRACING": text})
