"""baselines/: published from the days' rollups, once an hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from google.cloud import firestore

from publishing import baselines
from support.wire.meter import metered
from tachograph_cli.local.stack import Stack
from tachograph_schema.counters.names import SKETCHES
from tachograph_schema.counters.sketch import bucket_counter
from tachograph_schema.documents.baseline import Baseline
from tachograph_schema.rotation.baseline import MIN_RUNS

NOW = datetime(2026, 3, 30, 12, 30, tzinfo=UTC)


def _day(db: firestore.Client, fleet: str, day: datetime, value: int, n: int = 1) -> None:
    """Publish a day with n runs of one value."""
    row = {bucket_counter(name, value): n for name in SKETCHES} | {"tasks_completed": n}
    rollup = {
        "grain": "day",
        "period": f"{day:%Y-%m-%d}",
        "as_of": NOW,
        "c": {"type:a/b|model:x/y": row, "fleet": row},
    }
    db.document("fleets", fleet, "rollups", f"day_{day:%Y-%m-%d}").set(rollup)


def _published(db: firestore.Client, fleet: str) -> dict[str, Baseline]:
    found = db.collection("fleets", fleet, "baselines").stream()
    return {doc.id: Baseline.model_validate(doc.to_dict()) for doc in found}


def test_normal_rests_on_the_last_twenty_eight_published_days(
    db: firestore.Client, fleet_name: str
) -> None:
    for n in range(30):
        _day(db, fleet_name, NOW - timedelta(days=2 * n), 1_000_000 if n < 28 else 5, 1)
    assert baselines.refresh_baselines(db, fleet_name) == 1
    [(name, normal)] = _published(db, fleet_name).items()
    assert name == "a%2Fb__x%2Fy"
    assert (normal.task_type, normal.model, normal.runs, normal.days) == ("a/b", "x/y", 28, 28)
    assert set(normal.quantiles) == {"tokens_total", "steps", "duration_ms", "cost_nanousd"}
    assert normal.quantiles["steps"]["p50"] == pytest.approx(1_000_000, rel=0.02)


def test_refresh_leaves_nothing_of_what_a_baseline_was(
    db: firestore.Client, fleet_name: str
) -> None:
    ref = db.document("fleets", fleet_name, "baselines", "a%2Fb__x%2Fy")
    ref.set({"rotate_below_pct": 41.0, "quantiles": {"gone": {"p50": 1.0}}})
    _day(db, fleet_name, NOW, 9, MIN_RUNS)
    baselines.refresh_baselines(db, fleet_name)
    [normal] = _published(db, fleet_name).values()
    assert normal.rotate_below_pct is None
    assert "gone" not in normal.quantiles
    assert normal.cliff is not None
    assert (normal.cliff.status, sum(normal.cliff.runs)) == ("too_few", 0)


def test_too_few_runs_publish_nothing(db: firestore.Client, fleet_name: str) -> None:
    _day(db, fleet_name, NOW, 9, MIN_RUNS - 1)
    assert baselines.refresh_baselines(db, fleet_name) == 0
    assert _published(db, fleet_name) == {}


def test_refreshed_once_an_hour_by_whichever_process(db: firestore.Client, fleet_name: str) -> None:
    baselines._refreshed.clear()
    now = datetime.now(UTC)
    _day(db, fleet_name, now, 9, MIN_RUNS)
    assert baselines.refresh_if_due(db, fleet_name, now)
    assert not baselines.refresh_if_due(db, fleet_name, now)
    baselines._refreshed.clear()  # another process
    assert not baselines.refresh_if_due(db, fleet_name, now)
    assert baselines.refresh_if_due(db, fleet_name, now + timedelta(hours=1))


def test_fleet_at_work_gets_its_first_normal_within_the_hour(
    db: firestore.Client, fleet_name: str
) -> None:
    baselines._refreshed.clear()
    _day(db, fleet_name, NOW, 9, MIN_RUNS - 1)
    assert baselines.refresh_if_due(db, fleet_name, NOW)
    _day(db, fleet_name, NOW, 9, MIN_RUNS)
    assert baselines.refresh_if_due(db, fleet_name, NOW)
    assert len(_published(db, fleet_name)) == 1


def test_refresh_takes_two_queries_and_one_commit_and_a_fresh_hour_nothing(
    emulator: Stack,
    db: firestore.Client,
    fleet_name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    baselines._refreshed.clear()
    for n in range(40):
        _day(db, fleet_name, NOW - timedelta(days=n), 9)
    with metered(emulator.address("firestore")) as meter:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", meter.address)
        client = firestore.Client(project=db.project, credentials=db._credentials)
        now = datetime.now(UTC)
        baselines.refresh_if_due(client, fleet_name, now)
        taken = meter.take()
        baselines.refresh_if_due(client, fleet_name, now)
        assert meter.take() == []
        client.close()
    assert [name for name, _ in taken] == ["RunQuery", "RunQuery", "Commit"]
    assert taken[-1] == ("Commit", 1)
