"""Rates: the difference of two snapshots by the time between them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tachograph_cli.report.commands import window
from tachograph_cli.report.rates_page import page
from tachograph_schema.counters.rates import Rates, Totals, rates

_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
_COUNTERS = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 10**15))
_SPANS = st.timedeltas(timedelta(milliseconds=1), timedelta(days=400))


def _rates(before: dict[str, int], after: dict[str, int], span: timedelta) -> Rates:
    found = rates(Totals(_AT, before), Totals(_AT + span, after))
    assert found is not None
    return found


@given(_COUNTERS, st.integers(0, 10**9), _SPANS)
def test_rate_times_the_span_is_what_was_counted_however_far_apart(
    before: dict[str, int], grown: int, span: timedelta
) -> None:
    found = _rates(before, {name: n + grown for name, n in before.items()}, span)
    assert found.span == span
    for name in before:
        assert found.growth[name] == grown
        per_s = found.per_s(name)
        assert per_s is not None
        assert per_s * span.total_seconds() == pytest.approx(grown, rel=1e-6)
        assert found.per_min(name) == pytest.approx(per_s * 60)
        assert found.per_h(name) == pytest.approx(per_s * 3600)


@given(_COUNTERS, _COUNTERS, _SPANS)
def test_counter_is_told_if_both_know_it_and_never_as_less_than_nothing(
    before: dict[str, int], after: dict[str, int], span: timedelta
) -> None:
    found = _rates(before, after, span)
    assert found.growth.keys() | found.fell == before.keys() & after.keys()
    assert not found.growth.keys() & found.fell
    assert all(n >= 0 for n in found.growth.values())


@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 10**9)), min_size=2, max_size=9))
def test_growth_over_a_window_is_the_sum_over_its_parts(points: list[tuple[int, int]]) -> None:
    at, n, taken = _AT, 0, []
    for seconds, grown in points:
        at, n = at + timedelta(seconds=seconds), n + grown
        taken.append(Totals(at, {"a": n}))
    whole = rates(taken[0], taken[-1])
    parts = [rates(earlier, later) for earlier, later in pairwise(taken)]
    assert whole is not None
    assert whole.growth["a"] == sum(part.growth["a"] for part in parts if part)
    assert whole.span == sum((part.span for part in parts if part), timedelta())


def test_counter_that_was_corrected_downwards_has_no_rate() -> None:
    found = _rates({"a": 9, "b": 1}, {"a": 4, "b": 2}, timedelta(minutes=5))
    assert found.per_s("a") is None
    assert set(found.fell) == {"a"}
    assert found.per_min("b") == 0.2
    assert found.share("b", "a") is None


def test_share_of_nothing_is_not_known() -> None:
    found = _rates({"part": 3, "whole": 10}, {"part": 3, "whole": 10}, timedelta(hours=1))
    assert found.share("part", "whole") is None
    grown = _rates({"part": 3, "whole": 10}, {"part": 4, "whole": 14}, timedelta(hours=1))
    assert grown.share("part", "whole") == 0.25


def test_snapshots_of_one_moment_or_in_the_wrong_order_make_no_rate() -> None:
    now, later = Totals(_AT, {"a": 1}), Totals(_AT + timedelta(seconds=1), {"a": 2})
    assert rates(now, now) is None
    assert rates(later, now) is None


@pytest.mark.parametrize(
    ("text", "span"), [("5m", 300), ("90m", 5400), ("24h", 86400), ("7d", 604800)]
)
def test_window_is_minutes_hours_or_days(text: str, span: int) -> None:
    assert window(text).total_seconds() == span


@pytest.mark.parametrize("text", ["", "5", "m", "0m", "-1h", "5 m", "1.5h", "9w", "1234567d"])
def test_other_windows_are_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(click.UsageError, match="expected minutes, hours or days, such as 5m"):
        window(text)


def test_page_tells_the_span_it_measured_and_what_it_does_not_know() -> None:
    counters = dict.fromkeys(
        ["tasks_created", "tasks_completed", "tasks_failed", "tasks_cancelled", "cost_nanousd"], 0
    )
    grown = counters | {"tasks_created": 90, "tasks_completed": 60, "cost_nanousd": 5 * 10**9}
    found = _rates(counters | {"retries": 5}, grown | {"retries": 1}, timedelta(minutes=6))
    console = Console(width=80, record=True, highlight=False)
    with console.capture() as capture:
        console.print(page("acme", {"5m": found}, _AT + timedelta(hours=2)))
    lines = capture.get().splitlines()
    rows = {line[:25].strip(): line[25:].strip() for line in lines}
    assert rows["spend / h"] == "$50.00"
    assert rows["tasks completed / min"] == "10"
    assert rows["open tasks, growth / min"] == "+5"
    assert rows["tokens / s"] == "–"  # noqa: RUF001 - the dashboard's dash
    assert rows["measured over"] == "6m 00s"
    assert "1h 54m ago" in lines[1]
    assert "not known: retries." in lines[-1]


def test_window_that_reaches_no_further_back_than_a_shorter_one_is_named_and_has_no_column() -> (
    None
):
    young = _rates({"tasks_created": 1}, {"tasks_created": 9}, timedelta(seconds=22))
    old = _rates({"tasks_created": 1}, {"tasks_created": 9}, timedelta(hours=3))
    windows = {"1m": young, "1h": young, "24h": old, "7d": old}
    console = Console(width=80)
    with console.capture() as printed:
        console.print(page("acme", windows, old.until))
    text = printed.get()
    assert "1h, 7d: no snapshot is older, so it is the same." in text
    header = next(line for line in text.splitlines() if "24h" in line)
    assert header.split() == ["1m", "24h"]
