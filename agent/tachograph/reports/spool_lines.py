"""A report as a line of the spool, and back.

A line holds the fields for the task's document and, for a response that is not read yet, its
excerpt. It holds nothing of prompts and answers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

from pydantic_core import to_json

from tachograph.process.warnings import warn_once
from tachograph.reports.report import Report, ReportKey
from tachograph.reports.spool import Segment, Spool
from tachograph.usage.deferred import DeferredUsage, ModelRequest
from tachograph.usage.excerpt import Excerpt
from tachograph.usage.plain_data import plain
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.terms import STANDARD, Terms
from tachograph_schema.usage import BUCKETS, Usage

LINE_START = b'{"t":'
_COUNTS = attrgetter(*BUCKETS)
_PLAIN = frozenset({str, int, float, bool, type(None)})
"""Values that pydantic's serializer writes as json does, in a tenth of the time. That one would
write a moment, say, as a text like any other."""
_AT, _DECIMAL, _JSON, _LOST = "$at", "$decimal", "$json", "$lost"


@dataclass(frozen=True, slots=True)
class SpoolLine:
    """One line."""

    key: ReportKey
    report: Report


class SpooledReports:
    """The lines of one session on one task, in the spool until they have landed."""

    def __init__(self, spool: Spool, key: ReportKey) -> None:
        self.spool, self.key = spool, key
        self._head = head_of(key)

    def rename(self, reporter: str) -> None:
        """Keep further reports under another reporter's name, in a forked child."""
        self.key = replace(self.key, reporter=reporter)
        self._head = head_of(self.key)

    def keep(self, report: Report) -> Segment | None:
        """Keep a report; returns the segment to pass to `landed`."""
        if not self.spool.on:
            return None
        try:
            line = line_of(self._head, report)
        except Exception as trouble:  # noqa: BLE001 - of a response, which may be any object
            warn_once(type(trouble).__name__, "a report is not kept in the spool: %s", trouble)
            return None
        return self.spool.keep(line)

    def landed(self, segments: Iterable[Segment | None]) -> None:
        """Forget reports that have landed."""
        self.spool.landed(segments)


def head_of(key: ReportKey) -> bytes:
    """Return the beginning that all lines of one session on one task share."""
    return _encode({"t": key.task_id, "r": key.reporter, "s": key.session})[:-1].encode()


def line_of(head: bytes, report: Report) -> bytes:
    """Write a report as one line; a field of a type that only Firestore knows is left out.

    This takes the agent's own time at each call, so a line leaves out empty fields and everything
    that the head has.
    """
    line: dict[str, Any] = {"n": report.number, "at": report.at.isoformat()}
    counts = {name: n for name, n in report.counts.items() if n}
    if counts:
        line["counts"] = counts
    if report.calls:
        line["calls"] = [_call(call, report.at) for call in report.calls]
    if report.deferred is not None:
        line["later"] = _deferred(report.deferred)
    if report.tool is not None:
        line["tool"] = [report.tool, report.tool_ms]
    if report.overhead is not None:
        line["overhead"] = report.overhead
    if report.gives_up:
        line["gives_up"] = True
    said = {name: v for name in ("fields", "identity") if (v := getattr(report, name))}
    if report.deferred is None and {type(v) for of in said.values() for v in of.values()} <= _PLAIN:
        return b"%b,%b\n" % (head, to_json(line | said)[1:])
    try:
        rest = _encode(line | said)
    except (TypeError, ValueError):  # keys that are no text, or a map within itself
        rest = _encode(line)
    return b"%b,%b\n" % (head, rest[1:].encode())


def read_lines(data: bytes) -> Iterable[SpoolLine]:
    """Read lines; one that is cut short or no line at all is passed over."""
    for line in data.split(b"\n"):
        try:
            yield _read(json.loads(line, object_hook=_decoded))
        except Exception:  # noqa: BLE001, S112 - anybody may have written it, as deep as they like
            continue


def _read(line: Mapping[str, Any]) -> SpoolLine:
    deferred, at = line.get("later"), datetime.fromisoformat(line["at"])
    if at.tzinfo is None:
        raise ValueError("a report's moment has a zone")
    tool, tool_ms = line.get("tool", (None, 0))
    counts = line.get("counts", {})
    if tool is not None:
        counts = {"tool_calls": 0, "tool_errors": 0, **counts}
    report = Report(
        int(line["n"]),
        at,
        fields=_readable(line.get("fields", {})),
        identity=_readable(line.get("identity", {})),
        counts=counts,
        tool=tool,
        tool_ms=tool_ms,
        calls=tuple(_call_of(call, at) for call in line.get("calls", ())),
        overhead=line.get("overhead"),
        gives_up=line.get("gives_up", False),
        deferred=None if deferred is None else _deferred_of(deferred),
    )
    return SpoolLine(ReportKey(str(line["t"]), str(line["r"]), line["s"]), report)


def _call(call: Call, at: datetime) -> list[Any]:
    values: list[Any] = [
        _COUNTS(call.usage),
        call.model,
        call.provider,
        None if call.priced_at is at else call.priced_at.isoformat(),
        call.cost_nanousd,
        call.calls,
    ]
    if call.terms is not STANDARD or call.units or not call.readable or call.before is not None:
        values += [list(astuple(call.terms)), dict(call.units), call.readable]
    if call.before is not None:
        values.append(_call(call.before, at))
    return values


def _call_of(values: list[Any], at: datetime) -> Call:
    usage, model, provider, priced_at, cost, calls, *rest = values
    terms, units, readable, *earlier = rest or ((), {}, True)
    when = at if priced_at is None else datetime.fromisoformat(priced_at)
    before = _call_of(earlier[0], at) if earlier else None
    whose = (Usage(*usage), model, provider, when, cost, calls)
    return Call(*whose, Terms(*terms), units, readable, before)


def _deferred(deferred: DeferredUsage) -> dict[str, Any]:
    excerpt, request = deferred.excerpt, deferred.request
    return {
        "usages": [_usage(usage) for usage in excerpt.usages],
        "skimmed": [
            excerpt.model,
            excerpt.provider,
            excerpt.response_id,
            excerpt.service_tier,
            excerpt.finish_reason,
            excerpt.source,
            excerpt.tools,
            excerpt.queries,
            excerpt.batch,
            _usage(excerpt.breakdown),
        ],
        "asked": [
            request.model,
            request.provider,
            request.route,
            request.session_model,
            request.session_provider,
        ],
        "began_at": deferred.began_at.isoformat(),
    }


def _deferred_of(values: Mapping[str, Any]) -> DeferredUsage:
    excerpt = Excerpt(list(values["usages"]), *values["skimmed"])
    began_at = datetime.fromisoformat(values["began_at"])
    return DeferredUsage(excerpt, ModelRequest(*values["asked"]), began_at)


def _usage(usage: object) -> object:
    """Write a usage by its library's own serializer: a microsecond instead of twenty."""
    write = getattr(type(usage), "__pydantic_serializer__", None)
    if write is None:
        return usage
    try:
        return {_JSON: write.to_json(usage, warnings=False).decode()}
    except ValueError:  # a value that JSON cannot hold
        return plain(usage)


def _encoded(value: object) -> object:
    """Write a value that JSON cannot hold."""
    if isinstance(value, datetime):
        return {_AT: value.isoformat()}
    if isinstance(value, Decimal):
        return {_DECIMAL: str(value)}
    data = plain(value)
    return data if isinstance(data, dict) and data else {_LOST: type(value).__name__}


def _decoded(data: dict[str, Any]) -> Any:  # noqa: ANN401 - any data
    if len(data) != 1:
        return data
    [(name, value)] = data.items()
    decode = _DECODERS.get(name)
    try:
        return data if decode is None else decode(value)
    except (ArithmeticError, TypeError, ValueError):  # an agent's own map that looks like ours
        return data


def _readable(fields: Mapping[str, Any]) -> dict[str, Any]:
    lost = {name for name, v in fields.items() if isinstance(v, dict) and set(v) == {_LOST}}
    return {name: value for name, value in fields.items() if name not in lost}


_DECODERS: dict[str, Callable[[Any], Any]] = {
    _AT: datetime.fromisoformat,
    _DECIMAL: Decimal,
    _JSON: json.loads,
}
_encode = json.JSONEncoder(separators=(",", ":"), default=_encoded).encode
