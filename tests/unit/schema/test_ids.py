"""References: what cannot be part of a document's path is none, and no path is made of it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from tachograph_schema.documents.coordination import Incident, Message
from tachograph_schema.documents.session import Session
from tachograph_schema.documents.signal import Signal
from tachograph_schema.documents.task import Task
from tachograph_schema.fields import MAX_NAME_BYTES, is_id
from tachograph_schema.parsing import parse
from tachograph_schema.paths import DocumentPath, is_document_id, parse_path

_NO_REFERENCES = [
    "feature/x", "/", "a/", "/a", ".", "..", "", "__a__", "____", "a\nb", "a\x00", "\ud800",
    "x" * 201, "\N{GRINNING FACE}" * 101, 7, True, ["a"], {"a": 1}, b"a",
]  # fmt: skip
_REFERENCES: Mapping[type[BaseModel], tuple[str, ...]] = {
    Task: ("parent_task_id", "root_task_id", "session_id", "lost_session_id", "retry_session_id"),
    Session: ("task_id", "predecessor_session_id"),
    Message: ("task_id",),
    Incident: ("task_id", "session_id", "other_session_id"),
}


@pytest.mark.parametrize("bad", _NO_REFERENCES)
def test_reference_that_cannot_be_part_of_a_path_is_let_go_and_named(bad: object) -> None:
    for model, names in _REFERENCES.items():
        for name in names:
            read, [problem] = parse(model, {name: bad})
            assert getattr(read, name) is None
            assert (problem.field, problem.allowed[:18]) == (name, "the id of a docume")


@pytest.mark.parametrize("good", ["a", "...", "_", "___", "a.b", "Ä", "a b", "a:b|c=d", "x" * 200])
def test_reference_of_any_other_name_is_kept(good: str) -> None:
    for model, names in _REFERENCES.items():
        for name in names:
            read, problems = parse(model, {name: good})
            assert (getattr(read, name), problems) == (good, ())
    assert str(DocumentPath("f", "tasks", good)).endswith(good)


def test_every_field_that_refers_to_a_document_is_an_id() -> None:
    models: list[type[BaseModel]] = [*_REFERENCES, Signal]
    for model in models:
        for name in model.model_fields:
            if name.endswith(("task_id", "session_id")):
                required = {"kind": "rotate", "status": "pending", "created_at": None}
                with pytest.raises(ValueError, match="the id of a document"):
                    model.model_validate({**required, "session_id": "s", name: "a/b"})


@given(st.text(max_size=600))
def test_what_is_an_id_can_be_a_document_of_any_collection(name: str) -> None:
    if is_id(name):
        assert is_document_id(name)
        assert len(name.encode()) <= MAX_NAME_BYTES
        assert parse_path(str(DocumentPath("f", "tasks", name))).document == name


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_path_that_is_not_refused_is_read_back_as_it_was_made(
    fleet: str, kind: str, name: str
) -> None:
    if all(map(is_document_id, (fleet, kind, name))):
        path = DocumentPath(fleet, kind, name)
        assert parse_path(str(path)) == path


@pytest.mark.parametrize("bad", ["a/b", "", ".", "..", "__x__", "x" * 1501, "\udfff"])
def test_path_of_what_is_no_id_is_refused_wherever_it_stands(bad: str) -> None:
    for parts in ((bad, "tasks", "t"), ("f", bad, "t"), ("f", "tasks", bad)):
        with pytest.raises(ValueError, match="cannot be a part of a document's path"):
            DocumentPath(*parts)
