"""tachograph reprice: when asked, computed costs become what today's prices make them, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from google.cloud import firestore

from publishing.rollups import publish
from runtime.policy import _policies
from support.cli import run, wrong
from support.recorded_events import Recorder, deliver
from support.recount import published
from support.wire.events import Version, Write
from tachograph import Fleet as Agents
from tachograph import Usage
from tachograph_schema.periods import day_of, hour_of

_MTOK = 10**6
_NOW = datetime.now(UTC)
_TASK = {"status": "active", "model": "our-model", "provider": "us", "agent_id": "b-1"}


def _price(db: firestore.Client, fleet: str, usd_per_mtok: float) -> None:
    row = {
        "model": "our-model",
        "valid_from": "2026-01-01T00:00:00Z",
        "input_usd_per_mtok": usd_per_mtok,
        "output_usd_per_mtok": 1,
    }
    db.document(f"fleets/{fleet}/prices/ours").set({"rows": [row]})
    _policies().clear()


def _reprice(fleet: str, *more: str) -> str:
    days = (_NOW - timedelta(days=1), _NOW + timedelta(days=1))
    first, last = (day_of(hour_of(day)) for day in days)
    result = run("reprice", "--fleet", fleet, "--from", first, "--to", last, *more)
    assert result.exit_code == 0, result.output
    return result.output


def _costs(db: firestore.Client, fleet: str) -> dict[str, int]:
    """Return by hour what was spent, and in all."""
    rollups = published(db, fleet)
    return {
        name.removeprefix("hour_"): cells["fleet"].get("cost_nanousd", 0)
        for name, cells in rollups.items()
        if name.startswith(("hour_", "total_"))
    }


def _grow(recorder: Recorder, *tokens_at: tuple[int, datetime], **said: Any) -> None:  # noqa: ANN401
    for tokens, at in tokens_at:
        usage = {"tokens_in": tokens, "llm_calls": 1, "reported_at": at}
        priced = {name: value * tokens // _MTOK for name, value in said.items()}
        source = {"cost_source": "priced"} if said else {}
        deliver(recorder.write("t-1", {**_TASK, **usage, **priced, **source}))


def _event_of_correction(recorder: Recorder) -> Write:
    """Make the event of what the command wrote into a document; nothing reacts to it here."""
    last = recorder.writes[-1]
    document = recorder.db.document(last.path).get()
    assert last.after is not None
    after = Version(document.to_dict() or {}, document.update_time, last.after.created_at)
    return Write(last.path, last.after, after)


_EARLIER = _NOW - timedelta(hours=3)
_HOURS = (hour_of(_EARLIER), hour_of(_NOW))


def test_cost_the_functions_computed_is_priced_again_in_the_hours_it_was_counted_in(
    db: firestore.Client, fleet_name: str
) -> None:
    _price(db, fleet_name, 2)
    recorder = Recorder(db, fleet_name)
    _grow(recorder, (_MTOK, _EARLIER), (4 * _MTOK, _NOW))
    first, last = _HOURS
    assert _costs(db, fleet_name) == {first: 2 * 10**9, last: 6 * 10**9, "total_all": 8 * 10**9}
    _price(db, fleet_name, 3)
    assert "1 task corrected" in _reprice(fleet_name)
    repriced = {first: 3 * 10**9, last: 9 * 10**9, "total_all": 12 * 10**9}
    assert _costs(db, fleet_name) == repriced
    assert "Every cost is what" in _reprice(fleet_name)
    assert _costs(db, fleet_name) == repriced
    assert wrong(fleet_name, "--all-ages") == {}


def test_later_write_of_a_repriced_task_neither_undoes_nor_doubles_it(
    db: firestore.Client, fleet_name: str
) -> None:
    _price(db, fleet_name, 2)
    recorder = Recorder(db, fleet_name)
    _grow(recorder, (_MTOK, _EARLIER))
    _price(db, fleet_name, 3)
    _reprice(fleet_name)
    _grow(recorder, (2 * _MTOK, _NOW))
    assert _costs(db, fleet_name)["total_all"] == 6 * 10**9
    assert wrong(fleet_name, "--all-ages") == {}


def test_cost_the_sdk_computed_is_corrected_in_the_document_and_in_its_hours(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder = Recorder(db, fleet_name)
    _grow(recorder, (_MTOK, _EARLIER), (4 * _MTOK, _NOW), cost_nanousd=2 * 10**9)
    _price(db, fleet_name, 3)
    assert "1 task corrected" in _reprice(fleet_name)
    task = db.document(recorder.writes[-1].path).get().to_dict() or {}
    assert task["cost_nanousd"] == 12 * 10**9
    assert "not counted yet" not in _reprice(fleet_name)
    deliver(_event_of_correction(recorder))
    first, last = _HOURS
    repriced = {first: 3 * 10**9, last: 9 * 10**9, "total_all": 12 * 10**9}
    assert _costs(db, fleet_name) == repriced
    assert "Every cost is what" in _reprice(fleet_name)
    assert _costs(db, fleet_name) == repriced
    assert wrong(fleet_name, "--all-ages") == {}


def test_agent_at_work_on_a_corrected_task_goes_on_from_the_corrected_cost(
    db: firestore.Client, fleet_name: str
) -> None:
    usage = Usage(tokens_in=_MTOK)
    priced = {"model": "our-model", "provider": "us"}
    _price(db, fleet_name, 2)
    with (
        Agents(fleet_name, client=db) as agents,
        agents.session("b-1") as session,
        session.task("t-1") as task,
    ):
        task.record(usage, **priced)
        task.flush()
        ref = db.document("fleets", fleet_name, "tasks", "t-1")
        document, recorder = ref.get(), Recorder(db, fleet_name)
        fields = document.to_dict() or {}
        assert fields["cost_nanousd"] == 2 * 10**9
        made = Version(fields, document.update_time, document.create_time)
        assert deliver(Write(f"fleets/{recorder.fleet}/tasks/t-1", None, made))
        _price(db, fleet_name, 3)
        assert "1 task corrected" in _reprice(fleet_name)
        task.record(usage, cost_nanousd=7, **priced)
        task.flush()
    now = ref.get().to_dict() or {}
    assert now["cost_nanousd"] == 3 * 10**9 + 7


def test_model_that_had_no_price_gets_its_cost(db: firestore.Client, fleet_name: str) -> None:
    recorder = Recorder(db, fleet_name)
    unpriced = {"unpriced_calls": 1, "unpriced_tokens": _MTOK, "cost_source": "unpriced"}
    usage = {"tokens_in": _MTOK, "llm_calls": 1, "reported_at": _EARLIER}
    deliver(recorder.write("t-1", {**_TASK, **usage, **unpriced}))
    _price(db, fleet_name, 3)
    _reprice(fleet_name)
    deliver(_event_of_correction(recorder))
    total = published(db, fleet_name)["total_all"]["fleet"]
    assert total["cost_nanousd"] == 3 * 10**9
    assert "unpriced_tokens" not in total


def test_cost_that_was_reported_stays(db: firestore.Client, fleet_name: str) -> None:
    recorder = Recorder(db, fleet_name)
    reported = {"tokens_in": _MTOK, "cost_usd": 5.0, "reported_at": _EARLIER}
    deliver(recorder.write("t-1", {**_TASK, **reported}))
    _price(db, fleet_name, 3)
    assert "Every cost is what" in _reprice(fleet_name)
    assert _costs(db, fleet_name)["total_all"] == 5 * 10**9


def test_dry_run_prints_before_and_after_and_changes_nothing(
    db: firestore.Client, fleet_name: str
) -> None:
    _price(db, fleet_name, 2)
    recorder = Recorder(db, fleet_name)
    _grow(recorder, (_MTOK, _NOW))
    _price(db, fleet_name, 3)
    output = _reprice(fleet_name, "--dry-run")
    for words in ("our-model", "$2.00", "$3.00", "+$1.00", "1 task would be corrected"):
        assert words in output
    publish(db, fleet_name)
    assert _costs(db, fleet_name)["total_all"] == 2 * 10**9


def test_task_with_a_write_that_is_not_counted_yet_waits_for_its_turn(
    db: firestore.Client, fleet_name: str
) -> None:
    _price(db, fleet_name, 2)
    recorder = Recorder(db, fleet_name)
    _grow(recorder, (_MTOK, _NOW))
    recorder.write("t-1", {**_TASK, "tokens_in": 2 * _MTOK})
    _price(db, fleet_name, 3)
    assert "not counted yet" in _reprice(fleet_name)
    assert _costs(db, fleet_name)["total_all"] == 2 * 10**9


def test_days_that_are_not_asked_for_stay(db: firestore.Client, fleet_name: str) -> None:
    _price(db, fleet_name, 2)
    recorder = Recorder(db, fleet_name)
    _grow(recorder, (_MTOK, _NOW - timedelta(days=9)))
    _price(db, fleet_name, 3)
    assert "Every cost is what" in _reprice(fleet_name)
