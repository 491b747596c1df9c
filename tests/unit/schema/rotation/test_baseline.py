"""Baselines: quantiles of the runs of many days, and their ids."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tachograph_schema.counters.cells import Cells, add_rows
from tachograph_schema.counters.scopes import pair
from tachograph_schema.counters.sketch import bucket_counter, nearest_rank
from tachograph_schema.fields import MAX_NAME_CHARS
from tachograph_schema.paths import baseline_id
from tachograph_schema.rotation.baseline import MAX_BASELINES, MIN_RUNS, task_baselines

_SCOPE = "type:build|model:m"
_NAMES = st.text(st.sampled_from("a_/%|.é"), min_size=1, max_size=6)
_RUNS = st.lists(st.integers(1, 10**12), min_size=MIN_RUNS, max_size=60)


def _day(values: list[int], scope: str = _SCOPE) -> Cells:
    row = {"tasks_completed": len(values), "tasks_created": len(values) + 3, "duration_ms": 17}
    measures = ("tokens_total", "steps", "duration_ms", "cost_nanousd", "dispatch_ms")
    sketched = [{bucket_counter(measure, n): 1} for n in values for measure in measures]
    row = add_rows([row, *sketched])
    return {scope: row, "fleet": row, "model:m": row}


@given(_RUNS, st.integers(1, 28), st.randoms(use_true_random=False))
def test_quantiles_are_within_two_percent_of_the_runs_own_however_days_split_them(
    runs: list[int], days: int, rnd: object
) -> None:
    split: list[list[int]] = [[] for _ in range(days)]
    for run in runs:
        rnd.choice(split).append(run)  # type: ignore[attr-defined]
    [normal] = task_baselines(_day(values) for values in split if values)
    assert (normal.task_type, normal.model, normal.runs) == ("build", "m", len(runs))
    assert set(normal.quantiles) == {"tokens_total", "steps", "duration_ms", "cost_nanousd"}
    for quantiles in normal.quantiles.values():
        assert quantiles["n"] == len(runs)
        for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
            exact = sorted(runs)[nearest_rank(q, len(runs)) - 1]
            assert quantiles[name] == pytest.approx(exact, rel=0.020001)


def test_too_few_runs_make_no_normal() -> None:
    assert task_baselines([_day([1] * (MIN_RUNS - 1))]) == []
    assert len(task_baselines([_day([1] * (MIN_RUNS - 1)), _day([1])])) == 1


def test_measure_that_too_few_runs_told_is_left_out() -> None:
    day = _day([7] * MIN_RUNS)
    day[_SCOPE] = {name: n for name, n in day[_SCOPE].items() if not name.startswith("steps~")}
    [normal] = task_baselines([day])
    assert "steps" not in normal.quantiles
    assert "cost_nanousd" in normal.quantiles


def test_what_is_not_told_apart_has_no_normal() -> None:
    assert task_baselines([_day([1] * 9, "type:_other|model:_other")]) == []
    [normal] = task_baselines([_day([1] * 9, "type:_unknown|model:x/y")])
    assert (normal.task_type, normal.model) == ("_unknown", "x/y")


def test_type_that_is_literally_a_reserved_word_has_no_baseline_and_takes_none() -> None:
    unknown, literal = pair(None, "m"), pair("_unknown", "m")
    [normal] = task_baselines([_day([1] * 9, unknown), _day([9] * 9, literal)])
    assert (normal.task_type, normal.runs) == ("_unknown", 9)
    assert task_baselines([_day([1] * 9, pair("_other", "m"))]) == []


def test_pair_of_names_with_delimiters_has_the_baseline_of_those_names() -> None:
    [normal] = task_baselines([_day([1] * 9, pair("build|model:gpt-5", "llama3:8b"))])
    assert (normal.task_type, normal.model) == ("build|model:gpt-5", "llama3:8b")


def test_days_from_before_names_were_escaped_add_up_with_those_of_today() -> None:
    before, today = "type:build|model:llama3:8b", pair("build", "llama3:8b")
    [normal] = task_baselines([_day([1] * 4, before), _day([1] * 4, today)])
    assert (normal.model, normal.runs) == ("llama3:8b", 8)


def test_those_of_most_runs_are_kept_when_there_are_too_many() -> None:
    day: Cells = {}
    for n in range(MAX_BASELINES + 1):
        scope = f"type:t{n}|model:m"
        day[scope] = _day([5] * (MIN_RUNS + (n != 7)), scope)[scope]
    kept = task_baselines([day])
    assert len(kept) == MAX_BASELINES
    assert "t7" not in {normal.task_type for normal in kept}


@given(st.lists(st.tuples(_NAMES, _NAMES), min_size=2, max_size=9, unique=True))
def test_no_two_pairs_share_an_id(pairs: list[tuple[str, str]]) -> None:
    assert len({baseline_id(*pair) for pair in pairs}) == len(pairs)


@given(_NAMES, _NAMES)
def test_id_is_one_that_firestore_takes(task_type: str, model: str) -> None:
    name = baseline_id(task_type, model)
    assert "/" not in name
    assert not re.fullmatch(r"__.*__", name)
    assert name not in (".", "..")


def test_longest_names_fit_an_id() -> None:
    longest = "/" * MAX_NAME_CHARS
    assert len(baseline_id(longest, longest).encode()) <= 1500
    assert baseline_id("build", "claude-opus-4-6") == "build__claude-opus-4-6"
