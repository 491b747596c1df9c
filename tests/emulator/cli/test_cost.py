"""`tachograph cost`: the whole of a tree, whichever of its tasks is asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from click.testing import CliRunner
from google.cloud import firestore

from publishing.trees import publish_trees
from support.wire.events import Served, history, serve
from tachograph_cli.local.stack import Stack
from tachograph_cli.main import main
from tachograph_cli.report.cost.bill import bill
from tachograph_cli.report.cost.task_tree import read
from tachograph_schema.documents.fleet import Fleet


@pytest.fixture(scope="module")
def roll_up(emulator: Stack) -> Iterator[Served]:
    with serve("roll_up", emulator.address("firestore")) as served:
        yield served


def _task(cost: int, **fields: object) -> dict[str, Any]:
    return {"status": "completed", "model": "claude-opus-4-6", "cost_nanousd": cost, **fields}


TREE = {
    "T-1": _task(70, retries=2, retry_cost_nanousd=25, title="Ship it"),
    "T-1.a": _task(50, parent_task_id="T-1", rotations=1, rotation_cost_nanousd=5),
    "T-1.b": _task(7, parent_task_id="T-1", root_task_id="T-1", status="failed"),
    "T-1.a.x": _task(3, parent_task_id="T-1.a", handoffs=1, handoff_cost_nanousd=1),
    "T-1.a.x.deep": _task(1, parent_task_id="T-1.a.x", root_task_id="T-1"),
    # Who tells no cost is charged by the tokens.
    "T-1.plain": {"status": "active", "parent_task_id": "T-1", "tokens_in": 1000,
                  "model": "claude-opus-4-6", "provider": "anthropic"},
}  # fmt: skip
PRICED = 5_000_000


def _write(
    db: firestore.Client, fleet: str, tasks: dict[str, Any], roll_up: Served | None = None
) -> None:
    for name, fields in tasks.items():
        db.document("fleets", fleet, "tasks", name).set(fields)
    if roll_up is not None:
        writes = [w for n, f in tasks.items() for w in history(f"fleets/{fleet}/tasks/{n}", [f])]
        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(roll_up.deliver, writes)) == {200}
        publish_trees(db, fleet, Fleet())


def _cost(fleet: str, task: str) -> dict[str, Any]:
    outcome = CliRunner().invoke(main, ["cost", task, "--fleet", fleet, "--json"])
    assert outcome.exit_code == 0, outcome.output
    content: dict[str, Any] = json.loads(outcome.output)
    return content


@pytest.mark.parametrize("asked", ["T-1", "T-1.b", "T-1.a.x.deep"])
def test_any_task_of_a_tree_shows_the_whole_of_it_as_it_is_published(
    db: firestore.Client, fleet_name: str, roll_up: Served, asked: str
) -> None:
    _write(db, fleet_name, TREE, roll_up)
    cost = _cost(fleet_name, asked)
    assert (cost["root_task_id"], cost["task_id"]) == ("T-1", asked)
    tree = db.document("fleets", fleet_name, "trees", "T-1").get().to_dict() or {}
    assert cost["counters"]["cost_nanousd"] == 131 + PRICED == tree["total"]["cost_nanousd"]
    assert cost["published"]["difference_nanousd"] == 0
    assert cost["published"]["tasks"] == cost["counters"]["tasks_created"] == len(TREE)
    assert cost["derived"]["true_to_naive"] == tree["ratios"]["true_to_naive"]
    # One task was asked for, however many it spawned.
    per_task = tree["ratios"]["cost_per_completed_usd"]
    assert cost["derived"]["cost_per_completed_usd"] == per_task == (131 + PRICED) / 1e9
    assert cost["parts_nanousd"] == {
        "root_first": 45, "subtasks_first": 55 + PRICED, "retry": 25, "rotation": 5, "handoff": 1,
        "coordination": 0,
    }  # fmt: skip
    for counter, n in cost["counters"].items():
        assert tree["total"].get(counter, 0) == n, counter


def test_page_shows_every_task_and_where_the_money_went(
    db: firestore.Client, fleet_name: str, roll_up: Served
) -> None:
    _write(db, fleet_name, TREE, roll_up)
    outcome = CliRunner().invoke(main, ["cost", "T-1.a", "--fleet", fleet_name])
    assert outcome.exit_code == 0, outcome.output
    for words in (*TREE, "Ship it", "2 retries", "1 handoff", "true to naive", "says the same"):
        assert words in outcome.output
    assert "asked for T-1.a, a part of it" in outcome.output


def test_tree_that_lags_behind_its_tasks_is_told_by_how_much(
    db: firestore.Client, fleet_name: str, roll_up: Served
) -> None:
    _write(db, fleet_name, {"T-1": TREE["T-1"], "T-1.a": TREE["T-1.a"]}, roll_up)
    _write(db, fleet_name, {"T-1.late": _task(9, parent_task_id="T-1")})
    cost = _cost(fleet_name, "T-1")
    assert cost["published"]["difference_nanousd"] == 9
    outcome = CliRunner().invoke(main, ["cost", "T-1", "--fleet", fleet_name])
    assert "The published tree lags" in outcome.output


def test_task_that_names_its_root_alone_is_in_the_tree(
    db: firestore.Client, fleet_name: str, roll_up: Served
) -> None:
    tasks = {"T-1": _task(7, root_task_id="T-1"), "T-2": _task(3, root_task_id="T-1")}
    _write(db, fleet_name, tasks, roll_up)
    for asked in tasks:
        cost = _cost(fleet_name, asked)
        assert cost["counters"]["cost_nanousd"] == 10
        assert cost["published"]["difference_nanousd"] == 0


def test_task_without_subtasks_has_no_tree_and_still_a_cost(
    db: firestore.Client, fleet_name: str
) -> None:
    _write(db, fleet_name, {"T-1": TREE["T-1"]})
    cost = _cost(fleet_name, "T-1")
    assert (cost["counters"]["cost_nanousd"], cost["published"]) == (70, None)


def test_fleets_own_prices_hold_for_tasks_that_tell_no_cost(
    db: firestore.Client, fleet_name: str
) -> None:
    price = {"model": "claude-opus-4-6", "valid_from": "2020-01-01T00:00:00Z",
             "input_usd_per_mtok": 1, "output_usd_per_mtok": 2}  # fmt: skip
    db.document("fleets", fleet_name, "prices", "own").set(price)
    _write(db, fleet_name, {"T-1.plain": {**TREE["T-1.plain"], "parent_task_id": None}})
    assert _cost(fleet_name, "T-1.plain")["counters"]["cost_nanousd"] == 1_000_000


def test_reads_are_bounded_by_the_tree(db: firestore.Client, fleet_name: str) -> None:
    tasks = {f"T-{n}": _task(1, parent_task_id=f"T-{n // 4}") for n in range(1, 100)}
    _write(db, fleet_name, {"T-0": _task(1), **tasks, "other": _task(5)})
    family = read(db, fleet_name, "T-77")
    assert family is not None
    assert family.complete
    assert bill(family).total["cost_nanousd"] == 100
    climbed, tree, children = 5, 1, 99
    assert family.documents_read == climbed + tree + children


def test_unknown_task_is_told_with_those_near_it(db: firestore.Client, fleet_name: str) -> None:
    _write(db, fleet_name, {"T-881": _task(1), "T-882": _task(1), "somewhere-else": _task(1)})
    outcome = CliRunner().invoke(main, ["cost", "T-818", "--fleet", fleet_name])
    assert outcome.exit_code == 1
    assert f"fleets/{fleet_name}/tasks/T-818: not there; near it are T-88" in outcome.output
    assert "somewhere-else" not in outcome.output


@pytest.mark.parametrize("name", ["a/b", ".", "..", "__x__"])
def test_name_that_is_no_id_is_an_error_and_no_crash(
    db: firestore.Client, fleet_name: str, name: str
) -> None:
    _write(db, fleet_name, {"T-1": _task(1)})
    outcome = CliRunner().invoke(main, ["cost", name, "--fleet", fleet_name])
    assert outcome.exit_code == 2
    assert "expected the id of a document" in outcome.output
