"""The SDK's spans in the fleet's `traces/`: the kept tasks, and replays."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.cloud import firestore

from tachograph import Fleet, Usage
from tachograph.tracing.settings import Tracing
from tachograph_schema.paths import baseline_id
from tachograph_schema.tracing.batch import TraceBatch
from tachograph_schema.tracing.spans import read_traceparent

_HAIKU = {"model": "claude-haiku-4-5", "provider": "anthropic"}
_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _batches(db: firestore.Client, fleet: str) -> list[TraceBatch]:
    """Return the batches of all traces of a fleet, by the tasks' own traceparents."""
    tasks = db.collection("fleets", fleet, "tasks").stream()
    places = [read_traceparent((task.to_dict() or {}).get("traceparent")) for task in tasks]
    return [
        TraceBatch.model_validate(batch.to_dict())
        for trace_id in sorted({place.trace_id for place in places if place is not None})
        for batch in db.collection(f"fleets/{fleet}/traces/{trace_id}/batches").stream()
    ]


def test_tail_keeps_what_failed_took_long_or_cost_much_by_the_types_baseline(
    db: firestore.Client, fleet_name: str
) -> None:
    db.document("fleets", fleet_name).set({"tracing": {"keep_pct": 0}})
    name = baseline_id("build", "claude-haiku-4-5")
    quantiles = {"duration_ms": {"n": 9, "p99": 60_000}, "cost_nanousd": {"n": 9, "p50": 1_000_000}}
    db.document("fleets", fleet_name, "baselines", name).set({"quantiles": quantiles})

    with (
        Fleet(fleet_name, tracing="batches") as fleet,
        fleet.session("b-1", at=_AT, **_HAIKU) as session,
    ):
        for task_id, tokens_in, took_s, error in (
            ("ordinary", 1_000, 5, None),
            ("failed", 1_000, 5, "timeout"),
            ("slow", 1_000, 61, None),
            ("costly", 3_001, 5, None),
        ):
            task = session.task(task_id, task_type="build", at=_AT)
            over = _AT + timedelta(seconds=took_s)
            task.record(Usage(tokens_in=tokens_in), at=over, **_HAIKU)
            if error is None:
                task.complete(at=over)
            else:
                task.fail(error, at=over)
    kept = {batch.task_id[0]: batch.kept for batch in _batches(db, fleet_name)}
    assert kept == {"failed": "error", "slow": "slow", "costly": "costly"}


def test_head_takes_in_later_what_fails_and_what_was_tried_before(
    db: firestore.Client, fleet_name: str
) -> None:
    db.document("fleets", fleet_name).set({"tracing": {"sample": "head", "head_pct": 0}})
    with Fleet(fleet_name, tracing="batches") as fleet:
        session = fleet.session("b-1")
        session.task("ordinary").complete()
        session.task("failed").fail("timeout")
        session.task("again", attempt=2).complete()
    kept = {batch.task_id[0]: batch.kept for batch in _batches(db, fleet_name)}
    assert kept == {"failed": "error", "again": "retry"}


def test_task_with_more_spans_than_fit_into_memory_is_traced_as_far_as_they_do(
    db: firestore.Client, fleet_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tachograph.tracing.pipeline.MAX_HELD", 60)
    with Fleet(fleet_name, tracing=Tracing(batches=True, keep_pct=100.0)) as fleet:
        session = fleet.session("b-1")
        held: list[Any] = [session.task(f"open-{n}") for n in range(3)]
        for task in held:
            for _ in range(30):
                task._work.trace.begin("waits", {}, time.time_ns())
        assert held[0]._work.trace.begin("one more", {}, time.time_ns()) is None
        for task in held:
            task.complete()
    assert sum(len(batch.span_id) for batch in _batches(db, fleet_name)) == 60 + 3


def test_recording_that_is_told_twice_is_the_same_trace(
    db: firestore.Client, fleet_name: str
) -> None:
    def tell() -> list[TraceBatch]:
        tracing = Tracing(batches=True, keep_pct=100.0)
        with Fleet(fleet_name, tracing=tracing) as fleet:
            session = fleet.session("b-1", session_id="s-1", at=_AT, replayed=True, **_HAIKU)
            turn = session.task("s-1.p1", at=_AT)
            turn.record(Usage(tokens_in=5), at=_AT + timedelta(seconds=4), **_HAIKU)
            turn.tool("grep", at=_AT + timedelta(seconds=6), duration_ms=500)
            nested = session.task("s-1.p1.a1", at=_AT, parent_task_id="s-1.p1")
            nested.complete(at=_AT + timedelta(seconds=5))
            turn.complete(at=_AT + timedelta(seconds=7))
        return _batches(db, fleet_name)

    first, again = tell(), tell()
    assert sorted(map(str, first)) == sorted(map(str, again))
    spans = {
        name: span for batch in first for name, span in zip(batch.name, batch.span_id, strict=True)
    }
    [turn] = [batch for batch in first if "s-1.p1" in batch.task_id]
    [nested] = [batch for batch in first if "s-1.p1.a1" in batch.task_id]
    assert turn.name == ["tachograph.task", "chat claude-haiku-4-5", "execute_tool grep"]
    assert turn.start_us == [0, 0, 5_500_000]
    assert turn.duration_us == [7_000_000, 4_000_000, 500_000]
    assert nested.parents == {"0": turn.span_id[0]}
    assert len(spans) == 3
