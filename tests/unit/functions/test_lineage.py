"""The root of a task: one walk up, bounded, whatever tasks say of their parents."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from publishing.lineage import MAX_DEPTH, roots
from publishing.trees import carried, part
from tachograph_schema.counters.cells import add, add_rows

_NAMES = [f"t{n}" for n in range(12)]
_PARENTS = st.fixed_dictionaries({name: st.sampled_from([None, *_NAMES]) for name in _NAMES})
_ROW = st.dictionaries(st.sampled_from(["cost_nanousd", "tasks_created"]), st.integers(-9, 9))


def _slowly(task: str, parents: Mapping[str, str | None]) -> str | None:
    seen: list[str] = []
    while task not in seen:
        seen.append(task)
        above = parents[task]
        if above in (None, task):
            return task
        task = str(above)
    return None


@given(_PARENTS)
def test_root_is_where_a_walk_ends_and_nobody_where_it_goes_round(
    parents: dict[str, str | None],
) -> None:
    found = roots(_NAMES, lambda _: parents)
    assert found == {name: _slowly(name, parents) for name in _NAMES}


def test_chain_is_read_once_a_task_however_many_of_its_tasks_are_asked_for() -> None:
    chain: dict[str, str | None] = {f"c{n}": f"c{n - 1}" if n else None for n in range(60)}
    read: list[str] = []
    above: dict[str, str | None] = {}

    def above_of(names: set[str]) -> Mapping[str, str | None]:
        read.extend(sorted(names - above.keys()))
        above.update({name: chain[name] for name in names})
        return above

    assert set(roots(chain, above_of).values()) == {"c0"}
    assert sorted(read) == sorted(chain)


def test_chain_that_is_too_long_has_no_root_and_ends_all_the_same() -> None:
    chain: dict[str, str | None] = {f"c{n}": f"c{n - 1}" if n else None for n in range(999)}
    found = roots(chain, lambda _: chain)
    assert found[f"c{MAX_DEPTH}"] == "c0"
    assert found[f"c{MAX_DEPTH + 1}"] is None


def test_endless_chain_of_ever_new_names_ends() -> None:
    above: dict[str, str | None] = {}

    def above_of(names: set[str]) -> Mapping[str, str | None]:
        above.update({name: f"{name}x"[-900:] for name in names})
        return above

    assert roots(["a"], above_of) == {"a": None}


@given(_ROW, _ROW, st.sampled_from([None, "r", "q"]), _ROW, st.sampled_from([None, "r", "q"]))
def test_what_a_tree_holds_is_in_its_roots_tree_once_wherever_it_was_before(
    c: dict[str, int],
    below: dict[str, int],
    before: str | None,
    then: dict[str, int],
    root: str | None,
) -> None:
    first = {"c": then}
    held = carried(first, before)
    tree = {"c": c, "below": below}
    marked = {**tree, "carried": {"to": before, "row": part(first)} if before else None}
    held = add(held, carried(marked, root))
    assert held == ({root: row} if root and (row := add_rows([part(tree)])) else {})
