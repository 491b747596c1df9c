"""Scopes: no two things have one, and every name comes back out of its scope as it went in."""

from __future__ import annotations

import json
import runpy

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from support.places import GOLDEN
from tachograph_schema.counters.scopes import (
    PAIR,
    Reserved,
    canonical,
    canonical_cells,
    dimension,
    label,
    names,
    pair,
    rest,
    scope,
    title,
    titles,
    word,
)
from tachograph_schema.fields import MAX_NAME_BYTES, is_name

_HARD = ("build|model:gpt-5", "a=b", "x:y", "%7C", "%", "_other", "_unknown", "%5Fother", "|model:")
_NAMES = st.text(min_size=1, max_size=20) | st.sampled_from(_HARD) | st.text("%|:=_237CADFo")
_KINDS = st.sampled_from(["agent", "role", "type", "model", "tier", "tool"])
_KNOWN = _NAMES | st.sampled_from(list(Reserved))


@given(_KINDS, _KNOWN)
def test_name_comes_back_out_of_its_scope(kind: str, name: str | Reserved) -> None:
    assert names(scope(kind, name)) == (name,)
    assert dimension(scope(kind, name)) == kind


@given(_KNOWN, _KNOWN)
@example("a|model:b", "c")
@example("a", "b|model:c")
def test_names_come_back_out_of_a_pair(task_type: str | Reserved, model: str | Reserved) -> None:
    assert names(pair(task_type, model)) == (task_type, model)
    assert dimension(pair(task_type, model)) == PAIR


@given(_NAMES, _NAMES)
@example("team=core", "1")
@example("team", "core=1")
def test_key_and_value_come_back_out_of_their_label(key: str, value: str) -> None:
    assert names(label(key, value)) == (key, value)
    assert titles(label(key, "core")) == ("core",)


_BUILT = st.one_of(
    st.tuples(_KINDS, _KNOWN).map(lambda of: (of, scope(*of))),
    st.tuples(_KNOWN, _KNOWN).map(lambda of: ((PAIR, *of), pair(*of))),
    st.tuples(_NAMES, _NAMES).map(lambda of: (("label", *of), label(*of))),
)


@given(st.lists(_BUILT, max_size=30))
def test_two_things_never_share_a_scope(built: list[tuple[tuple[object, ...], str]]) -> None:
    assert len({key for key, _ in built}) == len({name for _, name in built})


@given(_BUILT)
def test_scope_of_today_is_read_as_it_stands(built: tuple[tuple[object, ...], str]) -> None:
    assert canonical(built[1]) == built[1]


@pytest.mark.parametrize("hostile", ["build|model:gpt-5", "build|model:", "x|model:gpt-5|model:y"])
def test_type_that_spells_a_pair_counts_into_no_pair(hostile: str) -> None:
    assert dimension(scope("type", hostile)) == "type"
    assert scope("type", hostile) != pair("build", "gpt-5")
    assert title(scope("type", hostile)) == hostile


@pytest.mark.parametrize("reserved", list(Reserved))
def test_name_that_is_a_reserved_word_is_told_from_ours(reserved: Reserved) -> None:
    assert scope("type", reserved.value) != scope("type", reserved)
    assert title(scope("type", reserved)) == reserved.value
    assert title(scope("type", reserved.value)) == f'"{reserved.value}"'
    assert scope("type", None) == scope("type", Reserved.UNKNOWN) == "type:_unknown"
    assert rest("type") == scope("type", Reserved.OTHER)


def test_rest_that_the_sdk_writes_of_models_and_tools_is_the_rest() -> None:
    assert scope("tool", word("_other")) == rest("tool")
    assert scope("model", word("_unknown")) == scope("model", None)
    assert word("_others") == "_others"


@pytest.mark.parametrize(
    ("before", "today"),
    [
        ("model:ollama/llama3:8b", scope("model", "ollama/llama3:8b")),
        ("type:a: b|model:c", pair("a: b", "c")),
        ("label:team=core=1", label("team", "core=1")),
        ("agent:a|b", scope("agent", "a|b")),
        ("type:100%", scope("type", "100%")),
        ("model:_unknown", scope("model", None)),
        ("fleet", "fleet"),
    ],
)
def test_scope_from_before_names_were_escaped_is_read_as_todays(before: str, today: str) -> None:
    assert canonical(before) == today


def test_counters_of_both_spellings_of_a_scope_add_up() -> None:
    cells = {"model:a:b": {"tokens_in": 2}, "model:a%3Ab": {"tokens_in": 3, "tokens_out": 1}}
    assert canonical_cells(cells) == {"model:a%3Ab": {"tokens_in": 5, "tokens_out": 1}}


def test_longest_names_fit_into_a_field_and_its_path() -> None:
    worst = "|" * 132 + "\N{PILE OF POO}" * 66 + "aä"
    assert MAX_NAME_BYTES - len(worst.encode()) < 2
    for name in (worst, "|" * 200, "ß" * 200):
        assert is_name(name)
        # A path has the field, the scope and a counter, with their quotes.
        assert len(f"c.`{pair(name, name)}`.`cost_reported_nanousd`".encode()) <= 1500


def test_golden_scopes_are_what_the_schema_builds_and_reads() -> None:
    computed = runpy.run_path(str(GOLDEN / "write_scopes.py"))["golden"]()
    written = json.loads((GOLDEN / "scopes.json").read_text())
    assert written == json.loads(json.dumps(computed))
