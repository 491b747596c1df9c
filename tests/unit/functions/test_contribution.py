"""Contributions of documents: a table of cases, and the laws that hold for all of them."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from counting.contribution import contribution
from events.change import Version
from support.places import CASES
from tachograph_schema.counters.cells import Cells, add_up, delta
from tachograph_schema.counters.derived import root_tasks_completed
from tachograph_schema.counters.names import CERTAINTIES, COMPLETED, COST_PARTS, FLEET, USAGE
from tachograph_schema.documents.fleet import Fleet

_CASES = yaml.safe_load((CASES / "contributions.yaml").read_text())
_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _cells(collection: str, fields: dict[str, Any]) -> Cells:
    return contribution(collection, Version(fields, "", _AT), Fleet()).cells


@pytest.mark.parametrize("case", _CASES, ids=[case["name"] for case in _CASES])
def test_document_counts_for_what_the_table_says(case: dict[str, Any]) -> None:
    [kind] = case.keys() & {"task", "session", "message", "incident"}
    cells = _cells(f"{kind}s", case[kind])
    if not case["counts"]:
        assert cells == {}
    for scope, row in case["counts"].items():
        assert {name: cells.get(scope, {}).get(name) for name in row} == row, scope
    for scope, names in case.get("absent", {}).items():
        assert set(names).isdisjoint(cells.get(scope, {})), scope


_COUNTS = st.integers(0, 10**12)
_MODELS = st.sampled_from(["claude-opus-4-6", "claude-haiku-4-5", "gpt-5.3-codex", "unheard-of"])
_USED = {
    "tokens_in": _COUNTS,
    "tokens_out": _COUNTS,
    "cache_read_tokens": _COUNTS,
    "llm_calls": _COUNTS,
    "cost_nanousd": _COUNTS,
    "unpriced_calls": _COUNTS,
}
_ROUTES = st.sampled_from(["direct", "openrouter", "our-gateway"])
_TASKS = st.fixed_dictionaries(
    {},
    optional={
        **_USED,
        "status": st.sampled_from(["queued", "active", "completed", "failed", "cancelled"]),
        "model": _MODELS,
        "provider": st.sampled_from(["anthropic", "openai"]),
        "task_type": st.sampled_from(["build", "review", "coordination"]),
        "cost_reported_nanousd": _COUNTS,
        "route": _ROUTES,
        "parent_task_id": st.sampled_from(["", "T-1"]),
        "root_task_id": st.just("T-1"),
        "depth": st.integers(0, 2),
        "retry_cost_nanousd": _COUNTS,
        "rotation_cost_nanousd": _COUNTS,
        "handoff_cost_nanousd": _COUNTS,
        "agent_id": st.sampled_from(["b-1", "b-2"]),
        "cost_usd": st.floats(0, 1000),
        "cost_source": st.sampled_from(["reported", "priced", "unpriced"]),
        "voided": st.booleans(),
        "reported_at": st.integers(0, 9).map(lambda days: _AT - timedelta(days=days)),
        "usage_by_model": st.dictionaries(
            _MODELS, st.fixed_dictionaries({}, optional=_USED), max_size=3
        ),
    },
)


@given(_TASKS)
def test_models_types_tiers_and_agents_each_add_up_to_the_fleet(task: dict[str, Any]) -> None:
    cells = _cells("tasks", task)
    for kind in ("model", "tier", "type", "agent"):
        scopes = [s for s in cells if s.startswith(f"{kind}:") and "|" not in s]
        for name in (*USAGE, "tasks_created", "tasks_completed", "tasks_failed"):
            split = sum(cells[scope].get(name, 0) for scope in scopes)
            assert split == cells.get(FLEET, {}).get(name, 0), (kind, name)


@given(_TASKS)
def test_every_dollar_is_reported_or_priced_and_its_certainty_is_one_of_four(
    task: dict[str, Any],
) -> None:
    for row in _cells("tasks", task).values():
        reported, *computed = (row.get(f"cost_{kind}_nanousd", 0) for kind in CERTAINTIES)
        assert sum(computed) == row.get("cost_priced_nanousd", 0)
        assert reported + sum(computed) == row.get("cost_nanousd", 0)


@given(_TASKS)
def test_parts_of_a_cost_add_up_to_it_in_every_scope_that_counts_whole_tasks(
    task: dict[str, Any],
) -> None:
    for scope, row in _cells("tasks", task).items():
        if "tasks_created" not in row:
            continue
        whole = row.get("task_cost_nanousd", 0) if scope.startswith(("model:", "tier:")) else None
        parts = sum(row.get(f"{part}_cost_nanousd", 0) for part in COST_PARTS)
        assert parts == (row.get("cost_nanousd", 0) if whole is None else whole), scope


@given(st.lists(_TASKS, max_size=5))
def test_completed_tasks_are_asked_for_or_spawned_or_coordination(
    tasks: list[dict[str, Any]],
) -> None:
    cells = add_up(_cells("tasks", task) for task in tasks)
    told_apart = {scope for scope, row in cells.items() if set(COMPLETED.values()) & set(row)}
    assert told_apart <= {FLEET}
    fleet = cells.get(FLEET, {})
    assert root_tasks_completed(fleet) == fleet.get("root_tasks_completed", 0)


def test_task_whose_parent_is_named_later_stops_being_asked_for() -> None:
    asked = {"status": "completed", "cost_nanousd": 7}
    before, after = _cells("tasks", asked), _cells("tasks", asked | {"parent_task_id": "T-1"})
    change = delta(before, after)
    moved = {
        "root_tasks_completed": -1,
        "subtasks_completed": 1,
        "root_first_cost_nanousd": -7,
        "subtasks_first_cost_nanousd": 7,
    }
    assert change[FLEET] == moved
    assert add_up([before, change]) == after


@given(_TASKS)
def test_counters_are_whole_and_not_zero_and_not_negative(task: dict[str, Any]) -> None:
    for row in _cells("tasks", task).values():
        assert all(type(n) is int and n > 0 for n in row.values())


@given(st.lists(_TASKS, min_size=1, max_size=6))
def test_changes_of_one_task_telescope_to_its_last_state(versions: list[dict[str, Any]]) -> None:
    states = [{}, *(_cells("tasks", version) for version in versions)]
    steps = [delta(before, after) for before, after in pairwise(states)]
    assert add_up(steps) == states[-1]


@given(st.lists(_TASKS, max_size=5), st.randoms(use_true_random=False))
def test_changes_add_up_to_the_same_in_any_order(
    versions: list[dict[str, Any]], order: random.Random
) -> None:
    parts = [_cells("tasks", version) for version in versions]
    before = add_up(parts)
    order.shuffle(parts)
    assert add_up(parts) == before


@given(_TASKS)
def test_order_of_a_maps_entries_makes_no_difference(task: dict[str, Any]) -> None:
    split = task.get("usage_by_model", {})
    turned = {**task, "usage_by_model": dict(reversed(split.items()))} if split else task
    assert _cells("tasks", turned) == _cells("tasks", task)
