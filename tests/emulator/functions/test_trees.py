"""trees/{root}: the sum of a task and all it spawned, at three writes an event."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from google.cloud import firestore

from publishing.trees import publish_trees, refresh_trees
from support.recorded_events import Recorder, deliver
from support.recount import cells_of
from support.wire.events import Served, Version, Write, history, serve
from support.wire.meter import metered
from tachograph_cli.local.stack import Stack
from tachograph_schema.counters.cells import add_up
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.documents.rollup import Tree


@pytest.fixture(scope="module")
def roll_up(emulator: Stack) -> Iterator[Served]:
    with serve("roll_up", emulator.address("firestore")) as served:
        yield served


def _task(cost: int, **fields: object) -> dict[str, Any]:
    return {"status": "completed", "model": "claude-opus-4-6", "cost_nanousd": cost, **fields}


def _deliver(
    roll_up: Served, db: firestore.Client, fleet: str, tasks: dict[str, Any]
) -> list[Write]:
    """Write tasks for real, since publishing reads roots, and deliver their events shuffled."""
    writes = []
    for name, fields in tasks.items():
        db.document("fleets", fleet, "tasks", name).set(fields)
        early = {**fields, "status": "active", "cost_nanousd": 1}
        writes += history(f"fleets/{fleet}/tasks/{name}", [early, fields])
    random.Random(3).shuffle(writes)  # noqa: S311 - an order, not a secret
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(roll_up.deliver, writes)) == {200}
    return writes


def _tree(db: firestore.Client, fleet: str, root: str) -> Tree:
    publish_trees(db, fleet, Fleet())
    found = db.document("fleets", fleet, "trees", root).get().to_dict() or {}
    return Tree.model_validate(found)


def _sum(fleet: str, tasks: dict[str, Any]) -> dict[str, int]:
    path = f"fleets/{fleet}/tasks/t"
    total = add_up(cells_of(path, Version(fields, history(path, [fields])[0].after.written_at))  # type: ignore[union-attr]
                   for fields in tasks.values())["fleet"]  # fmt: skip
    return {name: n for name, n in total.items() if "~" not in name}


@pytest.mark.parametrize("says_root", [True, False], ids=["root named", "parent only"])
def test_tree_of_three_levels_and_two_hundred_tasks_is_their_sum(
    db: firestore.Client, fleet_name: str, roll_up: Served, *, says_root: bool
) -> None:
    tasks = {"root": _task(7)}
    for branch in range(19):
        tasks[f"b{branch}"] = _task(11, parent_task_id="root")
        for leaf in range(10 if branch < 9 else 9):
            tasks[f"b{branch}-{leaf}"] = _task(13, parent_task_id=f"b{branch}")
    if says_root:
        tasks = {n: {**t, "root_task_id": "root"} if n != "root" else t for n, t in tasks.items()}
    assert len(tasks) == 200
    _deliver(roll_up, db, fleet_name, tasks)
    tree = _tree(db, fleet_name, "root")
    assert tree.total == _sum(fleet_name, tasks)
    assert tree.total["cost_nanousd"] == 7 + 19 * 11 + 180 * 13
    assert tree.total["root_first_cost_nanousd"] == 7
    assert tree.ratios["true_to_naive"] == 1.0, "subtasks are no overhead"
    assert tree.ratios["cost_per_completed_usd"] == tree.total["cost_nanousd"] / 1e9


def test_event_of_a_subtask_costs_three_writes_in_one_commit_and_no_read(
    emulator: Stack, fleet_name: str
) -> None:
    versions = [_task(n, parent_task_id="root") for n in range(1, 8)]
    with (
        metered(emulator.address("firestore")) as meter,
        serve("roll_up", meter.address) as served,
    ):
        first, *others = history(f"fleets/{fleet_name}/tasks/t-1", versions)
        served.deliver(first)
        meter.take()
        for write in others:
            served.deliver(write)
        assert meter.take() == [("Commit", 3)] * len(others)


def test_child_that_ends_after_its_parent_is_in_the_tree(
    db: firestore.Client, fleet_name: str, roll_up: Served
) -> None:
    _deliver(roll_up, db, fleet_name, {"root": _task(7)})
    _deliver(roll_up, db, fleet_name, {"late": _task(5, parent_task_id="root")})
    assert _tree(db, fleet_name, "root").total["cost_nanousd"] == 12


def test_parent_that_ends_after_its_children_is_in_the_tree_within_a_minute(
    db: firestore.Client, fleet_name: str, roll_up: Served
) -> None:
    _deliver(roll_up, db, fleet_name, {"root": {**_task(7), "status": "active"}})
    _deliver(roll_up, db, fleet_name, {"child": _task(5, parent_task_id="root")})
    assert _tree(db, fleet_name, "root").open
    db.document("fleets", fleet_name, "tasks", "root").set(_task(70))
    refresh_trees(db, fleet_name, Fleet())
    assert _tree(db, fleet_name, "root").total["cost_nanousd"] == 75


def test_task_that_moves_to_another_parent_takes_its_cost_along(
    db: firestore.Client, fleet_name: str, roll_up: Served
) -> None:
    versions = [_task(5, parent_task_id="a"), _task(6, parent_task_id="b")]
    for write in history(f"fleets/{fleet_name}/tasks/t-1", versions):
        roll_up.deliver(write)
    assert "cost_nanousd" not in _tree(db, fleet_name, "a").total
    assert _tree(db, fleet_name, "b").total["cost_nanousd"] == 6


def test_parents_in_a_circle_end_and_count_nothing_twice(
    db: firestore.Client, fleet_name: str, roll_up: Served
) -> None:
    tasks = {
        "a": _task(1, parent_task_id="b"),
        "b": _task(10, parent_task_id="a"),
        "c": _task(100, parent_task_id="a"),
    }
    _deliver(roll_up, db, fleet_name, tasks)
    total = _tree(db, fleet_name, "a").total["cost_nanousd"]
    assert total <= 111 + 1


def test_subtree_that_is_corrected_keeps_nothing_of_what_it_was(
    db: firestore.Client, fleet_name: str, roll_up: Served
) -> None:
    tasks = {"root": _task(1), "mid": _task(2, parent_task_id="root")}
    _deliver(roll_up, db, fleet_name, tasks)
    failed = {**_task(4, parent_task_id="mid"), "status": "failed"}
    first, second = history(f"fleets/{fleet_name}/tasks/t.1", [failed, {**failed, **_task(8)}])
    roll_up.deliver(first)
    assert _tree(db, fleet_name, "root").total["tasks_failed"] == 1
    roll_up.deliver(second)
    total = _tree(db, fleet_name, "root").total
    assert "tasks_failed" not in total
    assert (total["tasks_completed"], total["cost_nanousd"]) == (3, 11)


def _chain(length: int) -> dict[str, Any]:
    """Return tasks of which each names its parent alone, and costs twice as much."""
    return {
        f"c{n:03d}": _task(2**n, **({"parent_task_id": f"c{n - 1:03d}"} if n else {}))
        for n in range(length)
    }


def test_chain_of_tasks_that_name_only_their_parents_costs_two_commits_a_task(
    emulator: Stack, db: firestore.Client, fleet_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = _chain(49)
    recorder = Recorder(db, fleet_name)
    for name, fields in tasks.items():
        deliver(recorder.write(name, fields))
    with metered(emulator.address("firestore")) as meter:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", meter.address)
        client = firestore.Client(project=db.project, credentials=db._credentials)
        publish_trees(client, fleet_name, Fleet())
        bill = meter.bill()
        client.close()
    assert _tree(db, fleet_name, "c000").total["cost_nanousd"] == 2**49 - 1
    assert bill.writes <= 2 * len(tasks)
    assert bill.reads <= 4 * len(tasks)


def test_chain_that_grows_below_is_carried_to_its_root_without_a_look_at_what_is_between(
    db: firestore.Client, fleet_name: str
) -> None:
    tasks, recorder = _chain(20), Recorder(db, fleet_name)
    for name, fields in tasks.items():
        deliver(recorder.write(name, fields))
    publish_trees(db, fleet_name, Fleet())
    deliver(recorder.write("late", _task(2**30, parent_task_id="c019")))
    deliver(recorder.write("late", _task(2**31, parent_task_id="c019")))
    assert _tree(db, fleet_name, "c000").total["cost_nanousd"] == 2**20 - 1 + 2**31


def test_tree_whose_root_comes_later_and_has_a_parent_itself_moves_there_whole(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder = Recorder(db, fleet_name)
    deliver(recorder.write("leaf", _task(4, parent_task_id="mid")))
    assert _tree(db, fleet_name, "mid").total["cost_nanousd"] == 4
    deliver(recorder.write("mid", _task(2, parent_task_id="root")))
    deliver(recorder.write("root", _task(1)))
    refresh_trees(db, fleet_name, Fleet())
    assert _tree(db, fleet_name, "root").total["cost_nanousd"] == 7


def test_two_ticks_at_once_carry_a_tree_once(db: firestore.Client, fleet_name: str) -> None:
    recorder = Recorder(db, fleet_name)
    for name, fields in _chain(12).items():
        deliver(recorder.write(name, fields))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: publish_trees(db, fleet_name, Fleet()), range(4)))
    assert _tree(db, fleet_name, "c000").total["cost_nanousd"] == 2**12 - 1


def test_circle_of_parents_that_closes_later_takes_back_what_was_carried(
    db: firestore.Client, fleet_name: str
) -> None:
    recorder = Recorder(db, fleet_name)
    deliver(recorder.write("b", _task(10, parent_task_id="a")))
    deliver(recorder.write("c", _task(100, parent_task_id="b")))
    assert _tree(db, fleet_name, "a").total["cost_nanousd"] == 110
    deliver(recorder.write("a", _task(1, parent_task_id="c")))
    for name, own, spawned in (("a", 1, 10), ("b", 10, 100), ("c", 100, 1)):
        refresh_trees(db, fleet_name, Fleet())
        assert _tree(db, fleet_name, name).total["cost_nanousd"] == own + spawned
