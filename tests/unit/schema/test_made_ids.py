"""Ids that are made of names: no two share one, and Firestore takes every one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tachograph_schema.fields import MAX_NAME_CHARS, is_name
from tachograph_schema.paths import baseline_id, correction_key, incident_id, signal_id

_SHORT = st.text(st.sampled_from("a_/%|.~é0"), min_size=1, max_size=6)
_WIDE = st.sampled_from(["%", "/", "_", "𐍈", "€", "a"])
_LONG = st.builds(
    lambda char, length, end: (char * length + end)[-MAX_NAME_CHARS:],
    _WIDE,
    st.integers(150, MAX_NAME_CHARS),
    st.text(st.sampled_from("a_%/𐍈"), max_size=3),
)
_NAMES = (_SHORT | _LONG | st.text(min_size=1, max_size=MAX_NAME_CHARS)).filter(is_name)
_PAIRS = st.lists(st.tuples(_NAMES, _NAMES), min_size=2, max_size=9, unique=True)
_SESSIONS = _NAMES.filter(lambda name: "/" not in name)
_SIGNALS = st.tuples(_SESSIONS, st.integers(0, 10**15), st.integers(0, 10**6))
_MAX_BYTES = 1500


def _is_id(name: str) -> bool:
    reserved = re.fullmatch(r"__.*__", name) or name in (".", "..")
    return len(name.encode()) <= _MAX_BYTES and "/" not in name and not reserved


@given(_PAIRS)
def test_no_two_pairs_of_type_and_model_share_a_baseline(pairs: list[tuple[str, str]]) -> None:
    ids = {baseline_id(*pair) for pair in pairs}
    assert len(ids) == len(pairs)
    assert all(map(_is_id, ids))


@given(st.lists(_SIGNALS, min_size=2, max_size=9, unique=True))
def test_no_two_sessions_generations_or_repetitions_share_a_signal(
    signals: list[tuple[str, int, int]],
) -> None:
    ids = {signal_id("rotate", *signal) for signal in signals}
    assert len(ids) == len(signals)
    assert all(map(_is_id, ids))
    assert all(_is_id(f"rotation_without_successor_{name}") for name in ids), "an alert's id"


@pytest.mark.parametrize("char", ["%", "/", "𐍈", "_", "€"])
def test_longest_names_make_an_id_that_firestore_takes(char: str) -> None:
    longest = char * MAX_NAME_CHARS
    assert _is_id(baseline_id(longest, longest))
    assert _is_id(signal_id("rotate", longest.replace("/", "-"), 10**15, 10**15))


def test_short_names_are_read_in_their_id() -> None:
    assert baseline_id("build", "claude-opus-4-6") == "build__claude-opus-4-6"
    assert signal_id("rotate", "s-1", 2, 1) == "rotate_s-1_2.1"


def test_names_that_differ_behind_the_cut_alone_have_ids_of_their_own() -> None:
    long = "%" * (MAX_NAME_CHARS - 1)
    assert baseline_id(long, long + "a") != baseline_id(long, long + "b")
    assert baseline_id(long + "a", long) != baseline_id(long + "b", long)


def test_name_that_looks_like_a_cut_id_shares_it_with_nobody() -> None:
    cut = baseline_id("𐍈" * MAX_NAME_CHARS, "m")
    kind, _, model = cut.partition("__")
    assert baseline_id(kind, model or "m") != cut


@given(st.lists(st.lists(_SHORT, min_size=1, max_size=3), min_size=2, max_size=9, unique_by=tuple))
def test_no_bar_within_a_name_is_taken_for_one_between_two(parts: list[list[str]]) -> None:
    assert len({incident_id("git_failure", *names) for names in parts}) == len(parts)
    assert len({correction_key("sweep", *names) for names in parts}) == len(parts)
    assert incident_id("git_failure", "a|b") != incident_id("git_failure", "a", "b")
