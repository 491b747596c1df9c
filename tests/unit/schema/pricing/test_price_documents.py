"""Documents of prices as an owner writes them: read, or refused with the reason."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support.places import ROOT
from tachograph_schema.documents.price_sheet import read_prices
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.price import price
from tachograph_schema.usage import Usage


def test_second_row_for_the_same_calls_is_left_out_and_said() -> None:
    row = {
        "model": "m",
        "valid_from": "2026-01-01T00:00:00Z",
        "input_usd_per_mtok": 1,
        "output_usd_per_mtok": 2,
        "hours_utc": "01:00-02:00",
        "weekdays_utc": "sat,sun",
    }
    again = {"model": "M", "hours_utc": "01:00-01:30,01:30-02:00", "weekdays_utc": "sat-sun"}
    documents = {"a": row, "b": {"rows": [row | again | {"input_usd_per_mtok": 9}]}}
    prices, problems = read_prices(documents)
    assert [row.input_usd_per_mtok for row in prices.rows] == [1]
    [problem] = problems
    assert str(problem) == (
        "prices/b.rows[0] is a second row for M; expected calls that prices/a is not for: another "
        "date, hour, day or term"
    )


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
        ({"hours_utc": "9-17"}, "is '9-17'; expected spans of UTC such as 09:00-17:30"),
        ({"hours_utc": "09:00-09:00"}, "expected spans of UTC"),
        ({"hours_utc": "23:00-24:30"}, "expected spans of UTC"),
        ({"hours_utc": 9}, "is 9; expected spans of UTC"),
        ({"weekdays_utc": "monday"}, "is 'monday'; expected days such as mon-fri or sat,sun"),
        ({"weekdays_utc": "mon-"}, "expected days such as"),
        ({"prompt_over_tokens": -1}, "is -1; expected a whole number from 0 to 10^15"),
        ({"inference_geo": ""}, "expected 1-200 printable characters"),
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


@pytest.mark.parametrize(
    ("fees", "problem"),
    [
        (
            {"searches": 1},
            "usd_per_unit.searches is 'searches'; expected one of web_searches, social_searches",
        ),
        ({"web_searches": -1}, "is -1; expected dollars for one, from 0 to 1000000"),
        (0.01, "usd_per_unit is 0.01; expected a map of fees"),
    ],
)
def test_bad_fee_says_why(fees: object, problem: str) -> None:
    row = {"model": "m", "valid_from": "2026-01-01T00:00:00Z", "usd_per_unit": fees}
    row |= {"input_usd_per_mtok": 1, "output_usd_per_mtok": 2}
    prices, problems = read_prices({"bad": row})
    assert not prices.rows
    assert problem in str(problems[0])


def test_rows_of_the_page_on_prices_price_a_week_as_it_says() -> None:
    """docs/prices.md: DeepSeek's hours, as an owner would write them."""
    page = (ROOT / "docs/prices.md").read_text()
    [block] = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    prices, problems = read_prices({"deepseek": json.loads(block)})
    assert not problems
    monday = datetime(2026, 9, 7, tzinfo=UTC)
    usage = Usage(tokens_in=10**6)
    dear = set()
    for hour in range(7 * 24):
        at = monday + timedelta(hours=hour)
        call = Call(usage, "deepseek-v4-pro", "deepseek", at)
        assert price(call, prices) == price(call), at  # the public list knows them, by code of ours
        if price(call, prices) == 1_320_000_000:
            dear.add((at.weekday(), at.hour))
    assert dear == {(day, hour) for day in range(5) for hour in (1, 2, 3, 6, 7, 8, 9)}


@pytest.mark.parametrize("document", [{}, {"rows": "none"}, {"rows": [None, 3]}, {"model": "m"}])
def test_what_is_no_price_document_is_said_and_does_no_harm(document: dict[str, Any]) -> None:
    prices, problems = read_prices({"bad": document})
    assert not prices.rows
    assert problems
