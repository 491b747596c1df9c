"""tachograph rebuild: the hours are made what the ledger says, while events go on arriving."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest
from google.cloud import firestore

from events.change import stamp
from publishing.rollups import publish
from repair.sweep import marker
from support.cli import run, verified, wrong
from support.recorded_events import Recorder, deliver
from support.recount import cells_of, published
from tachograph_cli.repair.hours import moment
from tachograph_cli.repair.rebuild import Repair, finish, mend, repairs
from tachograph_schema.counters.cells import add_up
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.periods import hour_of

_TASK = {"status": "completed", "model": "claude-opus-4-6", "tokens_in": 3, "agent_id": "b-1"}
_NOW = datetime.now(UTC)


def _counted(db: firestore.Client, fleet: str, *costs: int, hours_ago: int = 3) -> Recorder:
    recorder = Recorder(db, fleet)
    for n, cost in enumerate(costs):
        at = _NOW - timedelta(hours=hours_ago * (n % 2))
        deliver(recorder.write(f"t-{n}", {**_TASK, "cost_nanousd": cost, "reported_at": at}))
    publish(db, fleet)
    return recorder


def _lose_shards(db: firestore.Client, fleet: str) -> None:
    for shard in db.collection("fleets", fleet, "shards").stream():
        shard.reference.delete()


def _spoil_shards(db: firestore.Client, fleet: str) -> None:
    for shard in db.collection("fleets", fleet, "shards").stream():
        shard.reference.update({"c.fleet.tokens_in": firestore.Increment(5)})


def test_lost_shards_are_rebuilt_from_the_ledger_to_the_counter(
    db: firestore.Client, fleet_name: str
) -> None:
    _counted(db, fleet_name, 10, 20, 30)
    before = published(db, fleet_name)
    _lose_shards(db, fleet_name)
    assert wrong(fleet_name) == {"shards": 2}
    result = run("rebuild", "--fleet", fleet_name)
    assert "2 hours mended" in result.output
    assert wrong(fleet_name) == {}
    assert published(db, fleet_name) == before


def test_second_rebuild_changes_nothing(db: firestore.Client, fleet_name: str) -> None:
    _counted(db, fleet_name, 10, 20)
    _lose_shards(db, fleet_name)
    run("rebuild", "--fleet", fleet_name)
    assert "Every hour is what it should be." in run("rebuild", "--fleet", fleet_name).output


def test_dry_run_changes_nothing(db: firestore.Client, fleet_name: str) -> None:
    _counted(db, fleet_name, 10, 20)
    _lose_shards(db, fleet_name)
    assert "2 hours would be mended" in run("rebuild", "--fleet", fleet_name, "--dry-run").output
    assert wrong(fleet_name) == {"shards": 2}


def test_counters_that_are_too_high_are_taken_down_again(
    db: firestore.Client, fleet_name: str
) -> None:
    _counted(db, fleet_name, 10)
    [shard] = db.collection("fleets", fleet_name, "shards").stream()
    extra = {"c.fleet.cost_nanousd": firestore.Increment(7), "dirty": True}
    shard.reference.update(extra)
    publish(db, fleet_name)
    run("rebuild", "--fleet", fleet_name)
    assert published(db, fleet_name)["total_all"]["fleet"]["cost_nanousd"] == 10


@pytest.mark.parametrize(
    "grains", [("hour",), ("day",), ("week",), ("total",), ("hour", "day", "week", "total")]
)
def test_rollups_somebody_changed_are_published_anew_whatever_their_grain(
    db: firestore.Client, fleet_name: str, grains: tuple[str, ...]
) -> None:
    _counted(db, fleet_name, 10, 20)
    before = published(db, fleet_name)
    for doc in db.collection("fleets", fleet_name, "rollups").stream():
        if doc.get("grain") in grains:
            doc.reference.update({"c.fleet.cost_nanousd": 999})
    assert wrong(fleet_name)
    assert "published anew" in run("rebuild", "--fleet", fleet_name).output
    assert wrong(fleet_name) == {}
    assert published(db, fleet_name) == before


def test_events_that_arrive_during_a_rebuild_are_counted_once(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder = _counted(db, fleet_name, 10, 20)
    _lose_shards(db, fleet_name)
    needed = list(_repairs(db, fleet_name))
    deliver(recorder.write("t-0", {**_TASK, "cost_nanousd": 100}))
    for repair in needed:
        assert mend(db, fleet_name, Fleet(), repair)
    finish(db, fleet_name)
    assert published(db, fleet_name)["total_all"]["fleet"]["cost_nanousd"] == 120
    assert wrong(fleet_name, "--all-ages") == {}


def test_two_rebuilds_at_once_mend_an_hour_once(db: firestore.Client, fleet_name: str) -> None:
    _counted(db, fleet_name, 10)
    _lose_shards(db, fleet_name)
    needed = [list(_repairs(db, fleet_name)) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        mended = pool.map(lambda repair: mend(db, fleet_name, Fleet(), repair), chain(*needed))
        assert sum(mended) == 1
    finish(db, fleet_name)
    assert published(db, fleet_name)["total_all"]["fleet"]["cost_nanousd"] == 10


def test_hours_the_ledger_has_forgotten_are_refused(db: firestore.Client, fleet_name: str) -> None:
    """Half of what the fleet has counted was counted before the ledger's memory began."""
    recorder = _counted(db, fleet_name, 10, 20)
    marker(db, fleet_name).set(
        {"hour": "", "cursor": "", "began_at": _NOW, "ledger_days": 90, "closed": 0,
         "known_since": stamp(moment(db, fleet_name))}
    )  # fmt: skip
    old = _NOW - timedelta(days=40)
    deliver(recorder.write("t-9", {**_TASK, "cost_nanousd": 5, "reported_at": old}))
    publish(db, fleet_name)
    _spoil_shards(db, fleet_name)
    result = run("rebuild", "--fleet", fleet_name, "--from", hour_of(old))
    assert result.exit_code == 1
    assert "1 hour mended" in result.output
    assert "2 hours left as found" in result.output
    shards = verified(fleet_name)["checks"]["shards"]
    assert (shards["looked_at"], shards["forgotten"], shards["wrong"]) == (1, 2, 0)


def test_from_documents_the_totals_are_exact_in_the_hours_they_report(
    db: firestore.Client, fleet_name: str
) -> None:
    """Of three days ago the ledger is gone; of today it is there."""
    recorder = _counted(db, fleet_name, 10, 20, 30, 40, hours_ago=72)
    for entry in db.collection("fleets", fleet_name, "ledger").stream():
        if entry.get("hour") < hour_of(_NOW):
            entry.reference.delete()
    before = published(db, fleet_name)
    _lose_shards(db, fleet_name)
    # These documents were made today: as of when they were made, the ledger of then is gone.
    since = stamp(moment(db, fleet_name))
    for repair in repairs(
        db, fleet_name, Fleet(), "0000", "9999", since=since, forgotten=[], from_documents=True
    ):
        mend(db, fleet_name, Fleet(), repair)
    finish(db, fleet_name)
    assert published(db, fleet_name) == before
    last = {write.path: write.after for write in recorder.writes}
    everything = add_up(cells_of(path, version) for path, version in last.items())
    assert published(db, fleet_name)["total_all"]["fleet"] == everything["fleet"]


def _repairs(db: firestore.Client, fleet: str) -> Iterator[Repair]:
    since = stamp(_NOW - timedelta(days=9))
    return repairs(db, fleet, Fleet(), "0000", "9999", since=since, forgotten=[])
