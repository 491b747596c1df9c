"""The cost of calls by the public price lists."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from support.places import CASES
from tachograph.usage.response import read_response
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.price import nanousd, price, price_difference, price_sum
from tachograph_schema.pricing.terms import Terms, tier_named
from tachograph_schema.usage import BUCKETS, Usage

_CASES = yaml.safe_load((CASES / "prices.yaml").read_text())
_AT = datetime(2026, 11, 1, tzinfo=UTC)


def _price(call: dict[str, Any]) -> int | None:
    day: date | None = call.get("at")
    return price(
        Call(
            Usage(**call["usage"]),
            call["model"],
            call["provider"],
            _AT if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC),
            terms=Terms(call.get("route"), call.get("tier")),
            units=call.get("units", {}),
        )
    )


@pytest.mark.parametrize("case", _CASES, ids=[case["name"] for case in _CASES])
def test_call_costs_what_the_table_says(case: dict[str, Any]) -> None:
    if "same_as" in case:
        assert _price(case["call"]) == _price(case["same_as"])
        assert _price(case["call"])
    else:
        usd = case["usd"]
        assert _price(case["call"]) == (None if usd is None else nanousd(usd))


@pytest.mark.parametrize(
    ("service_tier", "speed", "tier"),
    [
        (None, None, None),
        ("", None, None),
        ("auto", None, None),
        ("default", None, None),
        ("standard", "standard", None),
        ("ON_DEMAND", None, None),
        ("ON_DEMAND_FLEX", None, "flex"),
        ("PROVISIONED_THROUGHPUT", None, "provisioned_throughput"),
        ("priority", None, "priority"),
        ("standard", "fast", "fast"),
    ],
)
def test_tier_is_known_by_any_providers_name(
    service_tier: str | None, speed: str | None, tier: str | None
) -> None:
    assert tier_named(service_tier, speed) == tier


_USAGES = st.builds(Usage, *[st.integers(0, 10**6)] * 3, st.just(0), st.integers(0, 10**6))


@given(_USAGES, _USAGES)
def test_correction_and_what_it_corrects_cost_as_much_as_the_corrected(
    before: Usage, after: Usage
) -> None:
    call = ("gpt-5", "openai", _AT)  # no long-context price
    first, change = price(Call(before, *call)), price_difference(Call(after - before, *call))
    assert first is not None
    assert change is not None
    assert abs(first + change - (price(Call(after, *call)) or 0)) <= 2  # each is rounded


@given(_USAGES, st.integers(1, 50))
def test_sum_of_equal_calls_costs_as_many_times_one(usage: Usage, calls: int) -> None:
    call = ("claude-sonnet-4-5", "anthropic", _AT)
    total = Usage(*(getattr(usage, name) * calls for name in BUCKETS))
    one, many = price(Call(usage, *call)), price_sum(Call(total, *call, calls=calls))
    assert one is not None
    assert many is not None
    assert abs(one * calls - many) <= calls  # each call is rounded


def test_recorded_session_of_pi_reproduces_its_recorded_total(shared: Path) -> None:
    """Its agent recorded the cost of every call: what we read is that, and what we compute is."""
    recorded, read, computed, calls = Decimal(0), 0, 0, 0
    for line in (shared / "data/pi/large-session.jsonl").read_text().splitlines():
        entry = json.loads(line)
        message = entry.get("message", {})
        if "usage" not in message:
            continue
        calls += 1
        recorded += Decimal(str(message["usage"]["cost"]["total"]))
        answer = read_response(entry, provider=message["provider"])
        read += answer.cost_nanousd or 0
        at = datetime.fromisoformat(entry["timestamp"])
        computed += price(Call(answer.usage, answer.model, answer.provider, at)) or 0
    assert calls == 453
    assert read == computed == nanousd(recorded) == 30_330_197_700
