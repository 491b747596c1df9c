"""tachograph verify: whatever is wrong is found, with the exact difference."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from google.cloud import firestore

from publishing.rollups import publish
from support.cli import run, verified, wrong
from support.recorded_events import Recorder, deliver
from tachograph_cli.local.machine import Missing
from tachograph_cli.main import main

_TASK = {"status": "completed", "model": "claude-opus-4-6", "tokens_in": 3, "agent_id": "b-1"}


def _counted(db: firestore.Client, fleet: str, *costs: int) -> Recorder:
    recorder = Recorder(db, fleet)
    for n, cost in enumerate(costs):
        for part in (cost // 2, cost):
            deliver(recorder.write(f"t-{n}", {**_TASK, "cost_nanousd": part}))
    deliver(recorder.write("s-1", {"state": "active", "agent_id": "b-1"}, "sessions"))
    publish(db, fleet)
    return recorder


def test_what_was_counted_and_published_holds(db: firestore.Client, fleet_name: str) -> None:
    _counted(db, fleet_name, 10, 20, 30)
    verification = verified(fleet_name, "--all-ages")
    assert verification["holds"]
    looked = {name: check["looked_at"] for name, check in verification["checks"].items()}
    assert looked["ledger"] == 7
    assert looked["documents"] == 4
    result = run("verify", "--fleet", fleet_name)
    assert (result.exit_code, "Everything holds." in result.output) == (0, True)


def test_lost_event_between_two_is_told_to_the_counter(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder = _counted(db, fleet_name)
    first, _, last = (recorder.write("t-1", {**_TASK, "cost_nanousd": n}) for n in (1, 5, 7))
    deliver(first)
    deliver(last)
    publish(db, fleet_name)
    assert verified(fleet_name)["checks"]["ledger"]["waiting"] == 1, "it may still come"
    check = verified(fleet_name, "--all-ages")["checks"]["ledger"]
    assert check["difference"]["fleet"] == {"cost_nanousd": -4, "cost_reported_nanousd": -4,
                                            "root_first_cost_nanousd": -4} | {
        name: n for name, n in check["difference"]["fleet"].items() if "~" in name
    }  # fmt: skip
    assert [where["where"] for where in check["findings"]] == [f"fleets/{fleet_name}/tasks/t-1"]
    assert wrong(fleet_name, "--all-ages") == {"ledger": 1}


def test_lost_last_event_is_told_of_its_document(db: firestore.Client, fleet_name: str) -> None:
    recorder = _counted(db, fleet_name, 10)
    recorder.write("t-0", {**_TASK, "cost_nanousd": 25})
    check = verified(fleet_name, "--all-ages")["checks"]["documents"]
    assert check["wrong"] == 1
    assert check["difference"]["fleet"]["cost_nanousd"] == -15


def test_shard_that_is_off_is_told_by_hour_and_by_how_much(
    db: firestore.Client, fleet_name: str
) -> None:
    _counted(db, fleet_name, 10)
    [shard, *_] = db.collection("fleets", fleet_name, "shards").stream()
    shard.reference.update({"c.fleet.cost_nanousd": firestore.Increment(7), "dirty": True})
    publish(db, fleet_name)
    checks = verified(fleet_name)["checks"]
    hour = shard.get("hour")
    [finding] = checks["shards"]["findings"]
    assert finding == {"where": hour, "difference": {"fleet": {"cost_nanousd": 7}}}
    assert checks["rollups"]["findings"] == [finding]
    assert not checks["sums"]["wrong"], "days are the sums of their hours"


def test_rollup_somebody_changed_is_told(db: firestore.Client, fleet_name: str) -> None:
    _counted(db, fleet_name, 10)
    [day] = [d for d in db.collection("fleets", fleet_name, "rollups").stream()
             if d.get("grain") == "day"]  # fmt: skip
    day.reference.update({"c.fleet.tokens_in": 0})
    assert wrong(fleet_name) == {"sums": 2}, "the day, and the week that is not its sum"


def test_hour_that_is_not_published_yet_is_waited_for(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder = _counted(db, fleet_name, 10)
    deliver(recorder.write("t-9", {**_TASK, "cost_nanousd": 5}))
    verification = verified(fleet_name)
    assert verification["holds"]
    assert verification["checks"]["rollups"]["waiting"] == 1


def test_rollup_of_more_agents_than_it_tells_apart_holds(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder = Recorder(db, fleet_name)
    for n in range(310):
        deliver(recorder.write(f"t-{n}", {**_TASK, "agent_id": f"a-{n}", "cost_nanousd": n}))
    publish(db, fleet_name)
    assert wrong(fleet_name, "--all-ages") == {}


def test_document_counted_by_other_labels_than_todays_is_told_and_is_not_wrong(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder = Recorder(db, fleet_name)
    deliver(recorder.write("t-1", {**_TASK, "labels": {"squad": "x"}}))
    publish(db, fleet_name)
    db.document("fleets", fleet_name).set({"label_keys": ["squad"]})
    verification = verified(fleet_name, "--all-ages")
    assert (verification["holds"], verification["restated_documents"]) == (True, 1)


def test_table_names_what_is_wrong_and_what_mends_it(db: firestore.Client, fleet_name: str) -> None:
    recorder = _counted(db, fleet_name, 10)
    recorder.write("t-0", {**_TASK, "cost_nanousd": 2_000_000_010})
    result = run("verify", "--fleet", fleet_name, "--all-ages")
    assert result.exit_code == 1
    for words in ("-$2.00", f"fleets/{fleet_name}/tasks/t-0", "tachograph sweep", "Not so."):
        assert words in result.output


def test_sweep_command_closes_what_verify_found(db: firestore.Client, fleet_name: str) -> None:
    recorder = _counted(db, fleet_name, 10)
    recorder.write("t-0", {**_TASK, "cost_nanousd": 25})
    assert "1 gaps found, 1 closed" in run("sweep", "--fleet", fleet_name, "--all-ages").output
    publish(db, fleet_name)
    assert wrong(fleet_name, "--all-ages") == {}


def test_without_a_checkout_the_commands_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = Missing("repository", "run this inside a clone", "none at or above /tmp")
    monkeypatch.setattr("tachograph_cli.local.machine.find_root", lambda: missing)
    result = CliRunner().invoke(main, ["verify", "--fleet", "acme"])
    assert result.exit_code == 1
    assert "functions/: none at or above /tmp; expected a checkout" in result.output
