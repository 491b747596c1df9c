"""The totals of a session's bill: each replaces the one before, whoever writes and how often."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tachograph.reports.report import Report
from tachograph.session.bill import BillTotals
from tachograph_schema.pricing.call import Call
from tachograph_schema.usage import Usage

AT = datetime(2026, 9, 1, tzinfo=UTC)


class Session:
    """A session's cost, as its document adds it up."""

    def __init__(self) -> None:
        self.cost_nanousd = self.found_nanousd = 0

    def spent(self, nanousd: int) -> None:
        """Add to the cost."""
        self.cost_nanousd += nanousd

    def found(self, nanousd: int) -> None:
        """Note a cost that this process did not add."""
        self.found_nanousd += nanousd


def report(number: int, *tokens: int) -> Report:
    """Return a bill with the tokens of one model after the other, each for a nano-dollar."""
    calls = tuple(
        Call(Usage(tokens_in=n), f"m{place}", "anthropic", AT, n, calls=0)
        for place, n in enumerate(tokens)
    )
    return Report(number, AT, calls=calls)


def written(
    reports: Iterable[Report], *, lowers: bool = True, refused: bool = False
) -> tuple[dict[str, Any] | None, Session]:
    """Write bills by a new process each, onto one document."""
    document: dict[str, Any] | None = None
    session = Session()
    for each in reports:
        totals = BillTotals("a:s", None, session)
        totals.lowers = lowers
        totals.set(each)
        if refused:
            assert totals.shrink()
        while (fields := totals.next_fields(document)) is not None:
            document = {**(document or {}), **fields}
            totals.wrote()
    return document, session


@given(st.permutations([report(1, 5), report(2, 7, 3), report(3, 6)]), st.booleans(), st.booleans())
def test_later_bill_stands_whatever_the_order_and_however_often(
    reports: list[Report],
    twice: bool,  # noqa: FBT001 - of hypothesis
    refused: bool,  # noqa: FBT001
) -> None:
    document, session = written([*reports, *reports] if twice else reports, refused=refused)
    assert document is not None
    assert (document["tokens_in"], document["cost_nanousd"], session.cost_nanousd) == (6, 6, 6)
    rows = document.get("usage_by_model") or {document["model"]: document}
    assert sum(row["tokens_in"] for row in rows.values()) == 6


@pytest.mark.parametrize("refused", [False, True])
def test_session_learns_once_what_another_process_had_written(*, refused: bool) -> None:
    document, _ = written([report(1, 5, 4)], refused=refused)
    session = Session()
    totals = BillTotals("a:s", None, session)
    for number in (1, 2, 3):
        totals.set(report(number, 7 * number, 4, 2))
        if refused:
            totals.shrink()
        while (fields := totals.next_fields(document)) is not None:
            document = {**(document or {}), **fields}
            totals.wrote()
    assert (session.found_nanousd, session.cost_nanousd) == (9, 21 + 4 + 2 - 9)


def test_bill_without_a_rest_writes_nothing_where_none_was_written() -> None:
    document, _ = written([report(1)])
    assert document is None


def test_bill_without_a_rest_takes_an_earlier_rest_back() -> None:
    document, session = written([report(1, 5, 4), report(2)])
    assert document is not None
    assert (document["tokens_in"], document["cost_nanousd"], session.cost_nanousd) == (0, 0, 0)
    assert document["usage_by_model"] == {}


@pytest.mark.parametrize("tokens", [(5,), (9, 2)])
def test_spend_that_has_landed_is_only_lowered_by_an_owner(tokens: tuple[int, ...]) -> None:
    document, session = written([report(1, *tokens), report(2, 1)], lowers=False)
    assert document is not None
    total = sum(tokens)
    assert (document["tokens_in"], session.cost_nanousd) == (total, total)
