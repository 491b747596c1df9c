"""Reading documents that anybody may have written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tachograph_schema.documents.session import Session
from tachograph_schema.documents.signal import Signal
from tachograph_schema.documents.task import Task
from tachograph_schema.parsing import parse

_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
    | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(sorted(Task.model_fields)) | st.text(), _ANYTHING))
def test_any_document_parses_and_names_each_field_it_left_out(fields: dict[str, Any]) -> None:
    for model in (Task, Session):
        document, problems = parse(model, fields)
        left_out = {problem.field.partition(".")[0] for problem in problems}
        for name in set(fields) & set(model.model_fields) - left_out:
            assert fields[name] is None or getattr(document, name) is not None


@given(st.dictionaries(st.sampled_from(sorted(Task.model_fields)), _ANYTHING))
def test_messages_say_where_and_what_and_stay_short(fields: dict[str, Any]) -> None:
    for problem in parse(Task, fields)[1]:
        assert str(problem).startswith(f"{problem.field} is {problem.found}; expected ")
        assert len(str(problem)) < 600


def test_one_bad_field_does_not_cost_the_others() -> None:
    task, problems = parse(Task, {"tokens_in": "many", "tokens_out": 5, "title": "x"})
    assert (task.tokens_in, task.tokens_out, task.title) == (None, 5, "x")
    assert [str(problem) for problem in problems] == [
        "tokens_in is 'many'; expected a whole number from 0 to 10^15"
    ]


def test_bad_entry_of_a_map_does_not_cost_the_map() -> None:
    task, _ = parse(Task, {"labels": {"team": "core", "": "x", "size": 5}})
    assert task.labels == {"team": "core"}


def test_whole_doubles_are_counts_since_other_languages_have_no_integers() -> None:
    assert parse(Task, {"tokens_in": 50_000.0})[0].tokens_in == 50_000


def test_null_means_unknown() -> None:
    task, problems = parse(Task, {"model": None, "tokens_in": None})
    assert (task.model, task.tokens_in, problems) == (None, None, ())


def test_context_out_of_range_is_refused_in_words_a_person_understands() -> None:
    _, [problem] = parse(Session, {"context_remaining_pct": 140})
    words = "context_remaining_pct is 140; expected 0-100, the percentage still free"
    assert str(problem) == words


def test_model_that_wants_a_field_which_is_not_there_is_refused_and_not_tried_for_ever() -> None:
    with pytest.raises(ValidationError, match="status"):
        parse(Signal, {"kind": "rotate", "status": "nothing known", "session_id": "s-1"})
