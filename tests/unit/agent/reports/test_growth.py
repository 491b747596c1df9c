"""A call that is counted, and what a later report of it adds: together they are the final call."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from support.fakes.task import ReadableTask
from tachograph.reports.queue import ReportQueue
from tachograph.reports.report import Report, ReportKey
from tachograph.reports.spool_lines import head_of, line_of, read_lines
from tachograph.reports.task_fields import task_fields
from tachograph.task.run import TaskRun
from tachograph_schema.documents.price_sheet import PriceList, PriceRow
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.growth import grown, growth
from tachograph_schema.pricing.price import cost_of
from tachograph_schema.pricing.terms import Terms
from tachograph_schema.usage import Usage

_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
_MODELS = ("claude-sonnet-4-5", "m", "nobody-knows", None)


def _row(model: str, usd: str, **said: object) -> PriceRow:
    dated = {"model": model, "valid_from": "2026-01-01T00:00:00Z"}
    prices = {"input_usd_per_mtok": usd, "output_usd_per_mtok": "0.0007"}
    return PriceRow.model_validate(dated | prices | said)


_OWN = PriceList(
    [
        _row("m", "0.0003"),
        _row("m", "1.7", prompt_over_tokens=1000),
        _row("m", "2.1", service_tier="batch", usd_per_unit={"web_searches": "0.0123456789"}),
    ]
)
_USAGES = st.builds(
    Usage,
    st.integers(0, 300_000),
    st.integers(0, 2000),
    st.integers(50, 2000),
    st.integers(0, 50),
    st.integers(9, 3000),
    st.integers(0, 9),
)
_CALLS = st.builds(
    Call,
    _USAGES,
    st.just("m"),
    st.sampled_from([None, "anthropic"]),
    st.just(_AT),
    st.sampled_from([None, None, None, 0, 1_234_567]),
    terms=st.sampled_from([Terms(), Terms(tier="batch")]),
    units=st.sampled_from([{}, {"web_searches": 1}, {"web_searches": 4}]),
    readable=st.sampled_from([True, True, True, False]),
)


@given(_CALLS, _CALLS, _CALLS, st.sampled_from(_MODELS), st.sampled_from([None, _OWN]))
def test_count_and_growths_are_the_count_of_the_final_call_to_the_nanodollar(
    first: Call, second: Call, last: Call, model: str | None, prices: PriceList | None
) -> None:
    first, second, last = (replace(call, model=model) for call in (first, second, last))
    grew = [first, growth(second, first), growth(last, second)]
    landed: dict[str, Any] = {}
    for number, call in enumerate(grew, 1):
        report = _respooled(Report(number, _AT, calls=(call,)))
        landed |= task_fields(landed, "r", [report], prices=prices)
    at_once = task_fields({}, "r", [Report(1, _AT, calls=(last,))], prices=prices)
    assert _counts(landed) == _counts(at_once)


@given(_CALLS, _CALLS, st.sampled_from([None, _OWN]))
def test_growth_costs_the_difference_and_grows_into_the_call(
    before: Call, now: Call, prices: PriceList | None
) -> None:
    added = growth(now, before)
    assert grown(added) == now
    costs = cost_of(now, prices), cost_of(before, prices)
    assert cost_of(added, prices) == (None if costs[0] is None else costs[0] - (costs[1] or 0))


def test_growth_that_a_session_reports_is_priced_by_the_fleets_own_prices() -> None:
    task = ReadableTask(prices=_OWN)
    begun = Call(Usage(tokens_in=900, tokens_out=1), "m", None, _AT)
    ended = replace(begun, usage=Usage(tokens_in=1100, tokens_out=50))
    run = TaskRun(task)
    run.record_calls([begun], own_context=False)
    run.record_calls([growth(ended, begun)])
    fields = task.written()
    assert fields["cost_nanousd"] == cost_of(ended, _OWN) == 1100 * 1700 + 35  # 50 x 0.7
    assert (fields["llm_calls"], fields["tokens_in"], fields["tokens_out"]) == (1, 1100, 50)


def test_prices_are_read_where_only_the_earlier_count_needs_them() -> None:
    asked: list[int] = []

    class Prices:
        def current(self) -> PriceList:
            asked.append(1)
            return _OWN

    begun = Call(Usage(tokens_in=900), "m", None, _AT)
    billed = replace(begun, cost_nanousd=5_000)
    queue = ReportQueue("r", prices=Prices())
    queue.add(_AT, calls=(growth(billed, begun),))
    fields = queue.next_fields({"cost_nanousd": 270, "llm_calls": 1, "tokens_in": 900})
    assert asked
    assert fields is not None
    assert fields["cost_nanousd"] == 5_000


def _respooled(report: Report) -> Report:
    [line] = read_lines(line_of(head_of(ReportKey("t", "r", None)), report))
    assert line.report == report
    return line.report


def _counts(fields: dict[str, Any]) -> dict[str, int]:
    """Return the numbers of a task; what was reported is all of the cost where none was priced."""
    if fields.get("cost_source") == "reported":
        fields = {**fields, "cost_reported_nanousd": fields["cost_nanousd"]}
    return {name: n for name, n in fields.items() if isinstance(n, int) and n}
