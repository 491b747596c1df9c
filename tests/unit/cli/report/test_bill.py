"""The bill of a task: sums of its tree, compared with the published tree."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from support.terminal import printed
from tachograph_cli.report.cost import bill_page
from tachograph_cli.report.cost.bill import as_json as bill_json
from tachograph_cli.report.cost.bill import bill
from tachograph_cli.report.cost.task_tree import Member, TaskTree
from tachograph_schema.documents.task import Task

AT = datetime(2026, 2, 16, 18, tzinfo=UTC)
NANO = 10**9


def _tree(**tasks: dict[str, Any]) -> TaskTree:
    members = {
        name: Member(Task.model_validate({"model": "m", "status": "completed", **fields}), AT)
        for name, fields in tasks.items()
    }
    return TaskTree("acme", "root", "root", members)


def test_bill_adds_a_tree_up_and_its_parts_add_up_to_it() -> None:
    tree = _tree(
        root={"cost_nanousd": 100, "retries": 1, "retry_cost_nanousd": 30},
        a={"cost_nanousd": 50, "parent_task_id": "root", "rotation_cost_nanousd": 5},
        b={"cost_nanousd": 7, "parent_task_id": "a", "status": "failed"},
        lost={"cost_nanousd": 1, "root_task_id": "root", "parent_task_id": "gone"},
    )
    made = bill(tree)
    assert made.total["cost_nanousd"] == 158
    assert made.parts == {
        "root_first": 70, "subtasks_first": 53, "retry": 30, "rotation": 5, "handoff": 0,
        "coordination": 0,
    }  # fmt: skip
    assert made.derived["true_to_naive"] == 158 / 123
    assert made.derived["overhead_share"] == 35 / 158
    assert made.derived["cost_per_completed_usd"] == 158 / NANO
    assert [node.task_id for node in made.root.walk()] == ["root", "a", "b", "lost"]
    assert made.root.subtasks[0].whole_nanousd == 57
    assert (made.total["tasks_completed"], made.total["tasks_failed"]) == (3, 1)


def test_coordination_in_a_tree_is_a_part_of_its_own() -> None:
    made = bill(_tree(root={"cost_nanousd": 100 * NANO},
                      talk={"cost_nanousd": 25 * NANO, "parent_task_id": "root",
                            "task_type": "coordination"}))  # fmt: skip
    assert (made.parts["root_first"], made.parts["coordination"]) == (100 * NANO, 25 * NANO)
    text = printed(bill_page.page(made, 80), 80)
    assert "1.25×  true to naive: first attempts cost $100\n" in text  # noqa: RUF001 - the sign
    assert "coordination" in text


def test_parents_in_a_circle_are_met_once() -> None:
    made = bill(_tree(root={"cost_nanousd": 1, "parent_task_id": "a"},
                        a={"cost_nanousd": 10, "parent_task_id": "root"}))  # fmt: skip
    assert made.total["cost_nanousd"] == 11


def test_root_that_is_not_there_still_has_a_tree() -> None:
    made = bill(_tree(a={"cost_nanousd": 10, "root_task_id": "root"}))
    assert (made.root.status, made.total["cost_nanousd"], made.total["tasks_created"]) == (
        "missing", 10, 1,
    )  # fmt: skip
    assert "missing" in printed(bill_page.page(made, 80), 80)


def test_voided_task_costs_nothing() -> None:
    assert bill(_tree(root={"cost_nanousd": 10, "voided": True})).total["cost_nanousd"] == 0


def test_bill_says_by_how_much_the_published_tree_lags() -> None:
    tree = _tree(
        root={"cost_nanousd": 3 * NANO}, a={"cost_nanousd": NANO, "parent_task_id": "root"}
    )
    tree.published = {"total": {"cost_nanousd": 3 * NANO, "tasks_created": 1}, "as_of": AT}
    made = bill(tree)
    assert made.published is not None
    assert made.published.difference_nanousd == NANO
    assert "lags: it says $3.00 of 1 task" in printed(bill_page.page(made, 80), 80)
    tree.published = {"total": {"cost_nanousd": 4 * NANO, "tasks_created": 2}, "as_of": AT}
    assert "says the same" in printed(bill_page.page(bill(tree), 80), 80)


@pytest.mark.parametrize("width", [80, 120])
def test_page_of_a_bill_fits_and_folds_the_cheapest(width: int) -> None:
    tasks = {
        f"an-unusually-long-name-of-a-task-{n}": {
            "cost_nanousd": n * NANO, "parent_task_id": "root", "title": "Of some length, too",
        }
        for n in range(20)
    }  # fmt: skip
    made = bill(_tree(root={"cost_nanousd": 12_345 * NANO, "retries": 2}, **tasks))
    text = printed(bill_page.page(made, width), width)
    assert "8 cheaper (--all)" in text
    assert "2 retries" in text
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    assert printed(bill_page.page(made, width, everything=True), width).count("└─") == 1
    assert len(bill_json(made)["tree"]["subtasks"]) == 20


# how numbers are written, and how exact they are


def test_tasks_without_a_price_are_named_with_their_models() -> None:
    used = {"tokens_in": 5, "llm_calls": 1}
    made = bill(
        _tree(
            root={"cost_nanousd": 1},
            a={**used, "model": "mystery-9", "parent_task_id": "root"},
            b={**used, "model": None, "parent_task_id": "root"},
        )
    )
    page = " ".join(printed(bill_page.page(made, 200), 200).split())
    assert (
        "! 2 tasks used tokens of no known price, and count for less: "
        "a (mystery-9), b (an unknown model)."
    ) in page
    told = [each["unpriced_models"] for each in bill_json(made)["tree"]["subtasks"]]
    assert told == [["mystery-9"], ["_unknown"]]
