"""The change of a cost by today's prices, and its division among hours."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from repair.gaps import Counted
from repair.history import Chain
from support.terminal import printed
from tachograph_cli.repair import tables
from tachograph_cli.repair.price_difference import repriced_fields, spread
from tachograph_cli.repair.reprice import Correction
from tachograph_schema.counters.cells import add_up
from tachograph_schema.counters.scopes import scope
from tachograph_schema.documents.price_sheet import read_prices
from tachograph_schema.documents.task import Task
from tachograph_schema.parsing import parse
from tachograph_schema.paths import DocumentPath

_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
_PRICES, _ = read_prices(
    {
        "ours": {
            "rows": [
                {
                    "model": "ours",
                    "valid_from": "2026-01-01T00:00:00Z",
                    "input_usd_per_mtok": 3,
                    "output_usd_per_mtok": 1,
                }
            ]
        }
    }
)
_MTOK = 10**6


def _changes(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - a task's own
    fields = {"model": "ours", "tokens_in": _MTOK, "cost_source": "priced", **fields}
    return repriced_fields(parse(Task, fields)[0], fields, _AT, _PRICES)


def test_model_of_which_a_part_was_reported_keeps_its_cost() -> None:
    assert _changes(cost_nanousd=7)["cost_nanousd"] == 3 * 10**9
    assert _changes(cost_nanousd=7, cost_reported_nanousd=5) == {}


def _entry(hour: str, **counters: int) -> Counted:
    path = DocumentPath("f", "tasks", "t-1")
    return Counted(path, hour, hour, {}, delta={"fleet": counters})


def test_corrections_of_a_model_called_fleet_are_not_those_of_the_fleet() -> None:
    before = {"fleet": {"cost_nanousd": 5}, scope("model", "fleet"): {"cost_nanousd": 3}}
    after = {"fleet": {"cost_nanousd": 9}, scope("model", "fleet"): {"cost_nanousd": 7}}
    chain = Chain(DocumentPath("f", "tasks", "t-1"), (), None, None)
    sums = tables.by_model([Correction(chain, before, after, [])])
    assert sums == {"fleet": (1, 5, 9), "model:fleet": (1, 3, 7)}
    text = printed(tables.corrections_page(sums, dry_run=True), 80)
    assert [line.split()[0] for line in text.splitlines() if "$0" in line] == ["fleet", "all"]


def test_cost_becomes_todays() -> None:
    assert _changes(cost_nanousd=2 * 10**9) == {"cost_nanousd": 3 * 10**9}


def test_cost_that_is_todays_already_stays() -> None:
    assert _changes(cost_nanousd=3 * 10**9) == {}


def test_cost_that_was_reported_stays() -> None:
    assert _changes(cost_nanousd=2 * 10**9, cost_source="reported") == {}
    assert _changes(cost_usd=2.0, cost_source=None) == {}


def test_price_that_is_known_no_more_takes_no_cost_away() -> None:
    assert _changes(model="forgotten", cost_nanousd=5) == {}


def test_overheads_remain_the_same_shares_of_the_whole() -> None:
    changes = _changes(cost_nanousd=2 * 10**9, retry_cost_nanousd=10**9)
    assert changes["retry_cost_nanousd"] == 3 * 10**9 // 2


def test_model_that_was_priced_in_part_stays() -> None:
    split = {"tokens_in": _MTOK, "cost_nanousd": 5, "unpriced_calls": 1, "unpriced_tokens": 9}
    assert _changes(**split) == {}


def test_each_model_of_a_split_is_priced_and_the_others_keep_their_cost() -> None:
    split = {
        "ours": {"tokens_in": _MTOK, "cost_nanousd": 2 * 10**9, "llm_calls": 1},
        "theirs": {"tokens_in": 1, "cost_nanousd": 7, "llm_calls": 1},
    }
    changes = _changes(tokens_in=_MTOK + 1, cost_nanousd=2 * 10**9 + 7, usage_by_model=split)
    assert changes == {
        "cost_nanousd": 3 * 10**9 + 7,
        "usage_by_model": {**split, "ours": {**split["ours"], "cost_nanousd": 3 * 10**9}},
    }


def test_place_in_a_sketch_moves_in_the_hour_it_was_taken_in() -> None:
    entries = [
        _entry("2026-03-01T08", cost_nanousd=90),
        _entry("2026-03-01T09", **{"cost_nanousd": 10, "cost_nanousd~5": 1}),
    ]
    difference = {"fleet": {"cost_nanousd": 100, "cost_nanousd~5": -1, "cost_nanousd~9": 1}}
    assert spread(difference, entries, "2026-03-01T12") == {
        "2026-03-01T08": {"fleet": {"cost_nanousd": 90}},
        "2026-03-01T09": {"fleet": {"cost_nanousd": 10, "cost_nanousd~5": -1, "cost_nanousd~9": 1}},
    }


_ROWS = st.dictionaries(
    st.sampled_from(["cost_nanousd", "task_cost_nanousd", "unpriced_tokens", "cost_nanousd~7"]),
    st.integers(-(10**15), 10**15).filter(bool),
)


@given(
    st.dictionaries(st.sampled_from(["fleet", "model:m"]), _ROWS),
    st.lists(st.tuples(st.integers(0, 5), st.integers(-5, 10**12)), max_size=6),
)
def test_parts_of_a_difference_add_up_to_it(
    difference: dict[str, dict[str, int]], counted: list[tuple[int, int]]
) -> None:
    entries = [_entry(f"2026-03-01T{hour:02d}", cost_nanousd=n) for hour, n in counted]
    parts = spread(difference, entries, "2026-03-01T12")
    assert add_up(parts.values()) == add_up([difference])
