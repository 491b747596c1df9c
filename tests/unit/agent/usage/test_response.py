"""Usage, model and cost, as any provider's response states them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.places import CASES
from support.providers.rows import (
    UNDATED,
    Recorded,
    bodies,
    cost_of,
    rows,
    tokens_read,
    tokens_said,
)
from tachograph.usage.response import read_response
from tachograph_schema.pricing.price import nanousd
from tachograph_schema.usage import Usage

_CASES = yaml.safe_load((CASES / "responses.yaml").read_text())


@pytest.mark.parametrize("case", _CASES, ids=[case["name"] for case in _CASES])
def test_response_reads_as_the_table_says(case: dict[str, Any]) -> None:
    answer = read_response(case["response"], **case.get("asked", {}))
    assert answer.usage == Usage(**case["reads"])
    assert answer.readable is case.get("readable", True)
    for name in ("model", "provider", "finish_reason", "cost_nanousd", "why", "context_tokens"):
        if name in case:
            assert getattr(answer, name) == case[name], name
    for name in ("tier", "geo"):
        if name in case:
            assert getattr(answer.terms, name) == case[name]
    if "usd" in case:
        cost = cost_of(answer, case.get("at", UNDATED))
        assert cost == (None if case["usd"] is None else round(Decimal(str(case["usd"])) * 10**9))
    if "others" in case:
        assert {o.model: o.usage for o in answer.others} == {
            model: Usage(**reads) for model, reads in case["others"].items()
        }
    for other in answer.others if "others_usd" in case else ():
        assert cost_of(other, UNDATED) == nanousd(case["others_usd"][other.model])
    assert case.get("units", {}).items() <= answer.units.items()
    assert case.get("raw", {}).items() <= answer.raw.items()


_NO_USAGE = "list has no usage; expected a shape of usage that is known here"
_UNREAD = {("cohere", "rerank"): "billed_units"}
"""Calls that are billed by something else than tokens: counted, and unpriced."""


def test_every_recorded_usage_is_read_or_its_failure_is_named(shared: Path) -> None:
    for row in rows(shared):
        answer = row.read()
        reason = _UNREAD.get((row.provider, row.api))
        assert answer.readable is (reason is None), (row, answer)
        assert reason is None or reason in str(answer.why)


def test_every_recorded_body_is_read_unless_it_was_cut_before_its_usage(shared: Path) -> None:
    for body in bodies(shared):
        answer = body.read()
        if not answer.readable and body.api != "rerank":
            assert isinstance(body.body, list), body.name
            assert answer.why == _NO_USAGE
            assert not tokens_said(body.usages), body.name


def test_nothing_that_says_tokens_is_silently_zero(shared: Path) -> None:
    for one in [*rows(shared), *bodies(shared)]:
        said = tokens_said(one.usages)
        assert bool(tokens_read(one.read()).total_tokens) is bool(said), one


def test_everything_said_is_read_but_for_what_is_not_billed(shared: Path) -> None:
    less = {
        ("cohere", "chat"): "bills fewer tokens than it reads",
        ("cohere", "chat-v2"): "bills fewer tokens than it reads",
        ("x-ai", "grpc-chat"): "says it cached more than it was asked",
        ("google-gla", "streamGenerateContent"): "takes back what it said of the prompt",
    }
    for row in rows(shared):
        if tokens_read(row.read()).total_tokens < tokens_said(row.usages):
            assert (row.provider, row.api) in less, row


def test_openrouters_bill_is_the_cost(shared: Path) -> None:
    billed = [row for row in rows(shared) if "cost" in _usage(row) and row.provider == "openrouter"]
    assert len(billed) > 15
    for row in billed:
        usage, cost = _usage(row), row.read().cost_nanousd
        upstream = (usage["cost_details"] or {}).get("upstream_inference_cost") or 0
        expected = usage["cost"] + (upstream if usage.get("is_byok") else 0)
        assert cost == pytest.approx(expected * 1e9, abs=1), row


def test_our_price_is_the_gateways_where_it_estimates(shared: Path) -> None:
    estimated = [row for row in rows(shared) if "pydantic_ai_gateway" in _usage(row)]
    assert len(estimated) >= 5
    for row in estimated:
        host = "aws" if row.api == "converse" else "gateway"
        answer = read_response(row.body, provider=host, model=row.model)
        cost = cost_of(answer, row.at)
        assert cost == round(_usage(row)["pydantic_ai_gateway"]["cost_estimate"] * 1e9), row


def _usage(row: Recorded) -> dict[str, Any]:
    return next((usage for usage in row.usages if isinstance(usage, dict)), {})
