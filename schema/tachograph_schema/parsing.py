"""Reading a document that anybody may have written: a bad field costs that field alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

FOUND_CHARS = 80

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Problem:
    """One field that could not be read: where, what was found, what is allowed."""

    field: str
    found: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.field} is {self.found}; expected {self.allowed}"


def parse(model: type[M], fields: Mapping[str, Any]) -> tuple[M, tuple[Problem, ...]]:
    """Read a document's fields into `model`, without those that do not parse.

    Returns the model and one Problem for each field, or entry of a map, that was left out. Fields
    the model does not know are somebody else's and ignored. Raises ValidationError where the model
    wants a field that is not there, or does not parse: those that agents write want none.
    """
    problems: list[Problem] = []
    remaining: dict[str, Any] = dict(fields)
    while True:
        try:
            # Sorted, since a map's entries come in any order.
            ordered = sorted(problems, key=lambda problem: problem.field)
            return model.model_validate(remaining), tuple(ordered)
        except ValidationError as refusal:
            # Each round leaves out what the last refused, so the rounds end.
            before = remaining
            for error in refusal.errors(include_url=False):
                location = [str(part) for part in error["loc"] if part != "[key]"]
                found, remaining = _without(remaining, location)
                where = ".".join(part[:FOUND_CHARS] for part in location)
                problems.append(Problem(where, shown(found), _allowed(error)))
            if remaining is before:
                raise


def shown(value: object) -> str:
    """Show what was found, shortly: a document may hold anything, of any length."""
    if isinstance(value, Mapping):
        return f"a map of {len(value)} entries"
    if isinstance(value, str | bytes) and len(value) > FOUND_CHARS:
        return f"{value[:20]!r}... ({len(value)} long)"
    words = repr(value)
    return words if len(words) <= FOUND_CHARS else words[: FOUND_CHARS - 3] + "..."


def _allowed(error: Mapping[str, Any]) -> str:
    context = error.get("ctx", {})
    if error["type"] == "value_error":
        return str(context["error"])
    if error["type"] == "literal_error":
        return f"one of {context['expected']}"
    return str(error["msg"]).removeprefix("Input should be ")


def _without(fields: dict[str, Any], location: list[str]) -> tuple[object, dict[str, Any]]:
    """Return what stands at a location and a copy of the fields without it."""
    key = next((key for key in fields if str(key) == location[0]), None)
    if key is None:  # already taken out, under another of its errors
        return None, fields
    rest = {k: v for k, v in fields.items() if k != key}
    inner = fields[key]
    if len(location) == 1 or not isinstance(inner, dict):
        return inner, rest
    value, inner_rest = _without(inner, location[1:])
    return value, rest | {key: inner_rest}
