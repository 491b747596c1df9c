"""The agent's side on a real emulator: written once, by whoever, and never lost on the way out."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.cloud import firestore

from tachograph import ClaimLost, Fleet, Usage
from tachograph_schema.documents.session import Session
from tachograph_schema.documents.task import Task
from tachograph_schema.parsing import parse

_HAIKU = {"model": "claude-haiku-4-5", "provider": "anthropic"}


def _task(db: firestore.Client, fleet: str, task: str) -> dict[str, Any]:
    return db.document("fleets", fleet, "tasks", task).get().to_dict() or {}


def test_every_document_the_sdk_writes_parses_without_a_problem(
    db: firestore.Client, fleet_name: str
) -> None:
    with (
        Fleet(fleet_name) as fleet,
        fleet.session("b-1", role="builder", context_window=200_000, **_HAIKU) as session,
    ):
        fleet.create_task("t-1", task_type="build", title="A", labels={"team": "core"})
        fleet.flush()
        with session.claim("t-1") as task:
            task.record(Usage(tokens_in=10, cache_read_tokens=50_000), duration_ms=900, **_HAIKU)
            task.tool("grep", errors=1, duration_ms=30)
            task.add(steps=2)
            task.complete()
    for collection, model in (("tasks", Task), ("sessions", Session)):
        [found] = db.collection("fleets", fleet_name, collection).stream()
        document, problems = parse(model, found.to_dict() or {})
        assert problems == ()
        assert set(found.to_dict() or {}) <= set(type(document).model_fields)
    task_now = _task(db, fleet_name, "t-1")
    assert task_now["status"] == "completed"
    assert task_now["tools"] == {"grep": {"calls": 1, "errors": 1, "duration_ms": 30}}
    assert task_now["cost_nanousd"] == 10 * 1000 + 50_000 * 100


def test_rotated_session_flushes_its_last_tokens_without_overwriting_its_successors(
    db: firestore.Client, fleet_name: str
) -> None:
    with Fleet(fleet_name, flush_interval_s=60) as fleet:
        first, second = (fleet.session(f"b-{n}") for n in (1, 2))
        mine = first.task("t-1")
        mine.record(Usage(tokens_in=1))
        mine.flush()
        mine.record(Usage(tokens_in=10))  # not written yet when it is told to rotate
        first.hand_off(journal="gs://notes/1")
        theirs = second.task("t-1")
        theirs.record(Usage(tokens_in=100))
        theirs.flush()
        mine.flush()
        theirs.record(Usage(tokens_in=1000))
        theirs.complete()
    task = _task(db, fleet_name, "t-1")
    assert task["tokens_in"] == 1111
    assert task["llm_calls"] == 4
    assert task["session_id"] == second.id
    assert task["status"] == "completed"


def test_late_word_of_a_session_that_was_relieved_does_not_reopen_the_task(
    db: firestore.Client, fleet_name: str
) -> None:
    with Fleet(fleet_name, flush_interval_s=60) as fleet:
        first, second = (fleet.session(f"b-{n}") for n in (1, 2))
        late = first.task("t-1")
        late.flush()
        late.record(Usage(tokens_in=1))
        late.wait()
        done = second.task("t-1")
        done.complete()
        done.flush()
        late.flush()
    task = _task(db, fleet_name, "t-1")
    assert (task["status"], task["session_id"]) == ("completed", second.id)
    assert task["tokens_in"] == 1


def test_task_taken_up_again_by_its_session_goes_on_where_it_was(
    db: firestore.Client, fleet_name: str
) -> None:
    with Fleet(fleet_name) as fleet:
        session = fleet.session("b-1")
        for _ in range(3):
            with session.task("t-1") as task:
                task.record(Usage(tokens_in=1))
    assert _task(db, fleet_name, "t-1")["tokens_in"] == 3


def test_many_writers_of_one_task_add_up(db: firestore.Client, fleet_name: str) -> None:
    def work(n: int) -> None:
        with Fleet(fleet_name) as fleet, fleet.session(f"b-{n}") as session:
            task = session.task("t-1")
            for _ in range(5):
                task.record(Usage(tokens_out=1))
                task.flush()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert _task(db, fleet_name, "t-1")["tokens_out"] == 20


def test_one_of_many_contenders_claims_a_task_and_every_other_collides(
    db: firestore.Client, fleet_name: str
) -> None:
    def contend(n: int) -> bool:
        session = fleet.session(f"b-{n}", session_id=f"s-{n}")
        try:
            session.claim("t-1")
        except ClaimLost as lost:
            return lost.agent == f"b-{n}"
        return True

    with Fleet(fleet_name) as fleet:
        fleet.create_task("t-1")
        fleet.flush()
        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(contend, range(6))) == 1
    incidents = db.collection("fleets", fleet_name, "incidents").stream()
    assert [incident.get("kind") for incident in incidents] == ["claim_collision"] * 5


def test_claim_of_a_task_that_is_not_there_says_so(db: firestore.Client, fleet_name: str) -> None:  # noqa: ARG001 - sets the environment
    with (
        Fleet(fleet_name) as fleet,
        pytest.raises(LookupError, match=r"fleets/.+/tasks/t-9 does not exist; expected a task"),
    ):
        fleet.session("b-1").claim("t-9")


def test_exception_that_leaves_the_block_fails_the_task(
    db: firestore.Client, fleet_name: str
) -> None:
    with (
        Fleet(fleet_name) as fleet,
        fleet.session("b-1") as session,
        pytest.raises(ZeroDivisionError),
        session.task("t-1"),
    ):
        _ = 1 / 0
    task = _task(db, fleet_name, "t-1")
    assert (task["status"], task["error_type"]) == ("failed", "ZeroDivisionError")


def test_usage_of_two_hours_is_written_twice_so_that_each_hour_has_its_own(
    db: firestore.Client,  # noqa: ARG001 - sets the environment
    fleet_name: str,
) -> None:
    noon = datetime(2026, 3, 1, 12, 59, tzinfo=UTC)
    seen: list[tuple[int, datetime]] = []
    with Fleet(fleet_name, flush_interval_s=60) as fleet:
        task = fleet.session("b-1", at=noon).task("t-1", at=noon)

        class Observer:
            def wrote(self, path: str, update_time: Any, fields: Mapping[str, Any]) -> None:  # noqa: ANN401
                del path, update_time
                seen.append((fields.get("tokens_in", 0), fields["reported_at"]))

        task._work.document._observer = Observer()
        for minutes in (0, 0, 2):
            task.record(Usage(tokens_in=5), at=noon + timedelta(minutes=minutes))
        task.flush()
    assert seen == [(10, noon), (15, noon + timedelta(minutes=2))]


def test_async_agents_use_the_same_blocks(db: firestore.Client, fleet_name: str) -> None:
    async def work(fleet: Fleet, n: int) -> None:
        async with (
            fleet.session(f"b-{n}") as session,
            await session.claim_async(f"t-{n}") as task,
        ):
            await asyncio.sleep(0)
            task.record(Usage(tokens_in=n + 1), **_HAIKU)
            task.complete()

    async def main() -> None:
        async with Fleet(fleet_name) as fleet:
            for n in range(5):
                fleet.create_task(f"t-{n}")
            await asyncio.to_thread(fleet.flush)
            await asyncio.gather(*(work(fleet, n) for n in range(5)))

    asyncio.run(main())
    tokens = [_task(db, fleet_name, f"t-{n}")["tokens_in"] for n in range(5)]
    assert tokens == [1, 2, 3, 4, 5]


def test_session_has_the_fill_and_the_cost_of_a_call_that_is_read_while_the_fleet_closes(
    db: firestore.Client, fleet_name: str
) -> None:
    fleet = Fleet(fleet_name, client=db, flush_interval_s=3600)
    session = fleet.session("b-1")
    task = session.task("t-1")
    assert fleet.flush(60)
    session.update(task_id="t-1")  # so that the session is written before the task
    with task.llm_call() as call:
        call.record({"model": "claude-opus-4-6", "usage": {"input_tokens": 9, "output_tokens": 1}})
    fleet.close()
    fields = db.document(f"fleets/{fleet_name}/sessions/{session.id}").get().to_dict() or {}
    cost = _task(db, fleet_name, "t-1")["cost_nanousd"]
    assert (fields["context_used_tokens"], fields["cost_nanousd"]) == (9, cost)


_AGENT = """
import sys, time
from tachograph import Fleet, Usage
task = Fleet(sys.argv[1], flush_interval_s=60).session("b-1").task("t-1")
for _ in range(7):
    task.record(Usage(tokens_in=3))
print("recorded", flush=True)
if sys.argv[2] == "sleeps":
    time.sleep(60)
"""


@pytest.mark.parametrize("leaves", ["returns", "sleeps"])
def test_process_that_ends_or_is_told_to_flushes_what_it_has(
    db: firestore.Client, firestore_host: str, fleet_name: str, leaves: str
) -> None:
    environment = {**os.environ, "FIRESTORE_EMULATOR_HOST": firestore_host}
    with subprocess.Popen(
        [sys.executable, "-c", _AGENT, fleet_name, leaves],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == b"recorded\n"
            if leaves == "sleeps":
                process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
        finally:
            process.kill()  # a test that fails leaves no process
    assert _task(db, fleet_name, "t-1")["tokens_in"] == 21


def test_unreachable_firestore_is_a_warning_and_not_an_exception(
    db: firestore.Client, fleet_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    class _Away(firestore.Client):
        away = True

        def document(self, *path: str) -> firestore.DocumentReference:
            if self.away:
                from google.api_core.exceptions import ServiceUnavailable  # noqa: PLC0415

                raise ServiceUnavailable("the network is down")
            return super().document(*path)

    client = _Away(project=db.project, credentials=db._credentials)
    fleet = Fleet(fleet_name, client=client, flush_interval_s=0.01)
    task = fleet.session("b-1").task("t-1")
    task.record(Usage(tokens_in=5))
    while "is not written yet" not in caplog.text:  # however slow the machine is
        assert not fleet.flush(timeout_s=0.1)
    assert "is not written yet: 503 the network is down" in caplog.text
    client.away = False
    assert fleet.flush(timeout_s=60)
    assert _task(db, fleet_name, "t-1")["tokens_in"] == 5
    fleet.close()
