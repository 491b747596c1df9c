"""The learned cliff, from the tasks' outcomes to the threshold that sessions are measured by."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.cloud import firestore

from counting.contribution import contribution
from events.change import Version
from publishing import baselines
from publishing.rollups import publish
from rotation import thresholds as learned
from support.wire.meter import Meter, metered
from tachograph_cli.local.stack import Stack
from tachograph_schema.counters.cells import add_up
from tachograph_schema.documents.baseline import Baseline
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.documents.rollup import Shard
from tachograph_schema.paths import TASKS, shard_id
from tachograph_schema.periods import hour_of

_AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
_ID = "build__m"


def _task(left: float, n: int, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - a task's fields
    usual = {
        "status": "completed",
        "task_type": "build",
        "model": "m",
        "context_remaining_min_pct": left,
        "context_remaining_pct": 90,
        "tokens_in": 10 + n,
        "cost_nanousd": 5,
    }
    return usual | fields


def _fleet(below: int, above: int) -> list[dict[str, Any]]:
    """Make tasks of which half end badly below 40 %, and one in ten above."""
    trouble: list[dict[str, Any]] = [{"status": "failed"}, {"rework_count": 1}, {"retries": 2}]
    low = [_task(n * 40 / below, n, **(trouble[n % 3] if n % 2 else {})) for n in range(below)]
    high = [
        _task(40 + n * 60 / above, n, **(trouble[n % 3] if n % 10 == 0 else {}))
        for n in range(above)
    ]
    return [*low, *high]


def _count(
    db: firestore.Client, fleet: str, tasks: list[dict[str, Any]], at: datetime = _AT
) -> None:
    """Count tasks as the functions would, publish them, and learn."""
    cells = add_up(contribution(TASKS, Version(t, "", at), Fleet()).cells for t in tasks)
    shard = Shard(hour=hour_of(at), dirty=True, c=cells)
    db.document("fleets", fleet, "shards", shard_id(0, shard.hour)).set(shard.model_dump())
    publish(db, fleet)
    assert baselines.refresh_baselines(db, fleet) == 1


def _baseline(db: firestore.Client, fleet: str) -> Baseline:
    found = db.document("fleets", fleet, "baselines", _ID).get()
    return Baseline.model_validate(found.to_dict())


@pytest.fixture(autouse=True)
def _forgetful(monkeypatch: pytest.MonkeyPatch, db: firestore.Client) -> None:
    learned._cache().clear()
    monkeypatch.setattr(learned, "db", lambda: db)


def test_outcomes_teach_the_threshold_they_support(db: firestore.Client, fleet_name: str) -> None:
    _count(db, fleet_name, _fleet(120, 300))
    found = _baseline(db, fleet_name)
    assert found.rotate_below_pct == 40
    assert found.cliff is not None
    assert found.cliff.status == "learned"
    assert found.cliff.low_pct <= 40 <= found.cliff.high_pct
    assert (found.cliff.runs_below, found.cliff.bad_below) == (120, 60)
    assert (found.cliff.runs_above, found.cliff.bad_above) == (300, 30)
    assert sum(found.cliff.runs) == 420
    assert found.cliff.worse_low > 0.2
    assert learned.learned_threshold_pct(fleet_name, "build", "m") == 40


def test_too_few_outcomes_teach_nothing_and_say_how_many_more_it_takes(
    db: firestore.Client, fleet_name: str
) -> None:
    _count(db, fleet_name, _fleet(10, 60))
    found = _baseline(db, fleet_name)
    assert found.rotate_below_pct is None
    assert found.cliff is not None
    assert found.cliff.status == "too_few"
    assert found.cliff.needs_below + found.cliff.needs_above > 100
    assert learned.learned_threshold_pct(fleet_name, "build", "m") is None


def test_threshold_goes_when_outcomes_no_longer_support_it(
    db: firestore.Client, fleet_name: str
) -> None:
    db.document("fleets", fleet_name, "baselines", _ID).set({"rotate_below_pct": 55.0})
    _count(db, fleet_name, [_task(n % 100, n) for n in range(600)])
    found = _baseline(db, fleet_name)
    assert found.rotate_below_pct is None
    assert found.cliff is not None
    assert found.cliff.status == "none"


def test_nothing_is_known_of_work_whose_type_or_model_is_not(
    db: firestore.Client, fleet_name: str
) -> None:
    _count(db, fleet_name, _fleet(120, 300))
    for pair in ((None, "m"), ("build", None), ("build", "other"), ("test", "m")):
        assert learned.learned_threshold_pct(fleet_name, *pair) is None


@pytest.fixture
def meter(
    emulator: Stack, db: firestore.Client, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Meter]:
    """Give the meter that what was learned is read through."""
    with metered(emulator.address("firestore")) as counting:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", counting.address)
        client = firestore.Client(project=db.project, credentials=db._credentials)
        monkeypatch.setattr(learned, "db", lambda: client)
        yield counting
        client.close()


def test_what_was_learned_is_read_once_a_minute_in_one_query(
    db: firestore.Client, fleet_name: str, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(5):
        fields = {"task_type": f"t{n}", "model": "m", "runs": 9}
        fields |= {"rotate_below_pct": 30.0 + n} if n < 2 else {}
        db.document("fleets", fleet_name, "baselines", f"t{n}__m").set(fields)
    now_s = [1000.0]
    monkeypatch.setattr("runtime.cache.time.monotonic", lambda: now_s[0])
    for n in range(5):
        expected = 30.0 + n if n < 2 else None
        assert learned.learned_threshold_pct(fleet_name, f"t{n}", "m") == expected
    bill = meter.bill()
    assert (dict(bill.calls), bill.reads) == ({"RunQuery": 1}, 2)
    now_s[0] += 59
    learned.learned_threshold_pct(fleet_name, "t0", "m")
    assert meter.take() == []
    now_s[0] += timedelta(seconds=2).total_seconds()
    db.document("fleets", fleet_name, "baselines", "t0__m").update({"rotate_below_pct": 50})
    assert learned.learned_threshold_pct(fleet_name, "t0", "m") == 50
