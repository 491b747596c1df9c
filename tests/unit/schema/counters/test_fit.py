"""Counters of any fleet fit into one document, and nothing but names is lost by it."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.fleets.wide import day_of_work
from tachograph_schema.counters.cells import Cells, add_up
from tachograph_schema.counters.dimensions import MAX_LABEL_KEYS, MAX_VALUES, label_keys
from tachograph_schema.counters.fit import Fitted, fit, spelled_out
from tachograph_schema.counters.names import FLEET
from tachograph_schema.counters.scopes import dimension, label, pair, rest, scope
from tachograph_schema.counters.size import MAX_DOCUMENT_BYTES, MAX_INT, document_size
from tachograph_schema.counters.sketch import sums

_SMALL = 40_000
"""Bytes, so that fleets of a few names are too large."""
_NAME = st.sampled_from([f"{n}-{pad}" for n in range(30) for pad in ("", "x" * 150, "|:" * 60)])
_SCOPES = st.one_of(
    st.just(FLEET),
    st.builds(scope, st.sampled_from(["agent", "type", "model", "tier", "tool", "role"]), _NAME),
    st.builds(pair, _NAME, _NAME | st.none()),
    st.builds(label, st.sampled_from(["team", "a=b", *(f"key-{n}" for n in range(20))]), _NAME),
)
_COUNTERS = st.sampled_from(
    ["cost_nanousd", "tokens_in", *(f"{m}~{n}" for m in ("steps", "duration_ms") for n in range(9))]
)
_ROWS = st.dictionaries(_COUNTERS, st.integers(1, 10**6), min_size=1, max_size=12)
_CELLS = st.dictionaries(_SCOPES, _ROWS, max_size=120)


def _sums(cells: Cells) -> dict[str, Counter[str]]:
    """Add each dimension up: its sums, and how many values each sketch holds."""
    totals: dict[str, Counter[str]] = {}
    for name, row in cells.items():
        of = dimension(name)
        of = "label" if of.startswith("label:") else of
        for counter, n in row.items():
            measure, sketched, _ = counter.partition("~")
            totals.setdefault(of, Counter())[measure + sketched] += n
    return totals


def _bytes(fitted: Fitted) -> int:
    document = {
        "grain": "day",
        "period": "2026-03-01",
        "c": fitted.cells,
        **spelled_out(fitted.cells),
        "cost_nanousd_by_hour": [MAX_INT] * 24,
        "folded": fitted.folded,
        "sketch_step": fitted.sketch_step,
    }
    return document_size(f"fleets/{'f' * 63}/rollups/day_2026-03-01", document)


@settings(deadline=None)
@given(_CELLS)
def test_counters_fit_into_the_bytes_there_are(cells: Cells) -> None:
    assert _bytes(fit(cells, _SMALL)) < _SMALL


@settings(deadline=None)
@given(_CELLS)
def test_fleet_is_as_it_was_and_every_dimension_adds_up(cells: Cells) -> None:
    fitted = fit(cells, _SMALL).cells
    assert fitted.get(FLEET) == cells.get(FLEET)
    assert _sums(fitted) == _sums(cells)


@settings(deadline=None)
@given(_CELLS, st.randoms(use_true_random=False))
def test_order_decides_nothing(cells: Cells, rnd: st.DataObject) -> None:
    items = [(name, list(row.items())) for name, row in cells.items()]
    rnd.shuffle(items)  # type: ignore[attr-defined]  # it is a random.Random
    assert fit({name: dict(reversed(row)) for name, row in items}, _SMALL) == fit(cells, _SMALL)


@settings(deadline=None)
@given(_CELLS)
def test_counters_that_fit_once_fit_again_unchanged(cells: Cells) -> None:
    fitted = fit(cells, _SMALL)
    assert fit(fitted.cells, _SMALL) == Fitted(fitted.cells)


@settings(deadline=None)
@given(_CELLS)
def test_dimension_says_how_many_of_its_values_are_the_rest(cells: Cells) -> None:
    fitted = fit(cells, _SMALL)
    agents = {name for name in cells if dimension(name) == "agent"}
    missing = len(agents - fitted.cells.keys())
    assert fitted.folded.get("agent", 0) == missing
    assert (rest("agent") in fitted.cells) == bool(missing)


def test_costliest_keep_their_names() -> None:
    cells = {scope("agent", f"{n:03}-{'x' * 150}"): {"cost_nanousd": n + 1} for n in range(250)}
    fitted = fit(cells, _SMALL)
    named = sorted(name for name in fitted.cells if name != rest("agent"))
    assert 0 < len(named) == 250 - fitted.folded["agent"]
    assert named == sorted(cells)[-len(named) :]


def test_sketches_are_coarser_only_when_few_names_are_left() -> None:
    row = {f"{measure}~{n}": 1 for measure in ("steps", "duration_ms") for n in range(400)}
    cells = {scope("type", f"t{n}"): {"cost_nanousd": n, **row} for n in range(20)}
    cells[FLEET] = {"cost_nanousd": 190, **row}
    fitted = fit(cells, 200_000)
    assert fitted.sketch_step == 3
    assert sum(dimension(name) == "type" for name in fitted.cells) - 1 >= 10
    assert fitted.cells[FLEET] == cells[FLEET]


def test_labels_of_more_keys_than_there_is_room_for_are_one_rest() -> None:
    cells = {label(f"key-{n}", "v"): {"cost_nanousd": n + 1} for n in range(500)}
    fitted = fit(cells)
    assert len(label_keys(fitted.cells)) == MAX_LABEL_KEYS
    assert fitted.folded == {"label": 500 - MAX_LABEL_KEYS}
    assert fitted.cells["label:_other=_other"]["cost_nanousd"] == sum(range(1, 485))


def test_widest_rows_that_are_possible_fit_by_default() -> None:
    measures = ("duration_ms", "dispatch_ms", "cost_nanousd", "tokens_total", "steps", "handoff_ms")
    row = {f"{measure}~{n}": MAX_INT // 1000 for measure in measures for n in range(865)}
    names = [f"{n}{'|' * 190}" for n in range(99)]
    kinds = [scope(kind, name) for kind in ("type", "model", "tier") for name in names]
    pairs = [pair(f"{n}{'|' * 190}", "=" * 200) for n in range(200)]
    labels = [label(f"{n}{'|' * 190}", "=" * 200) for n in range(30)]
    cells = {name: {"cost_nanousd": 10**15, **row} for name in (FLEET, *kinds, *pairs)}
    cells |= {name: {f"counter_{n}": 1 for n in range(60)} for name in labels}
    fitted = fit(cells)
    assert _bytes(fitted) < MAX_DOCUMENT_BYTES
    assert fitted.cells[FLEET] == cells[FLEET]
    assert fitted.sketch_step == 9


def test_counters_saturate_instead_of_leaving_what_firestore_holds() -> None:
    agents = {scope("agent", str(n)): {"cost_nanousd": MAX_INT} for n in range(400)}
    fitted = fit({FLEET: {"cost_nanousd": 400 * MAX_INT}, **agents})
    assert fitted.cells[FLEET] == fitted.cells[rest("agent")] == {"cost_nanousd": MAX_INT}


@pytest.mark.parametrize(
    ("types", "models", "agents", "tasks"),
    [(60, 8, 400, 4000), (200, 20, 2000, 4000), (15, 5, 200, 9000)],
)
def test_day_and_week_of_a_wide_fleet_are_published_whole(
    types: int, models: int, agents: int, tasks: int
) -> None:
    hours = day_of_work(types, models, agents, tasks)
    published = [fit(hour) for hour in hours]
    day = fit(add_up(hour.cells for hour in published))
    week = fit(add_up([day.cells] * 7))
    assert all(_bytes(document) < MAX_DOCUMENT_BYTES for document in (*published, day, week))
    truth = add_up(hours)
    assert day.cells[FLEET] == truth[FLEET]
    assert sums(week.cells[FLEET]) == {name: 7 * n for name, n in sums(truth[FLEET]).items()}
    assert _sums(day.cells) == _sums(truth)
    assert all(
        sum(dimension(name) == of for name in day.cells) <= most + 1
        for of, most in MAX_VALUES.items()
    )
