"""Price sheets: the prices that a fleet itself pays come before any public list."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from support.places import CASES
from tachograph.usage.fees import _COUNTED, _GROQ_TOOLS, _TOOLS, _XAI_TOOLS
from tachograph_schema.documents.price_sheet import Conditions, PriceList, PriceRow
from tachograph_schema.periods import minutes_of, weekdays_of
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.explanation import explain
from tachograph_schema.pricing.price import nanousd, price, price_sum
from tachograph_schema.pricing.terms import Terms
from tachograph_schema.usage import FEES, Usage

_CASES = yaml.safe_load((CASES / "pricelists.yaml").read_text())
_AT = datetime(2026, 3, 1, tzinfo=UTC)


def _call(
    model: str,
    provider: str | None = None,
    route: str | None = None,
    tier: str | None = None,
    geo: str | None = None,
    prompt: int = 0,
    at: datetime = _AT,
) -> Conditions:
    return Conditions(model, provider, route, at.replace(tzinfo=UTC), tier, geo, prompt)


def _row(model: str = "m", **said: object) -> PriceRow:
    for name in ("valid_from", "valid_to"):
        if said.get(name) is not None:
            said[name] = f"{said[name]}T00:00:00Z"
    paid = {"input_usd_per_mtok": said.pop("input", 1), "output_usd_per_mtok": 0}
    dated = {"model": model, "valid_from": "2026-01-01T00:00:00Z"}
    return PriceRow.model_validate(dated | paid | said)


@pytest.mark.parametrize("case", _CASES, ids=[case["name"] for case in _CASES])
def test_row_that_decides_is_the_one_the_table_says(case: dict[str, Any]) -> None:
    rows, call = [_row(**row) for row in case["rows"]], case["call"]
    for ordered in (rows, rows[::-1]):
        found = PriceList(ordered).row(_call(**call))
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
    valid_to=st.sampled_from([None, "2026-06-01", "2026-07-01"]),
    inference_geo=st.sampled_from([None, "us"]),
    prompt_over_tokens=st.sampled_from([None, 0, 100]),
    hours_utc=st.sampled_from([None, "23:00-01:00", "00:00-02:00", "00:00-01:00"]),
    weekdays_utc=st.sampled_from([None, "sun", "sat-mon", "fri,sun,mon"]),
)


@given(st.lists(_ROWS, max_size=8), st.randoms(use_true_random=False))
def test_order_of_the_rows_makes_no_difference(rows: list[PriceRow], chance: random.Random) -> None:
    call = _call("mm", "p", "local", "batch", "us", 101)
    before = PriceList(rows).row(call)
    chance.shuffle(rows)
    assert PriceList(rows).row(call) == before
    assert before is None or before.covers(call)


@given(st.builds(Usage, *[st.integers(0, 10**9)] * 3), st.integers(0, 100), _ROWS)
def test_sum_is_priced_as_a_sum_however_many_calls_it_was(
    usage: Usage, calls: int, row: PriceRow
) -> None:
    row = row.model_copy(update={"prompt_over_tokens": None})
    prices = PriceList([row])
    at = row.valid_from + timedelta(days=_sunday(row.valid_from))  # at midnight
    terms = Terms(row.route, row.service_tier, row.inference_geo)
    model = row.model.replace("*", "x")
    total = price_sum(Call(usage, model, row.provider, at, calls=calls, terms=terms), prices)
    assert total == price(Call(usage, model, row.provider, at, terms=terms), prices)
    assert total is not None


def _sunday(day: datetime) -> int:
    return 6 - day.weekday()


@given(st.lists(_ROWS, min_size=1, max_size=6), st.integers(0, 40 * 24 * 60))
def test_row_that_decides_is_the_first_of_the_written_order(
    rows: list[PriceRow], minutes: int
) -> None:
    call = _call("mm", "p", "local", "batch", "us", 101, at=_AT + timedelta(minutes=minutes))
    covering = [row for row in rows if row.covers(call)]
    best = max((_specific(row) for row in covering), default=None)
    found = PriceList(rows).row(call)
    assert (found and _specific(found)) == best


def _specific(row: PriceRow) -> tuple[object, ...]:
    """Say how specific a row is, as docs/prices.md does."""
    named = ("route", "provider", "service_tier", "inference_geo")
    week = ("hours_utc", "weekdays_utc")
    return (
        *(getattr(row, name) is not None for name in named),
        not row.model.endswith("*"),
        len(row.model),
        -1 if row.prompt_over_tokens is None else row.prompt_over_tokens,
        *(getattr(row, name) is not None for name in week),
        -len(minutes_of(row.hours_utc or "00:00-24:00")),
        -len(weekdays_of(row.weekdays_utc or "mon-sun")),
        row.valid_from,
        -(row.valid_to.timestamp() if row.valid_to else 1e12),
    )


def test_fees_audio_and_pictures_have_prices_of_their_own() -> None:
    row = _row(
        input=2,
        output_usd_per_mtok=10,
        cache_read_usd_per_mtok=1,
        input_audio_usd_per_mtok=5,
        output_image_usd_per_mtok=30,
        usd_per_unit={"web_searches": "0.01", "image_generations": 0.04},
    )
    usage = Usage(tokens_in=1000, cache_read_tokens=100, tokens_out=50)
    units = {
        "input_audio_tokens": 400,
        "cache_audio_read_tokens": 100,
        "output_image_tokens": 20,
        "input_image_tokens": 7,
        "web_searches": 3,
        "image_generations": 1,
    }
    # 700 words, 300 pieces of audio that no cache held, 100 of what a cache held; 30 words out.
    usd = Decimal(700 * 2 + 300 * 5 + 100 * 1 + 30 * 10 + 20 * 30) / 10**6 + Decimal("0.07")
    assert price(Call(usage, "m", None, _AT, units=units), PriceList([row])) == nanousd(usd)


def test_fee_that_a_row_leaves_out_is_the_public_lists_and_without_one_unknown() -> None:
    prices = PriceList([_row("claude-opus-4-8", input=1), _row("m", input=1)])
    searched = Call(Usage(tokens_in=10), "claude-opus-4-8", "anthropic", _AT)
    searched = replace(searched, units={"web_searches": 2})
    assert price(searched, prices) == 10_000 + 2 * 10_000_000
    unknown = replace(searched, model="m", provider=None)
    assert price(unknown, prices) is None
    assert explain(unknown, prices).source == "the fleet's m has no web_searches"


def test_price_of_hours_says_its_hours() -> None:
    row = _row(hours_utc="00:00-04:00", weekdays_utc="sun")
    explanation = explain(Call(Usage(1), "m", None, _AT), PriceList([row]))
    assert explanation.source == "the fleet's m since 2026-01-01, 00:00-04:00, sun"


def test_every_fee_that_a_response_can_state_may_have_a_price() -> None:
    tables = (_TOOLS, _GROQ_TOOLS, _XAI_TOOLS, _COUNTED)
    stated = {unit for table in tables for unit in table.values()}
    assert stated <= set(FEES)
