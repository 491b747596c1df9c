"""The report of a fleet: sums of published counters, and numbers derived from them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.terminal import printed
from tachograph_cli.report import report_page
from tachograph_cli.report.report import Report, Unpublished, as_json, report
from tachograph_schema.counters.cells import Cells
from tachograph_schema.counters.derived import (
    concentration,
    dearest_to_cheapest,
    overheads,
)
from tachograph_schema.counters.scopes import pair, rest, scope
from tachograph_schema.counters.sketch import bucket_counter
from tachograph_schema.documents.rollup import Rollup
from tachograph_schema.periods import Grain

AT = datetime(2026, 2, 16, 18, tzinfo=UTC)
NANO = 10**9


def _rollup(period: str, cells: Cells) -> Rollup:
    empty: dict[str, Any] = {"ratios": {}, "percentiles": {}, "outcomes": {}}
    return Rollup(grain="day", period=period, as_of=AT, c=cells, **empty)


def _cells(**agents: int) -> Cells:
    cost = sum(agents.values())
    row = {"cost_nanousd": cost, "tasks_completed": 4, "tasks_failed": 1, "retries": 2,
           "retry_cost_nanousd": cost // 10, "llm_calls": 10, "root_tasks_completed": 1,
           "subtasks_completed": 3, "root_first_cost_nanousd": cost // 4,
           "subtasks_first_cost_nanousd": cost // 4, "coordination_tasks": 1,
           "coordination_cost_nanousd": cost * 4 // 10,
           "unpriced_calls": 1, "cost_reported_nanousd": cost // 2,
           "cost_listed_nanousd": cost // 4, "cost_assumed_nanousd": cost // 5,
           "first_completed": 3, "retry_completed": 1,
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


def test_report_adds_periods_up_and_derives_from_the_sums() -> None:
    days = [_rollup("2026-02-17", _cells(a=8 * NANO)), _rollup("2026-02-16", _cells(b=2 * NANO))]
    whole = report("acme", days)
    assert whole.periods == ("2026-02-16", "2026-02-17")
    assert whole.total.counters["cost_nanousd"] == 10 * NANO
    assert whole.total.derived["cost_per_completed_usd"] == 10 / 2
    assert whole.types[0].derived["cost_per_completed_usd"] == 10 / 8
    assert whole.total.derived["true_to_naive"] == 2.0
    assert whole.total.derived["unpriced_share"] == 0.1
    assert [line.name for line in whole.tiers] == ["frontier", "_unknown", "light"]
    assert [line.name for line in whole.models] == ["m"]
    assert whole.tiers[0].derived["cost_share"] == 0.5
    assert whole.tier_cost_ratio is not None
    assert whole.tier_cost_ratio[:2] == ("frontier", "light")
    assert whole.tier_cost_ratio[2] == pytest.approx(6.0)
    assert whole.coordination.derived["cost_share"] == pytest.approx(0.1)
    assert whole.overheads["retry"] == {"n": 4, "cost_usd": 1.0, "share": 0.1}
    assert whole.outcomes["retry"]["n"] == 4
    assert whole.total.percentiles["duration_ms"]["n"] == 12


def test_concentration_names_the_fewest_agents_that_make_four_fifths() -> None:
    crowd = _report(a=50, b=30, c=10, d=10, e=0).concentration
    assert crowd is not None
    assert (crowd.agents, crowd.of, crowd.cost_nanousd, crowd.complete) == (2, 4, 100, True)
    folded = _report(a=50, b=30, _other=20).concentration
    assert folded is not None
    assert not folded.complete


@given(st.lists(st.integers(0, 10**12)), st.floats(0.01, 1))
def test_fewest_amounts_make_their_part_and_one_less_does_not(
    amounts: list[int], part: float
) -> None:
    fewest = concentration(amounts, part)
    if not any(amounts):
        assert fewest is None
        return
    assert fewest is not None
    n, of = fewest
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
    text = printed(report_page.page(_report(a=8 * NANO, b=2 * NANO), width, AT), width)
    for words in (
        "$10.00  per completed task: $10.00 spent, 1 completed with 3 subtasks, 1 failed",
        "2.00×  true to naive: first attempts cost $2.50, and $2.50 of subtasks",  # noqa: RUF001 - the sign
        "coordination      1  $4.00  40%",
        "Per done: a row's cost over its tasks done, subtasks and coordination too",
        "A completed task of tier frontier costs 6.00×",  # noqa: RUF001
        "retry             2  50%",
        "reported by the provider $5.00 50%",
        "list price $2.50 25%",
        "list price, provider assumed $2.00 20%",
        "priced by an older version $0.50 5.0%",
        "unpriced, not in the cost 1 call",
        "unpriced: 1 of 10 calls have no known price, 0 tokens: m",
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
    whole = report("acme", [_rollup("2026-02-16", cells)])
    text = printed(report_page.page(whole, width, AT), width)
    for words in (
        "queued to claimed 3.04 s 6.01 s 6.01 s 6 tasks",
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
    assert as_json(whole)["reliability"] == {"collision_share": 0.03, "acknowledged_share": 0.75}
    assert as_json(whole)["orchestration"]["orchestrating_to_building"] == 0.25
    assert "claims lost" not in printed(report_page.page(_report(a=NANO), width, AT), width)


def test_names_with_delimiters_have_their_own_lines_under_their_own_names() -> None:
    types = ("build", "build|model:gpt-5", "a=b", "_other", "100%")
    cells = {scope("type", name): {"cost_nanousd": n} for n, name in enumerate(types, 1)}
    cells |= {rest("type"): {"cost_nanousd": 9}, pair("build", "gpt-5"): {"cost_nanousd": 7}}
    lines = report("acme", [_rollup("2026-02-16", {"fleet": {}, **cells})]).types
    assert [line.name for line in lines] == [
        "100%",
        '"_other"',
        "a=b",
        "build|model:gpt-5",
        "build",
        "_other",
    ]


def test_model_of_a_rollup_from_before_names_were_escaped_is_the_same_model() -> None:
    days = [
        _rollup("2026-02-16", {"fleet": {}, "model:llama3:8b": {"cost_nanousd": 1}}),
        _rollup("2026-02-17", {"fleet": {}, scope("model", "llama3:8b"): {"cost_nanousd": 2}}),
    ]
    [line] = report("acme", days).models
    assert (line.name, line.cost_nanousd) == ("llama3:8b", 3)


def test_report_says_what_a_rollup_had_no_room_for() -> None:
    day = _rollup("2026-02-16", _cells(a=NANO))
    folded = day.model_copy(update={"folded": {"agent": 1455, "type": 3}, "sketch_step": 3})
    whole = report("acme", [day, folded])
    assert as_json(whole)["folded"] == {"agent": 1455, "type": 3}
    assert as_json(whole)["percentiles_relative_error"] == pytest.approx(0.062, abs=0.001)
    text = " ".join(printed(report_page.page(whole, 120, AT), 120).split())
    assert "values are among the others, because a rollup has bounded room" in text
    assert "agent 1.46K, type 3" in text
    assert "is how far percentiles of a tier, type or model may be off" in text
    assert as_json(report("acme", [day]))["percentiles_relative_error"] == pytest.approx(0.02)


def test_page_of_nothing_says_so_and_divides_by_nothing() -> None:
    empty = report("acme", [_rollup("2026-02-16", {"fleet": {"tasks_created": 1}})])
    text = printed(report_page.page(empty, 80, AT), 80)
    assert "none that was asked for is completed yet" in text
    assert "No retries, rotations, handoffs or coordination" in text
    assert json.loads(json.dumps(as_json(empty)))["concentration"] is None


def test_page_of_days_counted_before_subtasks_were_told_apart_says_so() -> None:
    old = {"cost_nanousd": 10 * NANO, "tasks_completed": 4, "retry_cost_nanousd": NANO}
    days = [_rollup("2026-02-15", {"fleet": old}), _rollup("2026-02-16", _cells(a=NANO))]
    mixed = report("acme", days)
    assert not {"cost_per_completed_usd", "true_to_naive"} & mixed.total.derived.keys()
    text = printed(report_page.page(mixed, 120, AT), 120)
    assert "–  per completed task: an older version counted part of it" in text  # noqa: RUF001
    assert "–  true to naive: an older version counted part of it" in text  # noqa: RUF001


def test_json_holds_raw_counters_and_no_sketch() -> None:
    content = as_json(_report(a=10 * NANO))
    assert content["total"]["counters"]["retry_cost_nanousd"] == NANO
    assert not any("~" in name for name in content["total"]["counters"])
    assert content["documents_read"] == 1


# what one task cost


def test_model_without_a_price_is_unpriced_and_never_free() -> None:
    row = {"llm_calls": 2, "unpriced_calls": 2, "tokens_in": 10, "tasks_completed": 1}
    whole = report("acme", [_rollup("2026-02-16", {"fleet": row, "model:new": row})])
    text = " ".join(printed(report_page.page(whole, 80, AT), 80).split())
    models = text.partition("By model")[2].partition("Overhead")[0]
    assert "unpriced 2" in models
    assert "per completed task: no call has a known price" in text
    assert "$0" not in text.partition("Overhead")[0]


@pytest.mark.parametrize(
    ("grain", "hour", "until", "later_s", "concerned"),
    [
        ("day", "2026-02-16T18", None, 1, True),
        ("day", "2026-02-17T00", None, 1, True),
        ("day", "2026-02-15T23", None, 1, False),
        ("day", "2026-02-16T18", "2026-02-16", 1, True),
        ("day", "2026-02-17T00", "2026-02-16", 1, False),
        ("day", "2026-02-16T18", None, -1, False),
        ("week", "2026-02-22T23", "2026-W08", 1, True),
    ],
)
def test_work_that_waits_to_be_published_concerns_its_period_and_what_was_published_before(
    grain: Grain, hour: str, until: str | None, later_s: int, *, concerned: bool
) -> None:
    waiting = Unpublished(AT + timedelta(seconds=later_s), frozenset([hour]))
    rollup = _rollup("2026-W08" if grain == "week" else "2026-02-16", {})
    assert waiting.concerns(grain, [rollup], until) is concerned


@pytest.mark.parametrize("newer_work", [True, False])
def test_report_says_how_old_it_is_and_whether_newer_work_waits(*, newer_work: bool) -> None:
    whole = report("acme", [_rollup("2026-02-16", _cells(a=NANO))], newer_work=newer_work)
    page = printed(report_page.page(whole, 120, AT + timedelta(seconds=125)), 120)
    assert "as of 16 Feb 18:00 UTC, 2m 05s ago" in page
    assert ("! Newer work is counted and not in here yet" in page) is newer_work
    assert as_json(whole)["newer_work"] is newer_work
