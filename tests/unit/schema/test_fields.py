"""Names and texts are bounded in bytes, and what cannot be encoded is neither."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tachograph_schema.documents.task import Task
from tachograph_schema.fields import MAX_NAME_BYTES, MAX_TEXT_BYTES, is_name
from tachograph_schema.parsing import parse
from tachograph_schema.paths import baseline_id

_POO = "\N{PILE OF POO}"


@pytest.mark.parametrize("name", ["x" * 200, "ß" * 200, "漢" * 133, _POO * 100, "a/b:c|d=e%"])
def test_name_of_at_most_200_characters_and_400_bytes_is_one(name: str) -> None:
    assert is_name(name)
    assert parse(Task, {"task_type": name})[0].task_type == name


@pytest.mark.parametrize("name", ["x" * 201, "漢" * 134, _POO * 101, "\ud800", "a\udfffb", "a\nb"])
def test_name_that_is_longer_or_cannot_be_encoded_is_none_and_the_refusal_says_so(
    name: str,
) -> None:
    task, [problem] = parse(Task, {"task_type": name})
    assert task.task_type is None
    assert problem.allowed == (
        "1-200 printable characters, not of the form __x__, of at most 400 bytes in UTF-8"
    )


@pytest.mark.parametrize("text", ["", "x" * 2000, _POO * 2000, "two\nlines"])
def test_text_of_at_most_2000_characters_is_one(text: str) -> None:
    assert parse(Task, {"title": text}) == (Task(title=text), ())


@pytest.mark.parametrize("text", ["x" * 2001, "half of a pair: \ud83d", "\udca9"])
def test_text_that_is_longer_or_cannot_be_encoded_is_none_and_the_refusal_says_so(
    text: str,
) -> None:
    task, [problem] = parse(Task, {"title": text})
    assert task.title is None
    assert problem.allowed == "text of at most 2000 characters and 8000 bytes in UTF-8"


@given(st.text(max_size=220))
def test_every_name_can_be_encoded_in_its_bytes(text: str) -> None:
    assert not is_name(text) or len(text.encode()) <= MAX_NAME_BYTES


def test_longest_text_is_as_many_bytes_as_its_characters_can_take() -> None:
    assert len((_POO * 2000).encode()) == MAX_TEXT_BYTES


@pytest.mark.parametrize("name", ["/" * 200, "a" + "_" * 199, "%" * 132 + _POO * 66, "漢" * 133])
def test_baseline_of_the_longest_names_has_an_id_that_firestore_takes(name: str) -> None:
    assert is_name(name)
    assert len(baseline_id(name, name).encode()) <= 1500
