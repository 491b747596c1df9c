"""Coordination of agents, counted by the deployed triggers and published."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from google.cloud import firestore

from support.wire.events import EPOCH, history, serve
from support.wire.meter import metered
from tachograph import BranchHeld, ClaimLost, DispatchRefused, Fleet
from tachograph_cli.local.stack import Stack

_WAIT_S = 90.0
_EXPECTED = {
    "messages_sent": 1,
    "messages_acknowledged": 1,
    "incidents_claim_collision": 1,
    "incidents_branch_held": 1,
    "incidents_dispatch_refused": 1,
    "tasks_claimed": 1,
}


@pytest.mark.parametrize(
    ("path", "versions"),
    [
        (
            "messages/m-1",
            [
                {"from_agent_id": "b-1", "to_agent_id": "b-2", "acknowledged_at": None},
                {
                    "from_agent_id": "b-1",
                    "to_agent_id": "b-2",
                    "sent_at": EPOCH,
                    "acknowledged_at": EPOCH,
                },
            ],
        ),
        (
            "incidents/i-1",
            [
                {"kind": "git_failure", "agent_id": "b-1"},
                {"kind": "git_failure", "agent_id": "b-1", "voided": True},
            ],
        ),
    ],
)
def test_event_of_a_message_or_an_incident_is_one_commit_of_two_writes_and_no_read(
    emulator: Stack, fleet_name: str, path: str, versions: list[dict[str, Any]]
) -> None:
    with (
        metered(emulator.address("firestore")) as meter,
        serve("roll_up", meter.address) as served,
    ):
        first, second = history(f"fleets/{fleet_name}/{path}", versions)
        assert served.deliver(first) == 200  # the fleet's policies are read once a minute
        meter.take()
        assert [served.deliver(second), served.deliver(second)] == [200, 200]
        assert meter.take() == [("Commit", 2)] * 2


def test_messages_and_incidents_reach_the_rollups_through_their_triggers(
    stack_db: firestore.Client, fleet_name: str
) -> None:
    done = threading.Event()
    found: dict[str, Any] = {}

    def seen(documents: list[Any], *_: object) -> None:
        for document in documents:
            found.update(document.to_dict() or {})
        row = found.get("c", {}).get("fleet", {})
        if all(row.get(name) == n for name, n in _EXPECTED.items()):
            done.set()

    total = stack_db.document("fleets", fleet_name, "rollups", "total_all")
    watch = total.on_snapshot(seen)
    with Fleet(fleet_name) as fleet:
        first, second = fleet.session("b-1", role="builder"), fleet.session("b-2", role="builder")
        for task in ("t-1", "t-2"):
            fleet.create_task(task, task_type="build")
        fleet.flush()
        first.claim("t-1")
        with pytest.raises(ClaimLost):
            second.claim("t-1")
        with pytest.raises(DispatchRefused):
            second.dispatch("t-2", "nobody")
        with (
            first.guard_repo("shop", "main"),
            pytest.raises(BranchHeld),
            second.guard_repo("shop", "main"),
        ):
            pytest.fail("two hold the branch")
        second.send("b-1", kind="question")
        message = first.inbox().receive(_WAIT_S)
        assert message is not None
        message.acknowledge()
        fleet.flush()
        first.end()
        second.end()
    assert done.wait(_WAIT_S), found.get("c", {}).get("fleet")
    watch.unsubscribe()
    assert found["percentiles"]["fleet"]["message_latency_ms"]["n"] == 1
    assert {"p50", "p95", "p99"} <= set(found["percentiles"]["fleet"]["dispatch_ms"])
