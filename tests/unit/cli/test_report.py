"""What report and cost say: sums of published counters and of tasks, in the dashboard's words."""

from __future__ import annotations

import json
import math
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tachograph_cli.replay.transcripts import folder
from tachograph_cli.replay.transcripts.deduplication import CallRegistry
from tachograph_cli.replay.transcripts.events import ModelCall, ToolUsed, TurnEnded
from tachograph_cli.report import report_page
from tachograph_cli.report.cost import bill_page
from tachograph_cli.report.cost.bill import as_json as bill_json
from tachograph_cli.report.cost.bill import bill
from tachograph_cli.report.cost.task_tree import Member, TaskTree
from tachograph_cli.report.report import Report, as_json, report
from tachograph_cli.terminal import fmt
from tachograph_schema.counters.cells import Cells
from tachograph_schema.counters.derived import (
    concentration,
    dearest_to_cheapest,
    overheads,
    percentiles,
)
from tachograph_schema.counters.sketch import bucket_counter
from tachograph_schema.documents.price_sheet import read_prices
from tachograph_schema.documents.rollup import Rollup
from tachograph_schema.documents.task import Task
from tachograph_schema.pricing.price import price

AT = datetime(2026, 2, 16, 18, tzinfo=UTC)
NANO = 10**9
_MODELS = st.sampled_from(["claude-opus-4-6", "gpt-5-mini", "unheard-of"])
_COUNTS = st.none() | st.integers(0, 10**6)
_FEW = st.none() | st.integers(0, 2)
_USED = {
    "tokens_in": _COUNTS,
    "tokens_out": _COUNTS,
    "cost_nanousd": _COUNTS,
    "llm_calls": _FEW,
    "unpriced_calls": _FEW,
}
_OWN, _ = read_prices({"own": {"model": "unheard-of", "route": "local", "valid_from": AT,
                               "input_usd_per_mtok": 1, "output_usd_per_mtok": 2}})  # fmt: skip


def _rollup(period: str, cells: Cells) -> Rollup:
    empty: dict[str, Any] = {"ratios": {}, "percentiles": {}, "outcomes": {}}
    return Rollup(grain="day", period=period, as_of=AT, c=cells, **empty)


def _cells(**agents: int) -> Cells:
    cost = sum(agents.values())
    row = {"cost_nanousd": cost, "tasks_completed": 4, "tasks_failed": 1, "retries": 2,
           "retry_cost_nanousd": cost // 10, "naive_cost_nanousd": cost // 2, "llm_calls": 10,
           "unpriced_calls": 1, "first_completed": 3, "retry_completed": 1,
           "retry_failed": 1}  # fmt: skip
    row |= {bucket_counter("duration_ms", 1000 * n): 1 for n in range(1, 7)}
    return {
        "fleet": row,
        "tier:frontier": {"cost_nanousd": cost // 2, "tasks_completed": 1},
        "tier:light": {"cost_nanousd": cost // 4, "tasks_completed": 3},
        "tier:_unknown": {"cost_nanousd": cost // 4},
        "type:build": row,
        "type:coordination": {"cost_nanousd": cost // 10},
        "type:build|model:m": row,
        "model:m": row,
        **{f"agent:{name}": {"cost_nanousd": n} for name, n in agents.items()},
    }


def _report(**agents: int) -> Report:
    return report("acme", [_rollup("2026-02-16", _cells(**agents))])


def _printed(page: object, width: int) -> str:
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    with console.file:
        console.print(page)
    return console.export_text()


def test_report_adds_periods_up_and_derives_from_the_sums() -> None:
    days = [_rollup("2026-02-17", _cells(a=8 * NANO)), _rollup("2026-02-16", _cells(b=2 * NANO))]
    found = report("acme", days)
    assert found.periods == ("2026-02-16", "2026-02-17")
    assert found.total.counters["cost_nanousd"] == 10 * NANO
    assert found.total.derived["cost_per_completed_usd"] == 10 / 8
    assert found.total.derived["true_to_naive"] == 2.0
    assert found.total.derived["unpriced_share"] == 0.1
    assert [line.name for line in found.tiers] == ["frontier", "_unknown", "light"]
    assert [line.name for line in found.models] == ["m"]
    assert found.tiers[0].derived["cost_share"] == 0.5
    assert found.tier_cost_ratio is not None
    assert found.tier_cost_ratio[:2] == ("frontier", "light")
    assert found.tier_cost_ratio[2] == pytest.approx(6.0)
    assert found.coordination.derived["cost_share"] == pytest.approx(0.1)
    assert found.overheads["retry"] == {"n": 4, "cost_usd": 1.0, "share": 0.1}
    assert found.outcomes["retry"]["n"] == 4
    assert found.total.percentiles["duration_ms"]["n"] == 12


def test_concentration_names_the_fewest_agents_that_make_four_fifths() -> None:
    found = _report(a=50, b=30, c=10, d=10, e=0).concentration
    assert found is not None
    assert (found.agents, found.of, found.cost_nanousd, found.complete) == (2, 4, 100, True)
    folded = _report(a=50, b=30, _other=20).concentration
    assert folded is not None
    assert not folded.complete


@given(st.lists(st.integers(0, 10**12)), st.floats(0.01, 1))
def test_fewest_amounts_make_their_part_and_one_less_does_not(
    amounts: list[int], part: float
) -> None:
    found = concentration(amounts, part)
    if not any(amounts):
        assert found is None
        return
    assert found is not None
    n, of = found
    largest = sorted(amounts, reverse=True)
    assert of == sum(amount > 0 for amount in amounts)
    assert sum(largest[:n]) >= part * sum(amounts) > sum(largest[: n - 1])


def test_ratio_of_tiers_needs_two_with_completed_tasks_of_known_cost() -> None:
    priced, free = {"cost_nanousd": NANO, "tasks_completed": 1}, {"tasks_completed": 5}
    assert dearest_to_cheapest({"a": priced, "b": free}) is None
    assert dearest_to_cheapest({"a": priced, "b": {**priced, "tasks_completed": 4}}) == (
        "a",
        "b",
        4,
    )


def test_overheads_of_no_spend_are_no_share() -> None:
    assert overheads({})["rotation"] == {"n": 0, "cost_usd": 0.0, "share": 0.0}


@pytest.mark.parametrize("width", [80, 120])
def test_page_of_a_report_fits_and_says_what_people_come_for(width: int) -> None:
    text = _printed(report_page.page(_report(a=8 * NANO, b=2 * NANO), width, AT), width)
    for words in (
        "$2.50  per completed task: $10.00 spent, 4 completed, 1 failed",
        "2.00×  true to naive",  # noqa: RUF001 - the sign
        "A completed task of tier frontier costs 6.00×",  # noqa: RUF001
        "retry             2  50%",
        "unpriced: 1 of 10 calls",
        "completed without cost: 0 of 4",
        "coordination: $1.00",
        "1 of 2  agents makes 80 % of $10.00",
        "cost (0 so far), tokens (0 so far), steps (0 so far): needs 5 completed tasks",
    ):
        assert " ".join(words.split()) in " ".join(text.split()), words
    assert "…" not in text
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width


@pytest.mark.parametrize("width", [80, 120])
def test_page_says_how_agents_got_along_where_anything_is_known(width: int) -> None:
    cells = _cells(a=NANO)
    cells["fleet"] |= {
        "tasks_claimed": 97, "incidents_claim_collision": 3, "incidents_dispatch_refused": 2,
        "messages_sent": 8, "messages_acknowledged": 6, "duration_ms": 4_000_000,
        **{bucket_counter("dispatch_ms", 1000 * n): 1 for n in range(1, 7)},
        **{bucket_counter("message_latency_ms", n): 1 for n in range(1, 4)},
    }  # fmt: skip
    cells["type:coordination"]["duration_ms"] = 800_000
    cells["role:builder"] = {"duration_ms": 3_200_000, "tasks_completed": 4}
    cells["role:orchestrator"] = {"duration_ms": 800_000}
    found = report("acme", [_rollup("2026-02-16", cells)])
    text = _printed(report_page.page(found, width, AT), width)
    for words in (
        "queued to claimed 3.04 s 4.92 s 4.92 s 6 tasks",
        "3.0% claims lost to another agent, of 100",
        "2 dispatches refused",
        "75% of 8 messages sent are acknowledged",
        "0.25× orchestrating to building: 13m 20s against 53m 20s",  # noqa: RUF001
        "builder 4 53m 20s 80%",
    ):
        assert " ".join(words.split()) in " ".join(text.split()), words
    assert "sent to acknowledged" not in text  # three are too few for percentiles
    assert "…" not in text
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    assert as_json(found)["reliability"] == {"collision_share": 0.03, "acknowledged_share": 0.75}
    assert as_json(found)["orchestration"]["orchestrating_to_building"] == 0.25
    assert "claims lost" not in _printed(report_page.page(_report(a=NANO), width, AT), width)


def test_page_of_nothing_says_so_and_divides_by_nothing() -> None:
    empty = report("acme", [_rollup("2026-02-16", {"fleet": {"tasks_created": 1}})])
    text = _printed(report_page.page(empty, 80, AT), 80)
    assert "none is completed yet" in text
    assert "No retries, no rotations, no handoffs" in text
    assert json.loads(json.dumps(as_json(empty)))["concentration"] is None


def test_json_holds_raw_counters_and_no_sketch() -> None:
    found = as_json(_report(a=10 * NANO))
    assert found["total"]["counters"]["retry_cost_nanousd"] == NANO
    assert not any("~" in name for name in found["total"]["counters"])
    assert found["documents_read"] == 1


# what one task cost


def _tree(**tasks: dict[str, Any]) -> TaskTree:
    members = {
        name: Member(Task.model_validate({"model": "m", "status": "completed", **fields}), AT)
        for name, fields in tasks.items()
    }
    return TaskTree("acme", "root", "root", members)


def test_bill_adds_a_tree_up_and_its_parts_add_up_to_it() -> None:
    found = _tree(
        root={"cost_nanousd": 100, "retries": 1, "retry_cost_nanousd": 30},
        a={"cost_nanousd": 50, "parent_task_id": "root", "rotation_cost_nanousd": 5},
        b={"cost_nanousd": 7, "parent_task_id": "a", "status": "failed"},
        lost={"cost_nanousd": 1, "root_task_id": "root", "parent_task_id": "gone"},
    )
    made = bill(found)
    assert made.total["cost_nanousd"] == 158
    assert made.parts == {
        "root_first": 70, "subtasks_first": 53, "retry": 30, "rotation": 5, "handoff": 0,
    }  # fmt: skip
    assert made.derived["true_to_naive"] == 158 / 70
    assert [node.task_id for node in made.root.walk()] == ["root", "a", "b", "lost"]
    assert made.root.subtasks[0].whole_nanousd == 57
    assert (made.total["tasks_completed"], made.total["tasks_failed"]) == (3, 1)


def test_parents_in_a_circle_are_met_once() -> None:
    made = bill(_tree(root={"cost_nanousd": 1, "parent_task_id": "a"},
                        a={"cost_nanousd": 10, "parent_task_id": "root"}))  # fmt: skip
    assert made.total["cost_nanousd"] == 11


def test_root_that_is_not_there_still_has_a_tree() -> None:
    made = bill(_tree(a={"cost_nanousd": 10, "root_task_id": "root"}))
    assert (made.root.status, made.total["cost_nanousd"], made.total["tasks_created"]) == (
        "missing", 10, 1,
    )  # fmt: skip
    assert "missing" in _printed(bill_page.page(made, 80), 80)


def test_voided_task_costs_nothing() -> None:
    assert bill(_tree(root={"cost_nanousd": 10, "voided": True})).total["cost_nanousd"] == 0


def test_bill_says_by_how_much_the_published_tree_lags() -> None:
    found = _tree(
        root={"cost_nanousd": 3 * NANO}, a={"cost_nanousd": NANO, "parent_task_id": "root"}
    )
    found.published = {"total": {"cost_nanousd": 3 * NANO, "tasks_created": 1}, "as_of": AT}
    made = bill(found)
    assert made.published is not None
    assert made.published.difference_nanousd == NANO
    assert "lags: it says $3.00 of 1 task" in _printed(bill_page.page(made, 80), 80)
    found.published = {"total": {"cost_nanousd": 4 * NANO, "tasks_created": 2}, "as_of": AT}
    assert "says the same" in _printed(bill_page.page(bill(found), 80), 80)


@pytest.mark.parametrize("width", [80, 120])
def test_page_of_a_bill_fits_and_folds_the_cheapest(width: int) -> None:
    tasks = {
        f"an-unusually-long-name-of-a-task-{n}": {
            "cost_nanousd": n * NANO, "parent_task_id": "root", "title": "Of some length, too",
        }
        for n in range(20)
    }  # fmt: skip
    made = bill(_tree(root={"cost_nanousd": 12_345 * NANO, "retries": 2}, **tasks))
    text = _printed(bill_page.page(made, width), width)
    assert "8 cheaper (--all)" in text
    assert "2 retries" in text
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    assert _printed(bill_page.page(made, width, everything=True), width).count("└─") == 1
    assert len(bill_json(made)["tree"]["subtasks"]) == 20


# how numbers are written, and how exact they are


def test_formats_are_those_of_the_golden_file(root: Path) -> None:
    golden = json.loads((root / "tests/golden/formats.json").read_text())
    for name, cases in golden.items():
        write = getattr(fmt, name)
        assert [[n, write(n)] for n, _ in cases] == cases


@given(st.integers(0, 10**14))
def test_every_amount_is_written_shortly(n: int) -> None:
    for write in (fmt.money, fmt.count, fmt.duration):
        assert len(write(n)) <= 12


def test_days_are_a_range_with_the_year_when_it_is_another() -> None:
    assert fmt.days("2026-02-16", "2026-02-16", 2026) == "16 Feb"
    assert fmt.days("2026-02-16", "2026-02-22", 2026) == "16–22 Feb"  # noqa: RUF001
    assert fmt.days("2025-02-28", "2025-03-03", 2026) == "28 Feb – 3 Mar 2025"  # noqa: RUF001
    assert fmt.days("2025-12-31", "2026-01-01", 2026) == "31 Dec 2025 – 1 Jan 2026"  # noqa: RUF001


@pytest.mark.parametrize("recordings", ["claude-code/dev", "codex/dev"])
def test_quantiles_of_the_recordings_are_within_two_percent_of_exact(
    shared: Path, recordings: str
) -> None:
    costs: Counter[str] = Counter()
    measures: dict[str, list[int]] = {"duration_ms": [], "tool_ms": [], "call_cost_nanousd": []}
    registry = CallRegistry()
    for source in folder.find(shared / "data" / recordings).sources:
        for event in folder.read(source, registry):
            if isinstance(event, TurnEnded) and event.duration_ms is not None:
                measures["duration_ms"].append(event.duration_ms)
            elif isinstance(event, ToolUsed):
                measures["tool_ms"].append(event.duration_ms)
            elif isinstance(event, ModelCall) and event.model and event.counted_before is None:
                cost = price(event.usage, event.model, None, event.at) or 0
                measures["call_cost_nanousd"].append(cost)
                costs[event.task] += cost
    registry.close()
    measures["cost_nanousd"] = list(costs.values())
    for name, values in measures.items():
        assert len(values) > 20, name
        row = Counter(bucket_counter(name, value) for value in values)
        found = percentiles(row)[name]
        for q, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
            exact = sorted(values)[math.floor(share * (len(values) - 1))]
            assert found[q] == pytest.approx(exact, rel=0.020001), (name, q)
