"""signal_rotation over the wire: one signal for a session whose context runs out, however told."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from cloudevents.http import CloudEvent
from google.cloud import firestore

import main
from rotation import signals
from support.wire.events import EPOCH, Served, Version, Write, history, serve
from tachograph import Fleet, Usage
from tachograph_cli.local.stack import Stack
from tachograph_schema.documents.session import Session
from tachograph_schema.rotation.thresholds import Thresholds, thresholds

_LEVELS_PCT = (90.0, 61.5, 36.0, 34.9, 20.0, 4.0)


@pytest.fixture(scope="module")
def signal_rotation(emulator: Stack) -> Iterator[Served]:
    with serve("signal_rotation", emulator.address("firestore")) as served:
        yield served


def _signals(db: firestore.Client, fleet: str) -> dict[str, dict[str, object]]:
    found = db.collection("fleets", fleet, "signals").stream()
    return {signal.id: signal.to_dict() or {} for signal in found}


def _session(left_pct: float, **fields: object) -> dict[str, object]:
    return {"agent_id": "b-1", "state": "active", "context_remaining_pct": left_pct, **fields}


@pytest.mark.parametrize("seed", range(4))
def test_session_that_crosses_its_threshold_gets_one_signal_in_any_order_of_delivery(
    db: firestore.Client, fleet_name: str, signal_rotation: Served, seed: int
) -> None:
    writes = history(f"fleets/{fleet_name}/sessions/s-1", [_session(pct) for pct in _LEVELS_PCT])
    deliveries = writes * 3
    random.Random(seed).shuffle(deliveries)  # noqa: S311 - an order, not a secret
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(signal_rotation.deliver, deliveries)) == {200}
    signals = _signals(db, fleet_name)
    assert list(signals) == ["rotate_s-1_0"]
    assert signals["rotate_s-1_0"]["status"] == "pending"
    assert signals["rotate_s-1_0"]["threshold_pct"] == 35


def test_lost_event_does_not_lose_the_signal(
    db: firestore.Client, fleet_name: str, signal_rotation: Served
) -> None:
    writes = history(f"fleets/{fleet_name}/sessions/s-1", [_session(pct) for pct in _LEVELS_PCT])
    for write in itertools.chain(writes[:3], writes[4:]):  # the one that crossed never came
        signal_rotation.deliver(write)
    assert list(_signals(db, fleet_name)) == ["rotate_s-1_0"]


def test_session_above_its_threshold_or_at_its_end_gets_no_signal(
    db: firestore.Client, fleet_name: str, signal_rotation: Served
) -> None:
    [above] = history(f"fleets/{fleet_name}/sessions/above", [_session(35.1)])
    ended = _session(3.0, state="completed", ended_at=above.after.written_at if above.after else 0)
    [over] = history(f"fleets/{fleet_name}/sessions/over", [ended])
    assert signal_rotation.deliver(above) == signal_rotation.deliver(over) == 200
    assert _signals(db, fleet_name) == {}


def test_what_is_left_is_computed_where_an_agent_reports_tokens_only(
    db: firestore.Client, fleet_name: str, signal_rotation: Served
) -> None:
    used = {"context_used_tokens": 140_000, "context_window_tokens": 200_000, "state": "active"}
    signal_rotation.deliver(history(f"fleets/{fleet_name}/sessions/s-1", [used])[0])
    assert _signals(db, fleet_name)["rotate_s-1_0"]["context_remaining_pct"] == 30


def test_window_that_an_agent_does_not_state_is_the_fleets_for_its_model(
    db: firestore.Client, fleet_name: str, signal_rotation: Served
) -> None:
    db.document("fleets", fleet_name).set({"context_windows": {"local-m": 100_000}})
    used = {"context_used_tokens": 70_000, "state": "active"}
    for name, more in (
        ("listed", {"model": "local-m"}),
        ("stated", {"model": "local-m", "context_window_tokens": 1_000_000}),
        ("unlisted", {"model": "other"}),
    ):
        path = f"fleets/{fleet_name}/sessions/{name}"
        assert signal_rotation.deliver(history(path, [{**used, **more}])[0]) == 200
    raised = _signals(db, fleet_name)
    assert list(raised) == ["rotate_listed_0"]
    assert raised["rotate_listed_0"]["context_remaining_pct"] == 30


def test_event_asks_for_the_thresholds_of_its_session_once(
    db: firestore.Client, fleet_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def counted(session: Session, *policy: object) -> Thresholds:
        asked.append(session)
        return thresholds(session, *policy)

    monkeypatch.setattr(main, "db", lambda: db)
    monkeypatch.setattr("runtime.policy.db", lambda: db)
    monkeypatch.setattr("rotation.thresholds.thresholds", counted)
    path = f"fleets/{fleet_name}/sessions/s-1"
    for n, write in enumerate(history(path, [_session(4.0), _session(90.0), _session(3.0)]), 1):
        assert write.after is not None
        db.document(path).set(dict(write.after.fields))
        signals._raised.clear()  # as another process
        main.signal_rotation(_event(write))
        assert len(asked) == n
    assert set(_signals(db, fleet_name)) == {"rotate_s-1_0", "rotate_s-1_0.1"}


def _event(write: Write) -> CloudEvent:
    attributes = {"type": "written", "source": "test", "datacontenttype": "application/protobuf"}
    return CloudEvent(attributes, write.payload().SerializeToString())


def test_fleet_may_set_its_own_threshold_and_one_for_a_model(
    db: firestore.Client, fleet_name: str, signal_rotation: Served
) -> None:
    rotation = {"rotate_below_pct": 50, "by_model": {"claude-haiku-4-5": 10}}
    db.document("fleets", fleet_name).set({"rotation": rotation})
    for name, model in (("s-1", "claude-opus-4-6"), ("s-2", "claude-haiku-4-5")):
        [write] = history(f"fleets/{fleet_name}/sessions/{name}", [_session(45.0, model=model)])
        signal_rotation.deliver(write)
    assert list(_signals(db, fleet_name)) == ["rotate_s-1_0"]


@pytest.fixture(scope="module")
def tick(emulator: Stack) -> Iterator[Served]:
    with serve("tick", emulator.address("firestore")) as served:
        yield served


class _Session:
    """A session whose every write is delivered as it is made."""

    def __init__(self, db: firestore.Client, fleet: str, served: Served, **policy: object) -> None:
        db.document("fleets", fleet).set({"rotation": policy})
        self._ref = db.document("fleets", fleet, "sessions", "s-1")
        self._path, self._served = f"fleets/{fleet}/sessions/s-1", served
        self._before: Version | None = None

    def says(self, left_pct: float, **fields: object) -> Write:
        said = _session(left_pct, **fields)
        self._ref.set(said)
        at = datetime.fromtimestamp(self._ref.get().update_time.timestamp(), UTC)
        write = Write(self._path, self._before, Version(said, at))
        self._before = write.after
        assert self._served.deliver(write) == 200
        return write


def _statuses(db: firestore.Client, fleet: str) -> dict[str, object]:
    found = _signals(db, fleet).items()
    return {name: fields.get("expired_because", fields["status"]) for name, fields in found}


def test_context_that_wavers_about_its_threshold_is_told_once(
    db: firestore.Client, fleet_name: str, signal_rotation: Served
) -> None:
    session = _Session(db, fleet_name, signal_rotation)
    for left in (50, 34, 36, 33, 39.9, 30):
        session.says(left)
    assert _statuses(db, fleet_name) == {"rotate_s-1_0": "pending"}


def test_context_that_was_freed_is_told_anew_when_it_fills_again(
    db: firestore.Client, fleet_name: str, emulator: Stack
) -> None:
    low, late = 20.0, 10.0
    with serve("signal_rotation", emulator.address("firestore")) as first:
        session = _Session(db, fleet_name, first)
        early = session.says(low)
        session.says(90)
        assert _statuses(db, fleet_name) == {"rotate_s-1_0": "recovered"}
    # Another process, which remembers nothing of the first signal.
    with serve("signal_rotation", emulator.address("firestore")) as second:
        assert second.deliver(early) == 200  # comes again, late: the session is well
        assert len(_statuses(db, fleet_name)) == 1
        session._served = second
        session.says(late)
        expected = {"rotate_s-1_0": "recovered", "rotate_s-1_0.1": "pending"}
    assert _statuses(db, fleet_name) == expected


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"generation": 1}, "compacted"),
        ({"ended_at": EPOCH, "end_reason": "completed", "state": "completed"}, "ended"),
        ({"ended_at": EPOCH, "end_reason": "rotated", "journal_ref": "notes"}, "journaled"),
    ],
)
def test_signal_to_a_session_that_needs_no_successor_or_asks_for_one_unheard_moves_on(
    db: firestore.Client,
    fleet_name: str,
    signal_rotation: Served,
    fields: dict[str, object],
    why: str,
) -> None:
    session = _Session(db, fleet_name, signal_rotation)
    session.says(20)
    session.says(90 if why == "compacted" else 20, **fields)
    assert _statuses(db, fleet_name) == {"rotate_s-1_0": why}


def test_low_event_that_comes_after_the_compaction_leaves_no_open_signal(
    db: firestore.Client, fleet_name: str, signal_rotation: Served
) -> None:
    db.document("fleets", fleet_name, "sessions", "s-1").set(_session(90.0, generation=1))
    [late] = history(f"fleets/{fleet_name}/sessions/s-1", [_session(10.0)])
    assert signal_rotation.deliver(late) == 200
    assert _statuses(db, fleet_name) == {"rotate_s-1_0": "compacted"}


def test_tick_tells_of_a_session_that_heeds_nothing_and_lets_imported_history_be(
    db: firestore.Client, fleet_name: str, signal_rotation: Served, tick: Served
) -> None:
    now, past = datetime.now(UTC), EPOCH
    names = {f"{fleet_name}-now": now, f"{fleet_name}-past": past}
    both = "?" + "&".join(f"fleet={name}" for name in names)
    for name, reported_at in names.items():
        session = _Session(db, name, signal_rotation, expire_after_s=60)
        session.says(20, reported_at=reported_at)
    assert tick.post(b"{}", "application/json", both) == 200
    assert {s for name in names for s in _statuses(db, name).values()} == {"pending"}
    for name in names:
        signal = db.document("fleets", name, "signals", "rotate_s-1_0")
        signal.update({"created_at": now - timedelta(seconds=100)})
    assert tick.post(b"{}", "application/json", both) == 200
    assert {s for name in names for s in _statuses(db, name).values()} == {"unheeded"}
    alerts = {name: db.collection("fleets", name, "alerts").get() for name in names}
    [alert] = alerts[f"{fleet_name}-now"]
    assert (alert.get("rule"), alert.get("threshold")) == ("rotation_unheeded", 60)
    assert alert.get("value") >= 100
    assert alert.get("detail") == "sessions/s-1 did not hand over"
    assert alerts[f"{fleet_name}-past"] == []


def test_session_hears_its_signal_without_asking(
    stack_db: firestore.Client,  # noqa: ARG001 - sets the environment
    fleet_name: str,
) -> None:
    with (
        Fleet(fleet_name, flush_interval_s=0.05) as fleet,
        fleet.session("b-1", session_id="s-1", context_window=200_000) as session,
    ):
        assert not session.should_rotate
        with session.task("t-1") as task:
            task.record(Usage(tokens_in=150_000), model="claude-opus-4-6", provider="anthropic")
            heard = session.wait_for_signal(timeout_s=60)
        assert heard
        assert session.should_rotate
        assert session.signal
        assert session.signal["context_remaining_pct"] == 25
