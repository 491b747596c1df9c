"""Dimensions of a published rollup: the costliest values are named, and sums stay as they are."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tachograph_schema.counters.cells import Cells
from tachograph_schema.counters.dimensions import bounded
from tachograph_schema.counters.scopes import dimension
from tachograph_schema.counters.scopes import rest as other

_SCOPES = st.builds(
    lambda kind, n: f"{kind}{n}",
    st.sampled_from(["agent:", "model:", "type:a|model:", "label:team=", "label:who="]),
    st.integers(0, 9),
)
_CELLS = st.dictionaries(
    _SCOPES,
    st.dictionaries(st.sampled_from(["cost_nanousd", "tokens_in"]), st.integers(1, 99), min_size=1),
)
_FEW = {"agent": 2, "model": 1, "type|model": 3}


def _sums(cells: Cells) -> dict[str, Counter[str]]:
    sums: dict[str, Counter[str]] = {}
    for scope, row in cells.items():
        sums.setdefault(dimension(scope), Counter()).update(row)
    return sums


@given(_CELLS)
def test_every_dimension_still_adds_up_to_what_it_did(cells: Cells) -> None:
    assert _sums(bounded(cells, _FEW)) == _sums(cells)


@given(_CELLS)
def test_dimension_has_no_more_values_than_its_bound_and_the_rest(cells: Cells) -> None:
    found = Counter(dimension(scope) for scope in bounded(cells, _FEW))
    assert all(found[name] <= most + 1 for name, most in _FEW.items())


@given(_CELLS)
def test_costliest_values_keep_their_names(cells: Cells) -> None:
    agents = {scope: row for scope, row in cells.items() if scope.startswith("agent:")}
    dearest = sorted(agents, key=lambda a: agents[a].get("cost_nanousd", 0), reverse=True)[:2]
    kept = bounded(cells, _FEW)
    least = min((agents[a].get("cost_nanousd", 0) for a in dearest), default=0)
    named = [a for a in kept if a in agents]
    assert all(agents[a].get("cost_nanousd", 0) >= least for a in named)


@given(_CELLS, _CELLS)
def test_bounding_sums_of_bounded_parts_loses_nothing(one: Cells, two: Cells) -> None:
    merged: Cells = {}
    for part in (bounded(one, _FEW), bounded(two, _FEW)):
        for scope, row in part.items():
            merged[scope] = dict(Counter(merged.get(scope, {})) + Counter(row))
    both = {name: _sums(one).get(name, Counter()) + _sums(two).get(name, Counter()) for name in
            _sums(one).keys() | _sums(two).keys()}  # fmt: skip
    assert _sums(bounded(merged, _FEW)) == both


def test_dimensions_are_told_by_their_scope() -> None:
    assert dimension("fleet") == "fleet"
    assert dimension("type:a: b|model:c") == "type|model"
    assert dimension("label:team=core=x") == "label:team"
    assert other("label:team") == "label:team=_other"
    assert other("type|model") == "type:_other|model:_other"
