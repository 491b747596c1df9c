"""tachograph rates: two snapshots a window, whatever is missing between them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner, Result
from google.cloud import firestore

from publishing import snapshots
from support.wire.meter import metered
from tachograph_cli.local.stack import Stack
from tachograph_cli.main import main
from tachograph_cli.report.rates import over, over_each
from tachograph_schema.counters.rates import WINDOWS
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.paths import bucket_of

_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _take(db: firestore.Client, fleet: str, at: datetime, completed: int) -> None:
    """Take the snapshot of a moment, as a tick does, when so many tasks are completed."""
    total = {"grain": "total", "period": "all", "as_of": at, "ratios": {}}
    total["c"] = {"fleet": {"tasks_completed": completed, "cost_nanousd": completed * 10**9}}
    db.document("fleets", fleet, "rollups", "total_all").set(total)
    assert snapshots.claim_bucket(db, fleet, bucket_of(at), Fleet())
    snapshots.take_snapshot(db, fleet, bucket_of(at), at)


def _run(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "100"}).invoke(main, ["rates", *arguments])


def test_rate_is_over_the_snapshots_there_are_and_says_how_long_that_is(
    db: firestore.Client, fleet_name: str
) -> None:
    for minutes, completed in ((0, 90), (4, 80), (7, 60), (180, 0)):
        _take(db, fleet_name, _NOW - timedelta(minutes=minutes), completed)
    by_window = over_each(db, fleet_name, WINDOWS)
    spans = {
        name: rate and (rate.span, rate.growth["tasks_completed"])
        for name, rate in by_window.items()
    }
    assert spans == {
        "5m": (timedelta(minutes=7), 30),  # none was taken five minutes ago
        "1h": (timedelta(hours=3), 90),
        "24h": (timedelta(hours=3), 90),  # nor is there any as old
        "7d": (timedelta(hours=3), 90),
    }


def test_window_costs_two_reads_however_many_snapshots_lie_in_it(
    emulator: Stack, db: firestore.Client, fleet_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(30):
        _take(db, fleet_name, _NOW - timedelta(minutes=n), 100 - n)
    with metered(emulator.address("firestore")) as meter:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", meter.address)
        client = firestore.Client(project=db.project, credentials=db._credentials)
        rate = over(client, fleet_name, timedelta(minutes=20))
        bill = meter.bill()
        client.close()
    assert rate is not None
    assert rate.per_min("tasks_completed") == 1
    assert (dict(bill.calls), bill.reads) == ({"RunQuery": 2}, 2)


def test_bucket_whose_tick_died_is_passed_over(db: firestore.Client, fleet_name: str) -> None:
    _take(db, fleet_name, _NOW - timedelta(minutes=10), 5)
    assert snapshots.claim_bucket(db, fleet_name, _NOW - timedelta(minutes=6), Fleet())
    _take(db, fleet_name, _NOW, 25)
    assert snapshots.claim_bucket(db, fleet_name, _NOW + timedelta(minutes=1), Fleet())
    rate = over(db, fleet_name, timedelta(minutes=5))
    assert rate is not None
    assert (rate.until, rate.span) == (_NOW, timedelta(minutes=10))


def test_one_snapshot_makes_no_rate(db: firestore.Client, fleet_name: str) -> None:
    assert over(db, fleet_name, timedelta(hours=1)) is None
    _take(db, fleet_name, _NOW, 5)
    assert over(db, fleet_name, timedelta(hours=1)) is None
    result = _run("--fleet", fleet_name)
    assert result.exit_code == 1
    assert f"fleets/{fleet_name}/snapshots: fewer than two; a tick takes one" in result.output


@pytest.mark.usefixtures("db")
def test_bad_window_or_fleet_is_refused_before_anything_is_read(fleet_name: str) -> None:
    refused = _run("--fleet", fleet_name, "--window", "5")
    assert (refused.exit_code, "--window is '5'; expected" in refused.output) == (2, True)
    refused = _run("--fleet", "a/b")
    assert (refused.exit_code, "--fleet: the fleet is called" in refused.output) == (2, True)


def test_page_and_json_tell_the_same(db: firestore.Client, fleet_name: str) -> None:
    _take(db, fleet_name, _NOW - timedelta(minutes=30), 10)
    _take(db, fleet_name, _NOW, 40)
    printed = _run("--fleet", fleet_name, "--window", "30m")
    assert printed.exit_code == 0
    rows = {line[:25].strip(): line[25:].split() for line in printed.output.splitlines()}
    assert rows["tasks completed / min"] == ["1"]
    assert rows["spend / h"] == ["$60.00"]
    assert rows["measured over"] == ["30m", "00s"]
    content = json.loads(_run("--fleet", fleet_name, "--window", "30m", "--json").output)
    assert content["30m"]["span_s"] == 1800
    assert content["30m"]["growth"]["tasks_completed"] == 30
    assert content["30m"]["fell"] == []
