"""Inputs of public bug reports, each with its right value, as `../shared/data/cases` has them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.fleets.transcripts import happened
from support.providers.rows import UNDATED, cost_of
from tachograph.usage.response import read_response
from tachograph_cli.replay.estimates import added
from tachograph_cli.replay.transcripts.events import ModelCall
from tachograph_schema.pricing.price import cost_of as cost_of_call
from tachograph_schema.usage import Usage

RESPONSES = {
    "c01-openai-batch-object": 6_750_000_000,
    "c04-inference-geo": 143_000_000,
    "c08-responses-web-search": 33_650_000,
}
TRANSCRIPTS = {
    "t01-fast-mode": (120_000_000, 0),
    "t05-web-search-fee": (60_000_000, 0),
    "x01-cache-write": (92_000_000, 0),
    "x03-records-only": (36_750_000, 0),
}


@pytest.mark.parametrize("case", RESPONSES)
def test_response_costs_what_the_case_says(case: str, shared: Path) -> None:
    answer = read_response(json.loads((shared / "data/cases" / case / "input.json").read_text()))
    assert cost_of(answer, UNDATED) == RESPONSES[case]


@pytest.mark.parametrize(
    ("at", "nanousd"),
    [
        (datetime(2026, 9, 8, 2, tzinfo=UTC), 572_000_000),
        (datetime(2026, 9, 8, 12, tzinfo=UTC), 286_000_000),
        (datetime(2026, 9, 12, 2, tzinfo=UTC), 210_000_000),
        (datetime(2026, 8, 1, 2, tzinfo=UTC), 168_000_000),
    ],
)
def test_deepseek_costs_more_in_the_peak_hours_of_working_days(
    at: datetime, nanousd: int, shared: Path
) -> None:
    document = json.loads((shared / "data/cases/c13-deepseek-hours/input.json").read_text())
    assert cost_of(read_response(document), at) == nanousd


@pytest.mark.parametrize("case", TRANSCRIPTS)
def test_transcript_costs_what_the_case_says(case: str, shared: Path) -> None:
    assert _totals(shared / "data/cases" / case)[1:] == TRANSCRIPTS[case]


def test_record_without_a_usable_model_or_id_keeps_its_tokens(shared: Path) -> None:
    usage, _, unpriced = _totals(shared / "data/cases/t11-no-model")
    # The first of the four has both, and the last a model.
    assert (usage.tokens_in, usage.tokens_out, unpriced) == (15_000, 1_500, 2)


def _totals(place: Path) -> tuple[Usage, int, int]:
    """Return the tokens, the nano-dollars and the unpriced calls of a folder."""
    usage, nanousd, unpriced = Usage(), 0, 0
    for _, event in happened(place):
        if isinstance(event, ModelCall):
            for call in added(event):
                cost = cost_of_call(call, None)
                usage += call.usage
                nanousd += cost or 0
                unpriced += cost is None
    return usage, nanousd, unpriced
