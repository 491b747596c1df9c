"""Reports as lines of the spool: what comes back folds into the same document."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from tachograph.reports.queue import read_usage
from tachograph.reports.report import Report, ReportKey
from tachograph.reports.spool import Spool, spool_folder
from tachograph.reports.spool_lines import SpoolLine, head_of, line_of, read_lines
from tachograph.reports.task_fields import task_fields
from tachograph.usage.deferred import DeferredUsage, ModelRequest
from tachograph.usage.excerpt import excerpt_of
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.terms import Terms
from tachograph_schema.usage import Usage

_AT = datetime(2026, 3, 1, 12, 30, 1, 234567, tzinfo=UTC)
_KEY = ReportKey("t-1", 'ses"sion.1\n2', "ses")
_HEAD = head_of(_KEY)

_counts = st.integers(0, 10**9)
_names = st.text(min_size=1, max_size=8)
_values = (
    st.none() | st.booleans() | _counts | st.floats(allow_nan=False) | st.text() | st.just(_AT)
)
_fields = st.dictionaries(
    _names, _values | st.lists(_counts) | st.dictionaries(_names, _values, max_size=3), max_size=4
)
_calls = st.builds(
    Call,
    st.builds(Usage, *[_counts] * 6),
    st.none() | st.sampled_from(["claude-haiku-4-5", "nobody-knows-this"]),
    st.none() | st.just("anthropic"),
    st.sampled_from([_AT, _AT - timedelta(days=1)]),
    st.none() | _counts,
    st.integers(0, 3),
    st.builds(Terms, st.none() | st.just("openrouter"), st.none() | st.just("batch")),
    st.dictionaries(st.just("web_searches"), _counts, max_size=1),
    st.booleans(),
)
_tools = st.builds(
    Report,
    st.integers(1, 9),
    st.just(_AT),
    counts=st.fixed_dictionaries({"tool_calls": st.just(1), "tool_errors": st.integers(0, 1)}),
    tool=_names,
    tool_ms=_counts,
)
_reports = _tools | st.builds(
    Report,
    st.integers(1, 9),
    st.just(_AT),
    fields=_fields,
    identity=_fields,
    counts=st.dictionaries(st.sampled_from(["steps", "llm_errors"]), _counts),
    calls=st.lists(_calls, max_size=2).map(tuple),
    overhead=st.none() | st.just("rotation"),
    gives_up=st.booleans(),
)


def _back(report: Report) -> Report:
    [line] = read_lines(line_of(_HEAD, report))
    assert line.key == _KEY
    return line.report


@given(_reports)
def test_report_that_was_spooled_folds_into_the_same_fields(report: Report) -> None:
    landed = {"tokens_in": 5, "session_id": "ses", "reports": {"other": 3}}
    kept, again = (task_fields(landed, "r", [each], "ses") for each in (report, _back(report)))
    assert kept == again


@given(st.lists(_reports, max_size=5), st.data())
def test_lines_cut_anywhere_lose_no_other_line(reports: list[Report], data: st.DataObject) -> None:
    lines = [line_of(_HEAD, report) for report in reports]
    whole_lines = data.draw(st.integers(0, len(lines)))
    cut = b"".join(lines[:whole_lines])
    if whole_lines < len(lines):
        last = lines[whole_lines]
        cut += last[: data.draw(st.integers(0, len(last) - 2))]
    numbers = [line.report.number for line in read_lines(cut)]
    assert numbers == [report.number for report in reports[:whole_lines]]


class _Details(BaseModel):
    cached_tokens: int = 400


class _Usage(BaseModel):
    model_config = ConfigDict(extra="allow")
    prompt_tokens: int = 1000
    completion_tokens: int = 50
    total_tokens: int = 1050
    prompt_tokens_details: _Details = _Details()


class _OfAModel(BaseModel):
    model: str = "openai/gpt-oss-120b"
    usage: _Usage = _Usage()


class _Breakdown(BaseModel):
    models: list[_OfAModel] = [_OfAModel()]


class _Response(BaseModel):
    model_config = ConfigDict(extra="allow")
    id: str = "chatcmpl-1"
    model: str = "gpt-4o"
    choices: list[dict[str, Any]] = [{"finish_reason": "stop", "message": {"content": "SECRET"}}]
    usage: _Usage = _Usage()


@pytest.mark.parametrize(
    "response",
    [
        _Response(),
        _Response().model_dump(),
        _Response(usage=_Usage(cost=Decimal("0.0001234"))),
        {**_Response().model_dump(), "usage": {"prompt_tokens": 7, "cost": Decimal("0.1")}},
        _Response(usage_breakdown=_Breakdown()),
        {"usage": "nonsense"},
        object(),
    ],
)
def test_response_that_was_not_read_yet_is_read_the_same_from_the_spool(response: object) -> None:
    deferred = DeferredUsage(excerpt_of(response), ModelRequest(provider="openai"), _AT)
    report = Report(1, _AT, counts={"ttft_ms": 3, "generation_ms": 0}, deferred=deferred)
    line = line_of(_HEAD, report)
    assert b"SECRET" not in line
    kept, again = (
        task_fields({}, "r", [read_usage(each)], "ses") for each in (report, _back(report))
    )
    assert kept == again


def test_field_that_only_firestore_knows_is_left_out_and_the_rest_is_kept() -> None:
    fields = {"model": "m", "ref": object(), ("a", "key"): 1}
    assert _back(Report(1, _AT, fields=fields, counts={"steps": 2})).counts == {"steps": 2}
    del fields["a", "key"]
    assert _back(Report(1, _AT, fields=fields)).fields == {"model": "m"}


def test_lines_that_are_none_are_passed_by() -> None:
    garbage = b'\n[]\n{"n": 1}\n\xff\n{"t":"a","r":"b","s":null,"n":"x","at":"y"}\n'
    kept = Report(3, _AT, counts={"steps": 1})
    found = list(read_lines(garbage + line_of(_HEAD, kept)))
    assert found == [SpoolLine(_KEY, kept)]


def test_spool_is_where_the_environment_says_and_apart_for_every_database() -> None:
    told = {"TACHOGRAPH_SPOOL": "/var/spool/agents", "XDG_CACHE_HOME": "/home/a/.cache"}
    one, other = (spool_folder(told, host, "p", "acme") for host in ("", "127.0.0.1:8080"))
    assert one is not None
    assert other is not None
    assert one.parent == other.parent == Path("/var/spool/agents")
    assert one != other
    cached = spool_folder({"XDG_CACHE_HOME": "/home/a/.cache"}, "acme")
    assert cached is not None
    assert cached.parent == Path("/home/a/.cache/tachograph/spool")
    assert spool_folder({"TACHOGRAPH_SPOOL": "off"}, "acme") is None


def test_spool_that_is_off_keeps_nothing_and_takes_up_nothing() -> None:
    spool = Spool(None)
    assert spool.keep(b"line\n") is None
    assert list(spool.take_over()) == []
    spool.landed([None])
    spool.close()


@pytest.mark.parametrize("offset", [timedelta(seconds=3208), -timedelta(hours=23, seconds=1)])
def test_moment_keeps_an_offset_of_seconds(offset: timedelta) -> None:
    at = datetime(2026, 2, 16, 18, tzinfo=timezone(offset))
    [line] = read_lines(line_of(_HEAD, Report(1, at, fields={"title": "x"})))
    assert line.report.at == at
