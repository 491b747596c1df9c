"""Price sheets: the prices that a fleet itself pays come before any public list."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from support.places import CASES
from tachograph_schema.documents.price_sheet import PriceList, PriceRow, read_prices
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.price import price, price_sum
from tachograph_schema.pricing.terms import Terms
from tachograph_schema.usage import Usage

_CASES = yaml.safe_load((CASES / "pricelists.yaml").read_text())
_AT = datetime(2026, 3, 1, tzinfo=UTC)


def _row(model: str = "m", **said: object) -> PriceRow:
    for name in ("valid_from", "valid_to"):
        if name in said:
            said[name] = f"{said[name]}T00:00:00Z"
    paid = {"input_usd_per_mtok": said.pop("input", 1), "output_usd_per_mtok": 0}
    dated = {"model": model, "valid_from": "2026-01-01T00:00:00Z"}
    return PriceRow.model_validate(dated | paid | said)


@pytest.mark.parametrize("case", _CASES, ids=[case["name"] for case in _CASES])
def test_row_that_decides_is_the_one_the_table_says(case: dict[str, Any]) -> None:
    rows, call = [_row(**row) for row in case["rows"]], case["call"]
    for ordered in (rows, rows[::-1]):
        found = PriceList(ordered).row(
            call["model"], call.get("provider"), call.get("route"), _AT, call.get("tier")
        )
        assert (found and found.input_usd_per_mtok) == case["decides"]


def test_every_bucket_has_its_price_in_exact_nanodollars() -> None:
    row = _row(
        input=0.3,
        output_usd_per_mtok="1.1",
        cache_read_usd_per_mtok=0.03,
        cache_write_usd_per_mtok=0.375,
        cache_write_1h_usd_per_mtok=0.6,
    )
    usage = Usage(1, 10, 1100, 100, 7)
    nano = 300 + 10 * 30 + 1000 * 375 + 100 * 600 + 7 * 1100
    assert price(Call(usage, "m", None, _AT), PriceList([row])) == nano


def test_cache_without_a_price_of_its_own_is_charged_as_input() -> None:
    usage = Usage(0, 10, 20, 5, 0)
    assert price(Call(usage, "m", None, _AT), PriceList([_row(input=2)])) == 30 * 2000
    written = _row(input=2, cache_write_usd_per_mtok=3)
    assert price(Call(usage, "m", None, _AT), PriceList([written])) == 10 * 2000 + 20 * 3000


def test_fleets_row_comes_before_the_public_price_and_is_silent_elsewhere() -> None:
    usage, prices = Usage(tokens_in=1000), PriceList([_row("gpt-4o", input=1)])
    assert price(Call(usage, "gpt-4o", "openai", _AT), prices) == 1_000_000
    assert price(Call(usage, "gpt-4o", "openai", _AT)) == 2_500_000
    assert price(Call(usage, "gpt-4.1", "openai", _AT), prices) == 2_000_000


def test_local_is_free_only_by_the_fleets_word() -> None:
    usage, local = Usage(tokens_in=1000), Terms(route="local")
    free = PriceList([_row("*", input=0, route="local")])
    by_route = Call(usage, "llama3", "ollama", _AT, terms=local)
    assert price(by_route, free) == 0
    assert price(by_route) is None
    assert price(Call(usage, "llama3", "ollama", _AT), free) is None


_ROWS = st.builds(
    _row,
    st.sampled_from(["m", "m*", "*", "mm", "mm*"]),
    input=st.integers(0, 5),
    provider=st.sampled_from([None, "p", "q"]),
    route=st.sampled_from([None, "local"]),
    service_tier=st.sampled_from([None, "batch"]),
    valid_from=st.sampled_from(["2026-01-01", "2026-02-01", "2026-04-01"]),
)


@given(st.lists(_ROWS, max_size=8), st.randoms(use_true_random=False))
def test_order_of_the_rows_makes_no_difference(rows: list[PriceRow], chance: random.Random) -> None:
    call = ("mm", "p", "local", _AT, "batch")
    before = PriceList(rows).row(*call)
    chance.shuffle(rows)
    assert PriceList(rows).row(*call) == before
    assert before is None or before.covers(*call)


@given(st.builds(Usage, *[st.integers(0, 10**9)] * 3), st.integers(0, 100), _ROWS)
def test_sum_is_priced_as_a_sum_however_many_calls_it_was(
    usage: Usage, calls: int, row: PriceRow
) -> None:
    prices = PriceList([row])
    at = row.valid_from + timedelta(days=1)
    terms = Terms(row.route, row.service_tier)
    model = row.model.replace("*", "x")
    total = price_sum(Call(usage, model, row.provider, at, calls=calls, terms=terms), prices)
    assert total == price(Call(usage, model, row.provider, at, terms=terms), prices)
    assert total is not None


def test_document_is_a_row_or_a_sheet_of_rows() -> None:
    row = {"valid_from": "2026-01-01T00:00:00Z", "input_usd_per_mtok": 1, "output_usd_per_mtok": 2}
    documents = {
        "one": {"model": "a", **row, "note": "negotiated"},
        "sheet": {"rows": [{"model": "b", **row}, {"model": "c", **row}]},
    }
    prices, problems = read_prices(documents)
    assert {row.model for row in prices.rows} == {"a", "b", "c"}
    assert not problems


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (
            {"input_usd_per_mtok": -1},
            "is -1; expected dollars per million tokens, from 0 to 1000000",
        ),
        ({"input_usd_per_mtok": "a lot"}, "is 'a lot'; expected dollars per million tokens"),
        ({"input_usd_per_mtok": float("nan")}, "is nan; expected dollars per million tokens"),
        (
            {"model": "gpt-*-mini"},
            "expected a model's id, or the beginning of one with * at its end",
        ),
        ({"valid_from": "yesterday"}, "expected a timestamp of 2000-2999"),
        ({"valid_from": None}, "expected a timestamp of 2000-2999"),
    ],
)
def test_bad_row_is_left_out_whole_and_says_why(fields: dict[str, Any], problem: str) -> None:
    good = {
        "model": "m",
        "valid_from": "2026-01-01T00:00:00Z",
        "input_usd_per_mtok": 1,
        "output_usd_per_mtok": 2,
    }
    prices, problems = read_prices({"bad": {"rows": [good, good | fields]}})
    assert len(prices.rows) == 1
    assert f"prices/bad.rows[1].{next(iter(fields))} is" in str(problems[0])
    assert problem in str(problems[0])


@pytest.mark.parametrize("document", [{}, {"rows": "none"}, {"rows": [None, 3]}, {"model": "m"}])
def test_what_is_no_price_document_is_said_and_does_no_harm(document: dict[str, Any]) -> None:
    prices, problems = read_prices({"bad": document})
    assert not prices.rows
    assert problems
