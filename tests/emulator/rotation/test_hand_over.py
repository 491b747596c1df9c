"""hand_over over the wire: at least one successor is started, and at most one comes to be."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.cloud import firestore

from rotation.lifecycle import settle
from support.fakes.jobs_server import JOB, JobsServer, jobs_server
from support.wire.events import Served, Version, Write, serve
from tachograph import SuccessionTaken
from tachograph.rotation.succession import Inherited, succeed
from tachograph_cli.local.stack import Stack

_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def jobs() -> Iterator[JobsServer]:
    with jobs_server() as jobs:
        yield jobs


@pytest.fixture(autouse=True)
def fresh(jobs: JobsServer) -> None:
    jobs.asked.clear()
    jobs.answers.clear()
    jobs.release.clear()


@pytest.fixture(scope="module")
def hand_over(emulator: Stack, jobs: JobsServer) -> Iterator[Served]:
    settings = {"TACHOGRAPH_RUN_ENDPOINT": jobs.address, "TACHOGRAPH_RETRY_SECONDS": "2"}
    with serve("hand_over", emulator.address("firestore"), **settings) as served:
        yield served


class Rotating:
    """A fleet with one signal, and the events that its writes make."""

    def __init__(self, db: firestore.Client, fleet: str, **policy: object) -> None:
        self.db, self.fleet = db, fleet
        db.document("fleets", fleet).set({"rotation": {"job": JOB, **policy}})
        self.ref = db.document("fleets", fleet, "signals", "rotate_s-1_0")
        self.session = db.document("fleets", fleet, "sessions", "s-1")
        self.session.set({"agent_id": "b-1", "generation": 0, "traceparent": "00-a-b-01"})
        self.ref.set(
            {
                "kind": "rotate",
                "status": "pending",
                "session_id": "s-1",
                "agent_id": "b-1",
                "task_id": "t-1",
                "traceparent": "00-a-b-01",
                "created_at": firestore.SERVER_TIMESTAMP,
            }
        )

    def step(self, status: str, **fields: object) -> Write:
        """Take a step; return the event of it."""
        self.ref.update({"status": status, f"{status}_at": firestore.SERVER_TIMESTAMP, **fields})
        return self.event()

    def event(self) -> Write:
        """Return the event of the signal's latest write."""
        found = self.ref.get()
        at = datetime.fromtimestamp(found.update_time.timestamp(), UTC)
        return Write(f"fleets/{self.fleet}/signals/{self.ref.id}", None, Version(self.now(), at))

    def now(self) -> dict[str, Any]:
        """Return the signal as it stands."""
        return self.ref.get().to_dict() or {}

    def alerts(self) -> dict[str, dict[str, Any]]:
        """Return the fleet's alerts."""
        found = self.db.collection("fleets", self.fleet, "alerts").stream()
        return {alert.id: alert.to_dict() or {} for alert in found}

    def lease_runs_out(self) -> None:
        """Let the time pass that a start has."""
        self.ref.update({"lease_until": _LONG_AGO})


def test_tick_asks_for_a_successor_whose_event_was_lost_and_starts_none_itself(
    db: firestore.Client, fleet_name: str, hand_over: Served, jobs: JobsServer
) -> None:
    rotating = Rotating(db, fleet_name)
    rotating.step("journaled")
    settle(db, fleet_name, rotating.ref)
    assert jobs.asked == [], "one account alone may run the job: hand_over's"
    assert hand_over.deliver(rotating.event()) == 200
    assert [request.name for request in jobs.asked] == [JOB]


@pytest.mark.parametrize("seed", range(3))
def test_journaled_signal_starts_one_job_however_its_events_come(
    db: firestore.Client, fleet_name: str, hand_over: Served, jobs: JobsServer, seed: int
) -> None:
    rotating = Rotating(db, fleet_name)
    writes = [rotating.event(), rotating.step("acknowledged")]
    writes.append(rotating.step("journaled", journal_ref="gs://notes/s-1.md"))
    deliveries = writes * 3
    random.Random(seed).shuffle(deliveries)  # noqa: S311 - an order, not a secret
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(hand_over.deliver, deliveries)) == {200}
    hand_over.deliver(rotating.event())  # its own write comes back to it
    assert [request.name for request in jobs.asked] == [JOB]
    assert jobs.environments == [
        {
            "TACHOGRAPH_FLEET": fleet_name,
            "TACHOGRAPH_SIGNAL": "rotate_s-1_0",
            "TACHOGRAPH_PREDECESSOR": "s-1",
            "TACHOGRAPH_AGENT": "b-1",
            "TACHOGRAPH_TASK": "t-1",
            "TACHOGRAPH_JOURNAL": "gs://notes/s-1.md",
            "TRACEPARENT": "00-a-b-01",
        }
    ]
    signal = rotating.now()
    assert (signal["status"], signal["starts"]) == ("handed_off", 1)
    assert signal["execution"] == f"{JOB}/executions/e-1"


def test_nothing_is_started_before_the_journal_or_where_no_successor_is_named(
    db: firestore.Client, fleet_name: str, hand_over: Served, jobs: JobsServer
) -> None:
    rotating = Rotating(db, fleet_name)
    assert hand_over.deliver(rotating.event()) == 200
    assert hand_over.deliver(rotating.step("acknowledged")) == 200
    unnamed = Rotating(db, f"{fleet_name}-2", job=None)
    assert hand_over.deliver(unnamed.step("journaled")) == 200
    assert jobs.asked == []


def test_short_weather_is_waited_out_and_longer_weather_is_left_to_the_event_that_comes_again(
    db: firestore.Client, fleet_name: str, hand_over: Served, jobs: JobsServer
) -> None:
    short = Rotating(db, f"{fleet_name}-short")
    jobs.answers[:] = [grpc.StatusCode.UNAVAILABLE]
    assert hand_over.deliver(short.step("journaled")) == 200
    assert len(jobs.asked) == 1

    longer = Rotating(db, f"{fleet_name}-long")
    jobs.answers[:] = [grpc.StatusCode.UNAVAILABLE] * 100
    event = longer.step("journaled")
    assert hand_over.deliver(event) == 500
    signal = longer.now()
    assert (signal["status"], signal["starts"]) == ("journaled", 0)
    assert "could not be started" in signal["trouble"]
    jobs.answers.clear()
    longer.lease_runs_out()
    assert hand_over.deliver(event) == 200
    assert (longer.now()["status"], len(jobs.asked)) == ("handed_off", 2)


@pytest.mark.parametrize(
    "status",
    [
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.INVALID_ARGUMENT,
    ],
)
def test_what_no_retry_mends_is_an_alert_and_the_event_is_done_with(
    db: firestore.Client,
    fleet_name: str,
    hand_over: Served,
    jobs: JobsServer,
    status: grpc.StatusCode,
) -> None:
    rotating = Rotating(db, fleet_name)
    jobs.answers[:] = [status]
    event = rotating.step("journaled")
    assert hand_over.deliver(event) == hand_over.deliver(event) == 200
    alert = rotating.alerts()["hand_over_refused"]
    assert (alert["severity"], "resolved_at" in alert) == ("critical", False)
    assert alert["detail"].startswith(f"{JOB} could not be started: ")
    assert jobs.asked == []
    rotating.lease_runs_out()  # and somebody has mended it
    hand_over.deliver(rotating.event())
    assert rotating.now()["status"] == "handed_off"
    assert "resolved_at" in rotating.alerts()["hand_over_refused"]


def test_answer_that_does_not_come_in_time_starts_no_second_job_while_the_lease_holds(
    db: firestore.Client, fleet_name: str, hand_over: Served, jobs: JobsServer
) -> None:
    rotating = Rotating(db, fleet_name)
    jobs.answers[:] = ["slow"]
    event = rotating.step("journaled")
    assert hand_over.deliver(event) == 500
    assert hand_over.deliver(event) == hand_over.deliver(rotating.event()) == 200
    assert len(jobs.asked) == 1
    assert rotating.now()["status"] == "journaled"
    rotating.lease_runs_out()  # the execution never came up
    assert hand_over.deliver(event) == 200
    assert (rotating.now()["status"], len(jobs.asked)) == ("handed_off", 2)


def test_lost_answer_may_start_two_jobs_of_which_one_succeeds_and_the_other_ends_quietly(
    db: firestore.Client, fleet_name: str, hand_over: Served, jobs: JobsServer
) -> None:
    rotating = Rotating(db, fleet_name)
    jobs.answers[:] = ["lost"]
    assert hand_over.deliver(rotating.step("journaled")) == 200
    assert len(jobs.asked) == 2
    whom = Inherited("rotate_s-1_0", "s-1")
    succession = succeed(db, fleet_name, whom, "s-2")
    assert (succession.generation, succession.task_id) == (1, "t-1")
    with pytest.raises(SuccessionTaken, match="s-2 has taken over") as taken:
        succeed(db, fleet_name, whom, "s-3")
    assert taken.value.code == 0
    assert succeed(db, fleet_name, whom, "s-2").generation == 1  # a restart of the same session
    rotating.lease_runs_out()
    hand_over.deliver(rotating.event())
    assert len(jobs.asked) == 2


def test_starts_end_when_there_were_as_many_as_the_fleet_allows(
    db: firestore.Client, fleet_name: str, hand_over: Served, jobs: JobsServer
) -> None:
    rotating = Rotating(db, fleet_name, max_starts=2)
    event = rotating.step("journaled")
    for _ in range(4):
        assert hand_over.deliver(event) == 200
        rotating.lease_runs_out()
    assert len(jobs.asked) == 2


@pytest.mark.parametrize(
    ("origin", "journal", "status"),
    [
        ({"claimed_at": _LONG_AGO, "reports": {"b-1:s-1": 1}}, {}, "queued"),
        ({"reports": {"b-1:s-1": 1}}, {"journal_ref": "gs://notes/s-1.md"}, "queued"),
        ({"reports": {"b-1:s-1": 1}}, {}, "failed"),
    ],
    ids=["from the queue", "its own, with notes", "its own, without notes"],
)
def test_task_without_a_successor_is_released_as_a_lost_sessions_is(
    db: firestore.Client,
    fleet_name: str,
    hand_over: Served,
    origin: dict[str, Any],
    journal: dict[str, Any],
    status: str,
) -> None:
    rotating = Rotating(db, fleet_name, max_starts=1)
    task = db.document("fleets", fleet_name, "tasks", "t-1")
    task.set({"status": "active", "session_id": "s-1", **origin})
    assert hand_over.deliver(rotating.step("journaled", **journal)) == 200
    rotating.lease_runs_out()
    settle(db, fleet_name, rotating.ref)
    assert rotating.now()["expired_because"] == "no_successor"
    fields = task.get().to_dict() or {}
    assert (fields["status"], fields["lost_session_id"]) == (status, "s-1")


def test_garbage_on_a_signal_costs_the_field_or_nothing_is_done(
    db: firestore.Client, fleet_name: str, hand_over: Served, jobs: JobsServer
) -> None:
    rotating = Rotating(db, fleet_name)
    event = rotating.step("journaled", journal_ref=7, starts="many", trouble=timedelta.max.days)
    assert hand_over.deliver(event) == 200
    assert len(jobs.asked) == 1
    assert "TACHOGRAPH_JOURNAL" not in jobs.environments[0]
    broken = Rotating(db, f"{fleet_name}-2")
    assert hand_over.deliver(broken.step("journaled", session_id={"a": 1})) == 200
    assert len(jobs.asked) == 1
