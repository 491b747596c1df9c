"""Pure: a report as a line of the spool, and back: what an agent said that has not landed yet.

A line holds what goes into the task's document, and of a response that is not read yet what was
skimmed of it; of prompts and answers nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from tachograph.reports.report import Report
from tachograph.task.calls import DeferredUsage, ModelRequest
from tachograph.usage.excerpt import Skimmed
from tachograph.usage.plain_data import plain
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.terms import STANDARD, Terms
from tachograph_schema.usage import Usage

_AT, _DECIMAL, _JSON, _LOST = "$at", "$decimal", "$json", "$lost"


@dataclass(frozen=True, slots=True)
class ReportKey:
    """Whose reports they are, and of what task."""

    task_id: str
    reporter: str
    session: str | None


@dataclass(frozen=True, slots=True)
class Spooled:
    """One line."""

    whose: ReportKey
    report: Report


def head_of(whose: ReportKey) -> str:
    """Write what all lines of one session on one task begin with."""
    return _encode({"t": whose.task_id, "r": whose.reporter, "s": whose.session})[:-1]


def line_of(head: str, report: Report) -> bytes:
    """Write a report as one line; a field of a type that only Firestore knows is left out.

    In the agent's own time, at each call: so nothing is said twice that the head or another field
    says, and what is empty is not said.
    """
    said: dict[str, Any] = {"n": report.number, "at": report.at.isoformat()}
    counts = {name: n for name, n in report.counts.items() if n}
    if counts:
        said["counts"] = counts
    if report.calls:
        said["calls"] = [_call(call, report.at) for call in report.calls]
    if isinstance(report.later, DeferredUsage):
        said["later"] = _later(report.later)
    if report.tool is not None:
        said["tool"] = [report.tool, report.tool_ms]
    if report.overhead is not None:
        said["overhead"] = report.overhead
    if report.gives_up:
        said["gives_up"] = True
    told = {
        name: value
        for name, value in (("fields", report.fields), ("identity", report.identity))
        if value
    }
    try:
        rest = _encode(said | told)
    except (TypeError, ValueError):  # keys that are no text, or a map within itself
        rest = _encode(said)
    return f"{head},{rest[1:]}\n".encode()


def read_lines(data: bytes) -> Iterable[Spooled]:
    """Read lines; what was cut short, or is none, is passed by."""
    for line in data.split(b"\n"):
        try:
            said = json.loads(line, object_hook=_decoded)
            yield _read(said)
        except (ValueError, TypeError, LookupError, AttributeError):
            continue


def _read(said: Mapping[str, Any]) -> Spooled:
    later, at = said.get("later"), datetime.fromisoformat(said["at"])
    tool, tool_ms = said.get("tool", (None, 0))
    counts = said.get("counts", {})
    if tool is not None:
        counts = {"tool_calls": 0, "tool_errors": 0, **counts}
    report = Report(
        int(said["n"]),
        at,
        fields=_kept(said.get("fields", {})),
        identity=_kept(said.get("identity", {})),
        counts=counts,
        tool=tool,
        tool_ms=tool_ms,
        calls=tuple(_call_of(call, at) for call in said.get("calls", ())),
        overhead=said.get("overhead"),
        gives_up=said.get("gives_up", False),
        later=None if later is None else _later_of(later),
    )
    return Spooled(ReportKey(str(said["t"]), str(said["r"]), said["s"]), report)


def _call(call: Call, at: datetime) -> list[Any]:
    usage = call.usage
    said: list[Any] = [
        [
            usage.tokens_in,
            usage.cache_read_tokens,
            usage.cache_write_tokens,
            usage.cache_write_1h_tokens,
            usage.tokens_out,
            usage.reasoning_tokens,
        ],
        call.model,
        call.provider,
        None if call.priced_at is at else call.priced_at.isoformat(),
        call.cost_nanousd,
        call.calls,
    ]
    if call.terms is not STANDARD or call.units or not call.readable:
        said += [[call.terms.route, call.terms.tier], dict(call.units), call.readable]
    return said


def _call_of(said: list[Any], at: datetime) -> Call:
    usage, model, provider, priced_at, cost, calls, *rest = said
    terms, units, readable = rest or ((), {}, True)
    when = at if priced_at is None else datetime.fromisoformat(priced_at)
    return Call(Usage(*usage), model, provider, when, cost, calls, Terms(*terms), units, readable)


def _later(later: DeferredUsage) -> dict[str, Any]:
    skimmed, asked = later.skimmed, later.asked
    return {
        "usages": [_usage(usage) for usage in skimmed.usages],
        "skimmed": [
            skimmed.model,
            skimmed.provider,
            skimmed.response_id,
            skimmed.service_tier,
            skimmed.finish_reason,
            skimmed.found,
        ],
        "asked": [
            asked.model,
            asked.provider,
            asked.route,
            asked.session_model,
            asked.session_provider,
        ],
        "began_at": later.began_at.isoformat(),
    }


def _later_of(said: Mapping[str, Any]) -> DeferredUsage:
    skimmed = Skimmed(list(said["usages"]), *said["skimmed"])
    began_at = datetime.fromisoformat(said["began_at"])
    return DeferredUsage(skimmed, ModelRequest(*said["asked"]), began_at, lambda *_: None)


def _usage(usage: object) -> object:
    """Write a usage in its library's own words where that takes a microsecond, not twenty."""
    write = getattr(type(usage), "__pydantic_serializer__", None)
    if write is None:
        return usage
    try:
        return {_JSON: write.to_json(usage, warnings=False).decode()}
    except ValueError:  # a value that JSON has no word for
        return plain(usage)


def _encoded(value: object) -> object:
    """Write what JSON has no word for."""
    if isinstance(value, datetime):
        return {_AT: value.isoformat()}
    if isinstance(value, Decimal):
        return {_DECIMAL: str(value)}
    found = plain(value)
    return found if isinstance(found, dict) and found else {_LOST: type(value).__name__}


def _decoded(said: dict[str, Any]) -> Any:  # noqa: ANN401 - any data
    if len(said) != 1:
        return said
    [(name, value)] = said.items()
    decode = _DECODERS.get(name)
    try:
        return said if decode is None else decode(value)
    except (ArithmeticError, TypeError, ValueError):  # an agent's own map that looks like ours
        return said


def _kept(fields: Mapping[str, Any]) -> dict[str, Any]:
    lost = {name for name, v in fields.items() if isinstance(v, dict) and set(v) == {_LOST}}
    return {name: value for name, value in fields.items() if name not in lost}


_DECODERS: dict[str, Callable[[Any], Any]] = {
    _AT: datetime.fromisoformat,
    _DECIMAL: Decimal,
    _JSON: json.loads,
}
_encode = json.JSONEncoder(separators=(",", ":"), default=_encoded).encode
