"""Fleets of many and long names: whatever they are called, what they did is counted and shown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.cloud import firestore

from counting import ledger
from counting.commit import Entry
from counting.contribution import contribution
from events.change import Version, stamp
from publishing.rollups import mend_total, publish
from publishing.snapshots import take_snapshot
from support.fleets.wide import day_of_work
from support.recount import rollup
from tachograph_cli.repair.verify import verify
from tachograph_schema.counters.cells import Cells, add_up
from tachograph_schema.counters.dimensions import bounded
from tachograph_schema.counters.fit import spelled_out
from tachograph_schema.counters.names import FLEET
from tachograph_schema.counters.scopes import dimension, pair, scope
from tachograph_schema.counters.size import MAX_DOCUMENT_BYTES, MAX_INT, document_size
from tachograph_schema.counters.sketch import sums
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.documents.rollup import Rollup
from tachograph_schema.paths import SHARDS, TASKS, DocumentPath, ledger_key, shard_id

HOUR = "2026-03-01T12"
_POLICY = Fleet(shard_count=1)
_FILLER = "x" * 1_048_300


def _write_shards(db: firestore.Client, fleet: str, hour: str, cells: Cells) -> None:
    """Write an hour's counters in shards of some 300 kB."""
    scopes = list(cells)
    for n, start in enumerate(range(0, len(scopes), 300)):
        part = {name: cells[name] for name in scopes[start : start + 300]}
        shard = {"hour": hour, "dirty": True, "c": part}
        db.document("fleets", fleet, SHARDS, shard_id(n, hour)).set(shard)


def _size(name: str, fields: dict[str, Any]) -> int:
    return document_size(f"fleets/a-fleet/rollups/{name}", fields)


@pytest.fixture(scope="module")
def hours() -> list[Cells]:
    return day_of_work(60, 8, 400, 4000, pad="-" + "ö" * 180)


def test_day_of_a_fleet_that_no_document_could_hold_is_published_with_exact_totals(
    db: firestore.Client, fleet_name: str, hours: list[Cells]
) -> None:
    for n, cells in enumerate(hours):
        _write_shards(db, fleet_name, f"2026-03-01T{n:02}", cells)
    assert len(publish(db, fleet_name)) == 24
    assert publish(db, fleet_name) == []
    truth = add_up(hours)
    named = bounded(truth)
    assert _size("day_2026-03-01", {"c": named, **spelled_out(named)}) > 1_048_576
    for name in ("day_2026-03-01", "week_2026-W09", "total_all"):
        assert rollup(db, fleet_name, name)["c"][FLEET] == truth[FLEET], name
    day = rollup(db, fleet_name, "day_2026-03-01")
    assert _size("day_2026-03-01", day) < MAX_DOCUMENT_BYTES
    assert day["folded"]["agent"] > 0
    assert Rollup.model_validate(day).sketch_step in (1, 3, 9)
    for kind in ("agent", "type", "model", "tier", "type|model"):
        parts = (sums(row) for name, row in day["c"].items() if dimension(name) == kind)
        spent = sum(row["cost_nanousd"] for row in parts)
        assert spent == truth[FLEET]["cost_nanousd"], kind
    assert not mend_total(db, fleet_name)


def test_fleet_of_long_names_has_its_live_document_as_any_other(
    db: firestore.Client, fleet_name: str, hours: list[Cells]
) -> None:
    now = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    _write_shards(db, fleet_name, HOUR, hours[12])
    publish(db, fleet_name)
    take_snapshot(db, fleet_name, now, now)
    live = db.document("fleets", fleet_name, "live", "now").get().to_dict() or {}
    assert live["totals"]["cost_nanousd"] == hours[12][FLEET]["cost_nanousd"]
    assert _size("now", live) < 100_000


def test_sums_beyond_any_integer_are_the_largest_and_the_fleet_is_shown_on(
    db: firestore.Client, fleet_name: str
) -> None:
    now = datetime(2026, 3, 1, 12, 1, tzinfo=UTC)
    row = {"cost_nanousd": MAX_INT, "tokens_in": MAX_INT, "tokens_out": MAX_INT, "steps": 3}
    for hour in ("2026-03-01T11", HOUR):
        for n in range(2):
            shard = {"hour": hour, "dirty": True, "c": {FLEET: row, scope("agent", str(n)): row}}
            db.document("fleets", fleet_name, SHARDS, shard_id(n, hour)).set(shard)
    publish(db, fleet_name)
    assert rollup(db, fleet_name, "day_2026-03-01")["c"][FLEET]["cost_nanousd"] == MAX_INT
    assert rollup(db, fleet_name, "total_all")["c"][FLEET] == row | {"steps": 12}
    take_snapshot(db, fleet_name, now, now)
    take_snapshot(db, fleet_name, now + timedelta(minutes=1), now + timedelta(minutes=1))
    live = db.document("fleets", fleet_name, "live", "now").get().to_dict() or {}
    assert live["burn_nanousd_per_h"] == live["totals"]["cost_nanousd"] == MAX_INT


@pytest.fixture
def full(
    db: firestore.Client, fleet_name: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[int]]:
    """Fill the usual shards of an hour, which are two here; yield those that are left."""
    monkeypatch.setattr(ledger, "MAX_SPILLS", 1)
    ledger._full.clear()
    _fill(db, fleet_name, [0, 1])
    yield [1 + ledger._APART, 1 + 2 * ledger._APART]
    ledger._full.clear()


def _fill(db: firestore.Client, fleet: str, shards: list[int]) -> None:
    for n in shards:
        shard = {"hour": HOUR, "dirty": False, "c": {}, "filler": _FILLER}
        db.document("fleets", fleet, SHARDS, shard_id(n, HOUR)).set(shard)


def _count(db: firestore.Client, fleet: str, task: str, **fields: Any) -> Entry:  # noqa: ANN401 - a task's
    """Write a task, and count it as its event would be."""
    path = DocumentPath(fleet, TASKS, task)
    fields = {"reported_at": datetime(2026, 3, 1, 12, 5, tzinfo=UTC), **fields}
    written: Any = db.document(str(path)).set(fields).update_time
    at = stamp(written, written.nanosecond)
    counts = contribution(TASKS, Version(fields, at, written, at), _POLICY)
    entry = Entry(
        path=path,
        key=ledger_key(str(path), at),
        update_time=at,
        hour=HOUR,
        delta=counts.cells,
        after=counts.cells,
        spread=counts.agent or "",
        created=at,
    )
    assert ledger.apply(entry, ledger.documents_of(_POLICY))
    return entry


def test_event_of_a_full_hour_counts_for_the_fleet_and_its_agent_and_the_ledger_says_so(
    db: firestore.Client, fleet_name: str, full: list[int]
) -> None:
    task = {"agent_id": "a", "task_type": "build", "model": "m", "cost_nanousd": 7}
    entry = _count(db, fleet_name, "t-1", **task)
    written = db.document("fleets", fleet_name, "ledger", entry.key).get().to_dict() or {}
    assert written["folded"] == "names"
    publish(db, fleet_name)
    hour = rollup(db, fleet_name, f"hour_{HOUR}")["c"]
    assert hour[FLEET]["cost_nanousd"] == hour[scope("agent", "a")]["cost_nanousd"] == 7
    assert hour["type:_other"]["cost_nanousd"] == 7
    assert scope("type", "build") not in hour
    assert db.document("fleets", fleet_name, SHARDS, shard_id(full[0], HOUR)).get().exists


def test_event_counts_for_the_fleet_when_not_even_agents_have_room(
    db: firestore.Client, fleet_name: str, full: list[int]
) -> None:
    _fill(db, fleet_name, [full[0]])
    entry = _count(db, fleet_name, "t-1", agent_id="a", task_type="build", cost_nanousd=7)
    written = db.document("fleets", fleet_name, "ledger", entry.key).get().to_dict() or {}
    assert written["folded"] == "agents"
    publish(db, fleet_name)
    hour = rollup(db, fleet_name, f"hour_{HOUR}")["c"]
    assert hour[FLEET]["cost_nanousd"] == hour["agent:_other"]["cost_nanousd"] == 7
    assert not ledger.apply(entry, ledger.documents_of(_POLICY)), "counted twice"


@pytest.mark.usefixtures("full")
def test_verify_finds_nothing_wrong_with_an_hour_that_was_full(
    db: firestore.Client, fleet_name: str
) -> None:
    db.document("fleets", fleet_name).set({"shard_count": 1})
    for n in range(3):
        _count(db, fleet_name, f"t-{n}", agent_id=f"a-{n}", task_type=f"x|{n}", cost_nanousd=n)
    publish(db, fleet_name)
    found = verify(db, fleet_name, _POLICY, all_ages=True)
    assert [check.findings for check in found.checks if check.wrong] == []


def test_types_that_spell_other_scopes_are_published_apart(
    db: firestore.Client, fleet_name: str
) -> None:
    db.document("fleets", fleet_name).set({"shard_count": 1})
    types = ("build", "build|model:gpt-5", "_other", "a=b:c%", "build|model:gpt-5|model:m")
    for n, name in enumerate(types):
        _count(db, fleet_name, f"t-{n}", task_type=name, model="gpt-5", cost_nanousd=10**n)
    publish(db, fleet_name)
    day = rollup(db, fleet_name, "day_2026-03-01")["c"]
    for n, name in enumerate(types):
        assert day[scope("type", name)]["cost_nanousd"] == 10**n
        assert day[pair(name, "gpt-5")]["cost_nanousd"] == 10**n
    assert sum(dimension(name) == "type" for name in day) == len(types)
    assert verify(db, fleet_name, _POLICY, all_ages=True).holds


def test_hours_from_before_names_were_escaped_add_up_with_those_of_today(
    db: firestore.Client, fleet_name: str
) -> None:
    for hour, name in (
        ("2026-03-01T11", "model:ollama/llama3:8b"),
        (HOUR, "model:ollama/llama3%3A8b"),
    ):
        cells = {FLEET: {"tokens_in": 2}, name: {"tokens_in": 2}}
        _write_shards(db, fleet_name, hour, cells)
    publish(db, fleet_name)
    day = rollup(db, fleet_name, "day_2026-03-01")["c"]
    assert day == {FLEET: {"tokens_in": 4}, scope("model", "ollama/llama3:8b"): {"tokens_in": 4}}
