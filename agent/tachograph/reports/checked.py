"""An agent's words, checked where it says them: a warning names the field, and nothing is raised.

A field of the schema is held to the schema, because the rules would refuse the whole write for it
and functions would not count it. Any other field has to be a value that a document can hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from typing import Any, Literal

from google.cloud.firestore_v1.transforms import Sentinel
from pydantic import BaseModel

from tachograph.process.warnings import warn_once
from tachograph.reports.values import (
    MAX_KEY_BYTES,
    found,
    moment,
    name,
    storable_fields,
    whole,
)
from tachograph_schema.documents.session import Session
from tachograph_schema.documents.task import Task
from tachograph_schema.fields import MAX_COUNT, MAX_TEXT_CHARS
from tachograph_schema.parsing import parse
from tachograph_schema.pricing.call import Call
from tachograph_schema.usage import BUCKETS, Usage

Kind = Literal["tasks", "sessions", "messages", "incidents"]
_MODELS: Mapping[str, type[BaseModel]] = {"tasks": Task, "sessions": Session}
_COUNTS = attrgetter(*BUCKETS)
_CUT = frozenset({"title", "waiting_for"})
"""Texts for a person, which are cut where they are too long."""


class _Warner:
    """Warns once for each field of a kind of document and each kind of value."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def __call__(self, where: str, value: object, allowed: str, effect: str) -> None:
        warn_once(
            f"{self._kind} {where} {type(value).__name__}",
            "%s: %s is %s; expected %s; %s",
            self._kind,
            where,
            found(value),
            allowed,
            effect,
        )


_CALL, _REPORT = _Warner("a call"), _Warner("a report")


def checked_fields(kind: Kind, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a document that it can hold, and that its schema allows."""
    warner = _Warner(kind)
    stored = storable_fields(fields, warner)
    model = _MODELS.get(kind)
    if model is None:
        return stored
    for text in _CUT & stored.keys():
        if isinstance(stored[text], str) and len(stored[text]) > MAX_TEXT_CHARS:
            warner(text, stored[text], f"at most {MAX_TEXT_CHARS} characters", "it is cut")
            stored[text] = stored[text][:MAX_TEXT_CHARS]
    known = {
        name: value
        for name, value in stored.items()
        if name in model.model_fields and not isinstance(value, Sentinel)
    }
    _, problems = parse(model, known)
    for problem in problems:
        place, _, entry = problem.field.partition(".")
        warner(problem.field, fields.get(place), problem.allowed, "it is left out")
        if entry and isinstance(stored.get(place), dict):
            stored[place].pop(entry, None)
        else:
            stored.pop(place, None)
    return stored


def checked_name(value: object, where: str) -> str | None:
    """Return a name, such as a model's; None for anything that is none."""
    return name(value, where, _REPORT)


def required_text(value: object, where: str) -> str:
    """Return a text that names or finds something; raises ValueError for anything else."""
    if isinstance(value, str):
        text = str.__str__(value)
        if text.isprintable() and 0 < len(text.encode()) <= MAX_KEY_BYTES:
            return text
    raise ValueError(
        f"{where} is {found(value)}; expected 1-{MAX_KEY_BYTES} bytes of printable text"
    )


def required_seconds(value: object, where: str, most_s: float) -> float:
    """Return 1 to `most_s` seconds; raises ValueError for anything else."""
    if isinstance(value, int | float) and 1 <= value <= most_s:
        return value
    raise ValueError(f"{where} is {found(value)}; expected seconds, 1-{most_s:g}")


def checked_moment(at: object) -> datetime | None:
    """Return a moment with its zone; None, for now, where there is none."""
    return moment(at, _REPORT)


def checked_usage(usage: object) -> Usage:
    """Return a usage whose buckets are counts; a correction may have negative ones."""
    if type(usage) is Usage:
        for n in _COUNTS(usage):
            if type(n) is not int or not -MAX_COUNT <= n <= MAX_COUNT:
                break
        else:
            return usage
    return Usage(*(whole(getattr(usage, bucket, None), bucket, _REPORT) for bucket in BUCKETS))


def checked_count(value: object, where: str) -> int:
    """Return a count of at most 10^15 either way; 0 for anything else."""
    if type(value) is int and -MAX_COUNT <= value <= MAX_COUNT:
        return value
    return whole(value, where, _REPORT)


def checked_window(value: object) -> int | None:
    """Return how many tokens fit into a context; None where that is not said, or is no number."""
    return None if value is None else max(0, checked_count(value, "window_tokens")) or None


def checked_call(call: Call) -> Call:
    """Return a call that can be counted and priced: the same one, where it is so already."""
    usage, calls = checked_usage(call.usage), checked_count(call.calls, "calls")
    model, provider = name(call.model, "model", _CALL), name(call.provider, "provider", _CALL)
    cost, before = call.cost_nanousd, call.before
    if cost is not None:
        cost = checked_count(cost, "cost_nanousd")
    if before is not None:
        before = checked_call(replace(before, before=None))
    if (
        usage is call.usage
        and calls is call.calls
        and model is call.model
        and provider is call.provider
        and cost is call.cost_nanousd
        and before is call.before
    ):
        return call
    return replace(
        call,
        usage=usage,
        calls=calls,
        model=model,
        provider=provider,
        cost_nanousd=cost,
        before=before,
    )


def checked_parts(at: object, parts: Mapping[str, Any]) -> tuple[datetime | None, dict[str, Any]]:
    """Return the parts of a report of a task, each as it can be written."""
    checked = dict(parts)
    warner = _Warner("tasks")
    for place in ("fields", "identity"):
        if checked.get(place):
            checked[place] = checked_fields("tasks", checked[place])
    if checked.get("counts"):
        known = Task.model_fields
        checked["counts"] = {
            field: checked_count(n, field)
            for field, n in checked["counts"].items()
            if field in known or storable_fields({field: 0}, warner)
        }
    if checked.get("calls"):
        checked["calls"] = tuple(map(checked_call, checked["calls"]))
    if checked.get("tool") is not None:
        checked["tool"] = name(checked["tool"], "a tool's name", warner) or "_other"
        checked["tool_ms"] = checked_count(checked.get("tool_ms", 0), "duration_ms")
    return checked_moment(at), checked
