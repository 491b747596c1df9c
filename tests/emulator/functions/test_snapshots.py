"""snapshots/: what they say of a fleet, at a cost that does not grow with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from google.cloud import firestore

from publishing import snapshots
from support.wire.meter import Meter, metered
from tachograph_cli.local.stack import Stack
from tachograph_schema.counters.names import TOTALS
from tachograph_schema.counters.scopes import scope
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.documents.session import OPEN_STATES
from tachograph_schema.documents.snapshot import Live, Snapshot

_BUCKET = datetime(2026, 3, 1, 12, 30, 10, tzinfo=UTC)
_HOUR = "2026-03-01T12"


def _write(db: firestore.Client, fleet: str, name: str, documents: list[dict[str, Any]]) -> None:
    writer = db.bulk_writer()
    collection = db.document("fleets", fleet).collection(name)
    for n, fields in enumerate(documents):
        writer.set(collection.document(f"{name}-{n}"), fields)
    writer.close()


def _hour(db: firestore.Client, fleet: str, ratios: Mapping[str, Mapping[str, float]]) -> None:
    fields = {"grain": "hour", "period": _HOUR, "as_of": _BUCKET, "c": {}, "ratios": ratios}
    db.document("fleets", fleet, "rollups", f"hour_{_HOUR}").set(fields)


def _taken(db: firestore.Client, fleet: str) -> Snapshot:
    snapshots.take_snapshot(db, fleet, _BUCKET, _BUCKET)
    [found] = db.collection("fleets", fleet, "snapshots").order_by("at").get()
    return Snapshot.model_validate(found.to_dict())


def test_sessions_count_as_what_they_do_and_not_as_what_they_say(
    db: firestore.Client, fleet_name: str
) -> None:
    stuck = {"effective_state": "stuck"}
    sessions = [
        *[{"state": "active"}] * 4,
        *[{"state": "active", **stuck}] * 2,
        {"state": "waiting", **stuck},
        {"state": "waiting"},
        {"state": "stuck"},
        {"state": "idle", **stuck},  # it has stopped since, and the mark will go with the next tick
        {"state": "completed", **stuck},
    ]
    _write(db, fleet_name, "sessions", sessions)
    found = _taken(db, fleet_name)
    assert found.sessions == {"active": 4, "waiting": 1, "stuck": 4, "idle": 1, "error": 0}
    assert found.sessions_open == 10
    assert found.parallel_agents == 5
    assert found.utilisation == 0.4
    assert not found.over_provisioned


def test_fleet_with_little_to_do_and_nothing_queued_is_over_provisioned(
    db: firestore.Client, fleet_name: str
) -> None:
    _write(db, fleet_name, "sessions", [{"state": "active"}] * 2 + [{"state": "idle"}] * 5)
    assert _taken(db, fleet_name).over_provisioned
    _write(db, fleet_name, "tasks", [{"status": "queued", "created_at": _BUCKET}])
    assert not _taken(db, fleet_name).over_provisioned


def test_fleet_without_sessions_has_no_utilisation(db: firestore.Client, fleet_name: str) -> None:
    found = _taken(db, fleet_name)
    assert (found.utilisation, found.over_provisioned, found.sessions_open) == (None, False, 0)
    assert found.queue_oldest_age_ms is None
    assert found.totals == dict.fromkeys(TOTALS, 0)


def test_active_tasks_are_told_by_model_and_the_rest_together(
    db: firestore.Client, fleet_name: str
) -> None:
    many = {f"model:m-{n}": {"cost_usd": float(n)} for n in range(15)}
    _hour(db, fleet_name, {**many, "type:m-99": {"cost_usd": 99.0}, "model:_other": {}})
    active = [*[{"model": "m-14"}] * 3, {"model": "m-5"}, {"model": "m-4"}, {}]
    tasks = [{"status": "active", **task} for task in active]
    _write(db, fleet_name, "tasks", [*tasks, {"status": "completed", "model": "m-14"}])
    assert _taken(db, fleet_name).active_by_model == {"m-14": 3, "m-5": 1, "_other": 2}


def test_models_with_delimiters_and_those_called_like_our_words_are_counted_once(
    db: firestore.Client, fleet_name: str
) -> None:
    ratios = {scope("model", name): {"cost_usd": 1.0} for name in ("llama3:8b", "_other", "a|b")}
    _hour(db, fleet_name, {**ratios, "model:before:escapes": {"cost_usd": 1.0}})
    names = ("llama3:8b", "a|b", "before:escapes", "_other")
    _write(db, fleet_name, "tasks", [{"status": "active", "model": name} for name in names])
    counted = _taken(db, fleet_name).active_by_model
    assert counted == dict.fromkeys(names, 1)


def test_open_rotations_and_unread_messages_are_counted(
    db: firestore.Client, fleet_name: str
) -> None:
    statuses = ["pending", "acknowledged", "journaled", "handed_off", "completed", "expired"]
    signals = [{"kind": "rotate", "status": status} for status in statuses]
    _write(db, fleet_name, "signals", [*signals, {"kind": "pause", "status": "pending"}])
    messages = [{"acknowledged_at": None}, {"acknowledged_at": None}, {"acknowledged_at": _BUCKET}]
    _write(db, fleet_name, "messages", messages)
    found = _taken(db, fleet_name)
    assert (found.signals_open, found.messages_pending) == (4, 2)


def test_totals_hold_what_coordination_and_handovers_came_to(
    db: firestore.Client, fleet_name: str
) -> None:
    counted = {name: n for n, name in enumerate(TOTALS, 1)}
    told = {"incidents_claim_collision", "incidents_dispatch_refused", "handoffs_late"}
    assert told <= counted.keys()
    total = {"grain": "total", "period": "all", "as_of": _BUCKET, "c": {"fleet": counted}}
    db.document("fleets", fleet_name, "rollups", "total_all").set(total)
    assert _taken(db, fleet_name).totals == counted


def test_bucket_that_was_never_filled_is_no_snapshot(db: firestore.Client, fleet_name: str) -> None:
    assert snapshots.claim_bucket(db, fleet_name, _BUCKET, Fleet())
    taken = db.collection("fleets", fleet_name, "snapshots")
    assert taken.order_by("at").get() == []
    assert len(taken.get()) == 1


def test_all_counts_are_as_of_one_instant(
    db: firestore.Client, fleet_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(db, fleet_name, "sessions", [{"state": "active", "context_remaining_pct": 50}] * 3)
    read, ends = snapshots._rollups, iter([True])

    def and_then_all_end(*arguments: Any) -> Any:  # noqa: ANN401 - as what it stands for
        found = read(*arguments)
        if next(ends, False):
            _write(db, fleet_name, "sessions", [{"state": "completed"}] * 3)
        return found

    monkeypatch.setattr(snapshots, "_rollups", and_then_all_end)
    found = _taken(db, fleet_name)
    assert (found.sessions_open, sum(found.context_histogram)) == (3, 3)


@pytest.fixture
def reads(
    emulator: Stack, db: firestore.Client, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[firestore.Client, Meter]]:
    """Give a client whose reads are counted as they are billed."""
    with metered(emulator.address("firestore")) as meter:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", meter.address)
        client = firestore.Client(project=db.project, credentials=db._credentials)
        yield client, meter
        client.close()


def test_snapshot_of_three_hundred_sessions_costs_what_one_of_ten_does(
    db: firestore.Client, fleet_name: str, reads: tuple[firestore.Client, Meter]
) -> None:
    client, meter = reads
    took = []
    for size in (10, 300):
        fleet = f"{fleet_name}-{size}"
        _hour(db, fleet, {f"model:m-{n}": {"cost_usd": 1.0} for n in range(3)})
        sessions = [
            {"state": OPEN_STATES[n % 5], "context_remaining_pct": n % 101, "agent_id": f"a{n}"}
            | ({"effective_state": "stuck"} if n % 7 == 1 else {})
            for n in range(size)
        ]
        _write(db, fleet, "sessions", sessions)
        tasks = [
            {"status": ("queued", "active")[n % 2], "model": f"m-{n % 3}", "created_at": _BUCKET}
            for n in range(size)
        ]
        _write(db, fleet, "tasks", tasks)
        snapshots.take_snapshot(client, fleet, _BUCKET, _BUCKET)
        took.append(meter.bill())
        live = Live.model_validate(db.document("fleets", fleet, "live", "now").get().to_dict())
        assert live.sessions_open == size
        assert sum(live.context_histogram) == size
        assert sum(live.active_by_model.values()) == size // 2
    small, large = took
    assert small == large
    assert small.calls == {
        "BatchGetDocuments": 2,
        "RunAggregationQuery": 26,
        "RunQuery": 2,
        "Commit": 2,
    }
    assert (small.reads, small.writes) == (32, 2)
