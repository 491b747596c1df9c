"""Claims that land though their answer is lost: found again, and nobody's loss."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import grpc
import pytest
from google.api_core.exceptions import GoogleAPICallError, InternalServerError
from google.cloud import firestore

from support.wire.meter import Meter, metered
from tachograph import Fleet
from tachograph_cli.local.stack import Stack

_REPEATED = (grpc.StatusCode.ABORTED, grpc.StatusCode.UNAVAILABLE)


@pytest.fixture
def meter(
    emulator: Stack,
    db: firestore.Client,  # noqa: ARG001 - sets the environment
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Meter]:
    """Put a Firestore that can lose answers between the agents and the emulator."""
    with metered(emulator.address("firestore")) as meter:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", meter.address)
        yield meter


@pytest.mark.parametrize("code", _REPEATED)
def test_claim_that_landed_unanswered_is_ones_own_and_no_collision(
    meter: Meter, db: firestore.Client, fleet_name: str, code: grpc.StatusCode
) -> None:
    db.document("fleets", fleet_name, "tasks", "t-1").set({"status": "queued"})
    with Fleet(fleet_name) as fleet:
        session = fleet.session("b-1", session_id="s-1")
        meter.loses = b"claimed_at", code
        session.claim("t-1").complete()
    task = db.document("fleets", fleet_name, "tasks", "t-1").get()
    assert (task.get("status"), task.get("session_id")) == ("completed", "s-1")
    assert list(db.collection("fleets", fleet_name, "incidents").stream()) == []


def test_next_task_is_the_one_whose_claim_was_not_answered(
    meter: Meter, db: firestore.Client, fleet_name: str
) -> None:
    for task in ("t-1", "t-2"):
        db.document("fleets", fleet_name, "tasks", task).set({"status": "queued"})
    with Fleet(fleet_name) as fleet:
        session = fleet.session("b-1")
        meter.loses = b"claimed_at", grpc.StatusCode.INTERNAL
        with pytest.raises(InternalServerError):
            session.claim_next()
        taken = [session.claim_next() for _ in range(3)]
    assert sorted(run.id for run in taken if run is not None) == ["t-1", "t-2"]
    assert taken[2] is None


@pytest.mark.parametrize("code", [*_REPEATED, grpc.StatusCode.INTERNAL])
def test_successor_whose_claim_was_not_answered_asks_again_and_has_it(
    meter: Meter, db: firestore.Client, fleet_name: str, code: grpc.StatusCode
) -> None:
    db.document("fleets", fleet_name, "sessions", "s-1").set({"agent_id": "b-1"})
    signal = db.document("fleets", fleet_name, "signals", "rotate_s-1_0")
    told = {"kind": "rotate", "status": "journaled", "session_id": "s-1", "generation": 0}
    signal.set({**told, "created_at": firestore.SERVER_TIMESTAMP})
    with Fleet(fleet_name) as fleet:
        meter.loses = b"successor_session_id", code
        successor = None
        while successor is None:
            with suppress(GoogleAPICallError):
                successor = fleet.session("b-1", successor_of="s-1")
        assert meter.loses is None
    assert signal.get().get("successor_session_id") == successor.id
