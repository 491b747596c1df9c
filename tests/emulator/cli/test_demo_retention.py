"""Old pretend data goes: the ledger's oldest entries, and old versions of ended hours' shards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from google.cloud import firestore

from tachograph_cli.demo.retention import AT_ONCE, KEEP, VERSIONS, Retention
from tachograph_schema.periods import hour_of


@pytest.fixture
def now() -> datetime:
    """Give the moment a test begins, at which its documents are created."""
    return datetime.now(UTC)


def _later(now: datetime) -> datetime:
    return now + KEEP + timedelta(hours=1)


def filled(
    db: firestore.Client, name: str, now: datetime, entries: int = 3
) -> firestore.DocumentReference:
    """Write a sweep's document, ledger entries and a shard, all of this moment."""
    fleet = db.document("fleets", name)
    fleet.collection("sweeps").document("now").set({"known_since": "", "hour": hour_of(now)})
    batch = db.batch()
    for number in range(entries):
        batch.set(fleet.collection("ledger").document(f"e-{number:04}"), {"hour": hour_of(now)})
    batch.commit()
    fleet.collection("shards").document("s-0").set({"hour": hour_of(now), "c": {}, "dirty": False})
    return fleet


def left(fleet: firestore.DocumentReference) -> list[dict[str, object]]:
    return [entry.to_dict() or {} for entry in fleet.collection("ledger").stream()]


def test_young_entries_stay(db: firestore.Client, fleet_name: str, now: datetime) -> None:
    fleet = filled(db, fleet_name, now)
    Retention(db, fleet_name).pass_over(now + KEEP - timedelta(minutes=5))
    assert left(fleet) == [{"hour": hour_of(now)}] * 3
    assert fleet.collection("sweeps").document("now").get().get("known_since") == ""


def test_old_entries_are_emptied_then_deleted_and_the_sweep_is_told(
    db: firestore.Client, fleet_name: str, now: datetime
) -> None:
    fleet = filled(db, fleet_name, now)
    retention = Retention(db, fleet_name)
    retention.pass_over(_later(now))
    assert left(fleet) == [{}] * 3
    known_since = fleet.collection("sweeps").document("now").get().get("known_since")
    assert known_since == (_later(now) - KEEP).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    retention.pass_over(_later(now) + VERSIONS)
    assert left(fleet) == []


def test_a_pass_is_bounded_and_the_next_goes_on(
    db: firestore.Client, fleet_name: str, now: datetime
) -> None:
    fleet = filled(db, fleet_name, now, AT_ONCE + 10)
    retention = Retention(db, fleet_name)
    retention.pass_over(_later(now))
    assert sum(not fields for fields in left(fleet)) == AT_ONCE
    retention.pass_over(_later(now))
    assert left(fleet) == [{}] * (AT_ONCE + 10)
    for _ in range(2):
        retention.pass_over(_later(now) + VERSIONS)
    assert left(fleet) == []


def test_nothing_goes_before_a_sweep_says_since_when_the_ledger_is_whole(
    db: firestore.Client, fleet_name: str, now: datetime
) -> None:
    fleet = filled(db, fleet_name, now)
    fleet.collection("sweeps").document("now").delete()
    Retention(db, fleet_name).pass_over(_later(now))
    assert left(fleet) == [{"hour": hour_of(now)}] * 3


def test_an_ended_hours_shard_changes_once_and_the_present_hours_does_not(
    db: firestore.Client, fleet_name: str, now: datetime
) -> None:
    shard = filled(db, fleet_name, now).collection("shards").document("s-0")
    retention = Retention(db, fleet_name)
    retention.pass_over(now)
    assert "freed_at" not in (shard.get().to_dict() or {})
    retention.pass_over(_later(now))
    freed = shard.get()
    assert (freed.get("c"), freed.get("dirty")) == ({}, False)
    retention.pass_over(_later(now) + VERSIONS)
    assert shard.get().update_time == freed.update_time
