"""Taking over: one successor, one owner of the task, and a gap that no clock can falsify."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.cloud import firestore

from support.wire.wait import LONG_S
from tachograph import Fleet, Session, SuccessionTaken, Usage
from tachograph.rotation.succession import Inherited, Succession, inherited, succeed, take_over
from tachograph_schema.paths import baseline_id

_SKEWS = (timedelta(), timedelta(minutes=7), timedelta(minutes=-7))


def _rotated(db: firestore.Client, fleet: str, **task: object) -> None:
    db.document("fleets", fleet, "sessions", "s-1").set(
        {"agent_id": "b-1", "task_id": "t-1", "generation": 2, "journal_ref": "notes"}
    )
    db.document("fleets", fleet, "signals", "rotate_s-1_2").set(
        {
            "kind": "rotate",
            "status": "handed_off",
            "session_id": "s-1",
            "generation": 2,
            "created_at": firestore.SERVER_TIMESTAMP,
        }
    )
    held = {"status": "active", "session_id": "s-1", "agent_id": "b-1", "rotations": 1, **task}
    db.document("fleets", fleet, "tasks", "t-1").set(held)


def _task(db: firestore.Client, fleet: str) -> dict[str, Any]:
    return db.document("fleets", fleet, "tasks", "t-1").get().to_dict() or {}


def test_of_many_successors_one_takes_over_and_counts_one_rotation(
    db: firestore.Client, fleet_name: str
) -> None:
    _rotated(db, fleet_name)
    whom = Inherited("rotate_s-1_2", None)

    def come_up(n: int) -> str | None:
        try:
            succession = succeed(db, fleet_name, whom, f"s-{n}")
        except SuccessionTaken:
            return None
        assert take_over(db, fleet_name, succession, "b-1", f"s-{n}") is not None
        assert take_over(db, fleet_name, succession, "b-1", f"s-{n}") is not None  # told twice
        return f"s-{n}"

    with ThreadPoolExecutor(8) as pool:
        [winner] = filter(None, pool.map(come_up, range(2, 10)))
    task = _task(db, fleet_name)
    assert (task["session_id"], task["rotations"], task["attempt_kind"]) == (winner, 2, "rotation")
    signal = db.document("fleets", fleet_name, "signals", "rotate_s-1_2").get()
    assert signal.get("successor_session_id") == winner


@pytest.mark.parametrize(
    ("task", "taken"),
    [
        ({}, True),
        ({"status": "waiting"}, True),
        ({"status": "queued", "lost_session_id": "s-1"}, True),
        ({"status": "completed"}, False),
        ({"status": "active", "session_id": "s-7"}, False),
    ],
)
def test_task_that_has_ended_or_is_somebody_elses_is_not_taken_over(
    db: firestore.Client, fleet_name: str, task: dict[str, object], *, taken: bool
) -> None:
    _rotated(db, fleet_name, **task)
    before = _task(db, fleet_name)
    with Fleet(fleet_name) as fleet:
        session = fleet.session("b-1", session_id="s-2", successor_of="s-1")
        run = session.take_over()
        assert (run is not None) == taken
    after = _task(db, fleet_name)
    assert (after.get("session_id") == "s-2") == taken
    assert taken or after == before


def test_task_that_passes_to_another_agent_is_a_handoff_too(
    db: firestore.Client, fleet_name: str
) -> None:
    _rotated(db, fleet_name)
    with Fleet(fleet_name) as fleet:
        assert fleet.session("b-9", successor_of="s-1").take_over()
    task = _task(db, fleet_name)
    assert (task["handoffs"], task["rotations"], task["agent_id"]) == (1, 2, "b-9")


@pytest.mark.usefixtures("db")
def test_predecessor_in_the_same_process_need_not_be_written_yet(fleet_name: str) -> None:
    with Fleet(fleet_name) as fleet:
        fleet.session("b-1", session_id="s-1")
        successor = fleet.session("b-1", session_id="s-2", successor_of="s-1")
        assert successor.succession is not None
        assert successor.succession.agent == "b-1"


@pytest.mark.parametrize("skew", _SKEWS, ids=str)
def test_gap_is_the_same_whatever_the_agents_clocks_say(
    db: firestore.Client, fleet_name: str, skew: timedelta
) -> None:
    """Say that the predecessor had stood still for 3 s when it was written last."""
    session = db.document("fleets", fleet_name, "sessions", "s-1")
    said = datetime.now(UTC) + skew
    written = session.set(
        {"agent_id": "b-1", "last_seen_at": said, "last_progress_at": said - timedelta(seconds=3)}
    )
    succession = succeed(db, fleet_name, Inherited(None, "s-1"), "s-2")
    assert succession.since == written.update_time - timedelta(seconds=3)
    gap_ms = succession.handoff_ms()
    waited = succession.claimed_at - written.update_time
    assert gap_ms is not None
    assert gap_ms >= 3000 + waited.total_seconds() * 1000 - 1


def test_first_call_of_a_successor_tells_the_gap_and_the_bootstrap_once(
    db: firestore.Client, fleet_name: str
) -> None:
    _rotated(db, fleet_name)
    db.document("fleets", fleet_name, "signals", "rotate_s-1_2").update(
        {"journaled_at": firestore.SERVER_TIMESTAMP, "task_id": "t-1", "journal_ref": "notes"}
    )
    haiku = {"model": "claude-haiku-4-5", "provider": "anthropic"}
    with Fleet(fleet_name) as fleet:
        session = fleet.session("b-1", session_id="s-2", successor_of="s-1", context_window=10**5)
        task = session.take_over()
        assert task
        task.tool("Read")
        task.record(Usage(tokens_in=7_000, tokens_out=100), **haiku)
        fleet.flush()
        first = db.document("fleets", fleet_name, "sessions", "s-2").get().to_dict() or {}
        task.record(Usage(tokens_in=8_000, tokens_out=100), **haiku)
    last = db.document("fleets", fleet_name, "sessions", "s-2").get().to_dict() or {}
    assert first["handoff_ms"] == last["handoff_ms"] >= 0
    assert first["bootstrap_tokens"] == last["bootstrap_tokens"] == 7_000
    assert (last["generation"], last["predecessor_session_id"]) == (3, "s-1")
    fields = _task(db, fleet_name)
    assert fields["rotation_cost_nanousd"] == 7_000 * 1_000 + 100 * 5_000
    assert fields["cost_nanousd"] == 15_000 * 1_000 + 200 * 5_000


def test_environment_is_for_the_first_session_of_its_own_fleet() -> None:
    environment = {"TACHOGRAPH_FLEET": "acme", "TACHOGRAPH_SIGNAL": "rotate_s-1_0", "PATH": "/bin"}
    assert inherited(environment, "other") is None
    assert inherited(environment, "acme") == Inherited("rotate_s-1_0", None)
    assert inherited(environment, "acme") is None
    assert environment == {"TACHOGRAPH_FLEET": "acme", "PATH": "/bin"}
    assert inherited({}, "acme") is None


def test_succession_that_is_over_or_was_never_there_says_so(
    db: firestore.Client, fleet_name: str
) -> None:
    _rotated(db, fleet_name)
    signal = db.document("fleets", fleet_name, "signals", "rotate_s-1_2")
    signal.update({"status": "expired", "expired_because": "no_successor"})
    with pytest.raises(SuccessionTaken, match="it is expired"):
        succeed(db, fleet_name, Inherited("rotate_s-1_2", "s-1"), "s-2")
    # Named by hand, a signal that came to nothing binds nobody.
    assert isinstance(succeed(db, fleet_name, Inherited(None, "s-1"), "s-2"), Succession)
    with pytest.raises(LookupError, match=r"fleets/.+/signals/nothing does not exist"):
        succeed(db, fleet_name, Inherited("nothing", None), "s-2")
    with pytest.raises(LookupError, match=r"fleets/.+/sessions/s-9 does not exist"):
        succeed(db, fleet_name, Inherited(None, "s-9"), "s-2")


def test_session_knows_how_its_context_stands_by_its_fleets_policy(
    db: firestore.Client, fleet_name: str
) -> None:
    policy = db.document("fleets", fleet_name)
    policy.set({"rotation": {"rotate_below_pct": 10, "warn_below_pct": 20}})
    with Fleet(fleet_name) as fleet:
        session = fleet.session("b-1", session_id="s-1", context_window=100_000)
        assert session.context_level is None
        session.context(85_000)
        assert _becomes(session, "warn") == "warn"
        policy.update({"rotation.rotate_below_pct": 16})
        assert _becomes(session, "rotate") == "rotate"


def test_what_was_learned_of_such_tasks_is_what_a_sessions_context_stands_by(
    db: firestore.Client, fleet_name: str
) -> None:
    db.document("fleets", fleet_name).set({"rotation": {"policy": "learned"}})
    taught = db.document("fleets", fleet_name, "baselines", baseline_id("fix", "m-1"))
    taught.set({"task_type": "fix", "model": "m-1", "rotate_below_pct": 58.0})
    with Fleet(fleet_name) as fleet:
        session = fleet.session("b-1", model="m-1", context_window=100_000)
        session.task("t-1", task_type="fix")
        session.context(45_000)
        assert _becomes(session, "rotate") == "rotate"
        taught.update({"rotate_below_pct": 25.0})
        assert _becomes(session, "well") == "well"


def _becomes(session: Session, level: str) -> str | None:
    """Return the level, after a while at most: it is pushed, and there is no event to wait for."""
    deadline = time.monotonic() + LONG_S
    while session.context_level != level and time.monotonic() < deadline:
        time.sleep(0.01)
    return session.context_level


def test_process_that_goes_on_with_a_session_goes_on_with_its_generation(
    db: firestore.Client, fleet_name: str
) -> None:
    ref = db.document("fleets", fleet_name, "sessions", "s-1")
    for generation in (1, 2):
        with Fleet(fleet_name) as fleet:
            session = fleet.session("b-1", session_id="s-1", context_window=100_000)
            session.context(90_000)
            fleet.flush()
            session.compacted(5_000)
            fleet.flush()
            fields = ref.get().to_dict() or {}
            assert (fields["generation"], fields["context_remaining_pct"]) == (generation, 95)
