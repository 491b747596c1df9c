"""Reports of a task, added up in its document: exactly once, from several writers."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tachograph.reports.queue import ReportQueue
from tachograph.reports.report import Report
from tachograph.reports.task_fields import task_fields
from tachograph_schema.documents.task import Task
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.growth import growth
from tachograph_schema.pricing.task_cost import usage_rows
from tachograph_schema.usage import Usage

_START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class _Database:
    """One document under a precondition, whose answers may be lost."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.version = 0
        self.hours: dict[str, int] = {}

    def write(self, fields: dict[str, Any], version: int) -> bool:
        if version != self.version:
            return False
        grown = fields.get("tokens_in", 0) - self.fields.get("tokens_in", 0)
        hour = fields["reported_at"].strftime("%H")
        if "tokens_in" in fields:
            self.hours[hour] = self.hours.get(hour, 0) + grown
        self.fields = {**self.fields, **fields}
        self.version += 1
        return True


class _Process:
    """A session that reports: as Document.flush does, with the network's accidents."""

    def __init__(self, database: _Database, reporter: str) -> None:
        self.database, self.reports = database, ReportQueue(reporter)
        self.known: tuple[dict[str, Any], int] = ({}, 0)

    def flush(self, chance: random.Random) -> None:
        while (fields := self.reports.next_fields(self.known[0])) is not None:
            landed = self.database.write(fields, self.known[1])
            if landed and chance.random() < 0.6:
                self.reports.wrote()
                self.known = ({**self.known[0], **fields}, self.database.version)
            else:  # refused, or the answer was lost: read
                self.known = (dict(self.database.fields), self.database.version)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), st.integers(0, 3)), max_size=40),
    st.randoms(use_true_random=False),
)
def test_several_sessions_on_a_bad_network_add_up_to_what_they_said(
    said: list[tuple[int, int, int]], chance: random.Random
) -> None:
    database = _Database()
    sessions = [_Process(database, name) for name in "abc"]
    hours: dict[str, int] = {}
    for who, tokens, hour in said:
        at = _START + timedelta(hours=hour)
        call = Call(Usage(tokens_in=tokens), None, None, at, 0, 1)
        sessions[who].reports.add(at, calls=(call,))
        hours[f"{at:%H}"] = hours.get(f"{at:%H}", 0) + tokens
        if chance.random() < 0.3:
            sessions[who].flush(chance)
    for session in sessions:
        session.flush(chance)
    assert database.fields.get("tokens_in", 0) == sum(tokens for _, tokens, _ in said)
    assert database.fields.get("llm_calls", 0) == len(said)
    assert {h: n for h, n in database.hours.items() if n} == {h: n for h, n in hours.items() if n}


@given(st.lists(st.integers(0, 5), min_size=1, max_size=20), st.data())
def test_recording_replayed_again_or_from_an_older_state_changes_nothing(
    tokens: list[int], data: st.DataObject
) -> None:
    states = data.draw(st.lists(st.integers(0, len(tokens)), max_size=4))
    database = _Database()
    for length in [*states, len(tokens), *states]:
        replay = _Process(database, "session")
        for n in tokens[:length]:
            replay.reports.add(_START, calls=(Call(Usage(tokens_in=n), None, None, _START, 0, 1),))
        replay.flush(random.Random(0))  # noqa: S311 - an order, not a secret
    assert database.fields.get("tokens_in", 0) == sum(tokens)
    assert database.fields["llm_calls"] == len(tokens)


def _write(landed: dict[str, Any], *reports: Report) -> dict[str, Any]:
    said = ReportQueue("s")
    said._waiting.extend(reports)
    return said.next_fields(landed) or {}


def _report(model: str, tokens: int, number: int = 1) -> Report:
    call = Call(Usage(tokens_in=tokens), model, "anthropic", _START, None, 1)
    return Report(number, _START, calls=(call,), identity={"model": model})


def test_second_model_splits_the_usage_and_keeps_the_first_ones_share() -> None:
    one = _write({}, _report("claude-opus-4-6", 1000))
    assert "usage_by_model" not in one
    both = {**one, **_write(one, _report("claude-haiku-4-5", 10, number=2))}
    assert both["model"] == "claude-opus-4-6"
    assert both["usage_by_model"]["claude-opus-4-6"]["tokens_in"] == 1000
    assert both["usage_by_model"]["claude-haiku-4-5"]["tokens_in"] == 10
    split = both["usage_by_model"].values()
    assert both["cost_nanousd"] == sum(row["cost_nanousd"] for row in split)


_SERVED = (("claude-sonnet-4-5", "anthropic"), ("gpt-4o", None), ("claude-haiku-4-5", "anthropic"))


@pytest.mark.parametrize(
    "writes", [((0, 1, 2),), ((0, 1), (2,)), ((0,), (1, 2)), ((0,), (1,), (2,))]
)
@pytest.mark.parametrize("landed", [{}, {"model": "claude-sonnet-4-5"}], ids=["new", "claimed"])
def test_each_model_keeps_the_provider_that_served_it_however_calls_come_together(
    writes: tuple[tuple[int, ...], ...], landed: dict[str, Any]
) -> None:
    reports = []
    for number, (model, provider) in enumerate(_SERVED, 1):
        call = Call(Usage(tokens_in=1000), model, provider, _START, None, 1)
        said = {"model": model, "provider": provider} if provider else {"model": model}
        reports.append(Report(number, _START, calls=(call,), identity=said))
    for group in writes:
        landed = landed | task_fields(landed, "b-1:s-1", [reports[n] for n in group], "s-1")
    assert (landed["model"], landed["provider"]) == _SERVED[0]
    providers = {model: row.get("provider") for model, row in landed["usage_by_model"].items()}
    assert providers == dict(_SERVED)
    rows = usage_rows(Task.model_validate(landed), _START)
    assert ["cost_listed_nanousd" in row for row in rows.values()] == [True, False, True]
    assert ["cost_assumed_nanousd" in row for row in rows.values()] == [False, True, False]


def test_provider_of_a_task_is_its_rows_where_none_of_them_says_another() -> None:
    used = {"tokens_in": 9, "llm_calls": 1}
    split = {"claude-sonnet-4-5": used, "claude-haiku-4-5": used}
    task = Task.model_validate({"provider": "anthropic", "usage_by_model": split})
    rows = usage_rows(task, _START)
    assert all("cost_listed_nanousd" in row for row in rows.values()), "as a plain client writes it"


def test_model_without_a_price_is_unpriced_tokens_and_never_zero_dollars() -> None:
    fields = _write({}, _report("nobody-knows-this", 1000))
    assert "cost_nanousd" not in fields
    assert (fields["unpriced_calls"], fields["unpriced_tokens"]) == (1, 1000)
    assert fields["cost_source"] == "unpriced"


def test_what_a_task_is_is_not_rewritten_by_who_takes_it_over() -> None:
    landed = {"title": "ours", "session_id": "first"}
    report = Report(1, _START, fields={"session_id": "next"}, identity={"title": "theirs"})
    fields = _write(landed, report)
    assert fields["session_id"] == "next"
    assert "title" not in fields


_CALL = Call(Usage(tokens_in=100), "claude-haiku-4-5", "anthropic", _START, None, 1)
_LOST = {"status": "queued", "session_id": "a", "lost_session_id": "a", "claimed_at": _START}


@given(
    turns=st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), max_size=20),
    first_spoke=st.booleans(),
)
def test_retry_costs_what_the_second_session_spent_however_late_the_first_speaks(
    *, turns: list[tuple[str, bool]], first_spoke: bool
) -> None:
    landed: dict[str, Any] = {**_LOST, "reported_at": _START}
    if first_spoke:
        landed |= {"cost_nanousd": 7, "llm_calls": 1, "model": "claude-haiku-4-5"}
    landed |= {"status": "claimed", "session_id": "b"}
    spent = {"a": landed.get("cost_nanousd", 0), "b": 0}
    for number, (session, completes) in enumerate(turns, 1):
        said = {"status": "completed"} if completes else {}
        report = Report(number, _START, fields=said, calls=(_CALL,))
        landed |= task_fields(landed, session, [report], session)
        spent[session] += 100_000
    assert landed.get("cost_nanousd", 0) == spent["a"] + spent["b"]
    assert landed.get("retry_cost_nanousd", 0) == spent["b"]
    assert landed.get("retries", 0) == landed.get("attempt", 1) - 1 == min(1, spent["b"])
    assert landed["session_id"] == "b"
    ended = any(completes for session, completes in turns if session == "b")
    assert landed["status"] == ("completed" if ended else "claimed")


@pytest.mark.parametrize("gone", [False, True])
def test_session_takes_back_what_nobody_took_if_it_is_there_to_work_on_it(*, gone: bool) -> None:
    report = Report(1, _START, fields={"status": "active"}, calls=(_CALL,))
    fields = task_fields({**_LOST, "reported_at": _START}, "r", [report], "a", session_gone=gone)
    assert fields["tokens_in"] == 100
    assert fields.get("status") == (None if gone else "active")


def test_word_of_the_dead_that_the_task_had_ended_is_heard_while_nobody_has_it() -> None:
    report = Report(1, _START, fields={"status": "completed"})
    landed = {**_LOST, "reported_at": _START}
    assert task_fields(landed, "r", [report], "a", session_gone=True)["status"] == "completed"
    taken = {**landed, "status": "active", "session_id": "b"}
    assert "status" not in task_fields(taken, "r", [report], "a", session_gone=True)


def test_task_is_given_up_to_the_queue_it_came_from_or_fails_with_its_session() -> None:
    report = Report(2, _START, gives_up=True)
    own = {"status": "active", "session_id": "a", "reports": {"r": 1}, "reported_at": _START}
    for landed, status in (
        ({**own, "claimed_at": _START}, "queued"),
        ({**own, "reports": {"queue": 1, "r": 1}}, "queued"),
        (own, "failed"),
        ({}, "failed"),
    ):
        fields = task_fields(landed, "r", [report], "a")
        assert (fields["status"], fields["lost_session_id"]) == (status, "a")


@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 10**9)), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
def test_reported_part_of_a_cost_is_kept_however_calls_come_together(
    calls: list[tuple[bool, int]], rnd: random.Random
) -> None:
    landed: dict[str, Any] = {}
    remaining = [
        Call(
            Usage(tokens_in=min(10**6, n)),
            "claude-haiku-4-5",
            "anthropic",
            _START,
            cost_nanousd=n if reported else None,
        )
        for reported, n in calls
    ]
    number = 0
    while remaining:
        n = rnd.randint(1, len(remaining))
        some, remaining = remaining[:n], remaining[n:]
        served = {"provider": "anthropic"}
        landed |= task_fields(
            landed,
            "a:s",
            [
                Report(number + i, _START, calls=(c,), identity=served)
                for i, c in enumerate(some, 1)
            ],
        )
        number += n
    told = sum(n for reported, n in calls if reported)
    if all(reported for reported, _ in calls):
        assert "cost_reported_nanousd" not in landed
        assert (landed["cost_source"], landed["cost_nanousd"]) == ("reported", told)
    else:
        assert landed["cost_source"] == "priced"
        assert landed.get("cost_reported_nanousd", 0) == told
    [row] = usage_rows(Task.model_validate(landed), _START).values()
    assert row["cost_reported_nanousd"] == told
    assert row.get("cost_listed_nanousd", 0) == landed["cost_nanousd"] - told


@pytest.mark.parametrize("billed", [None, 700])
def test_correction_of_a_call_is_as_certain_as_the_call(billed: int | None) -> None:
    haiku = ("claude-haiku-4-5", "anthropic", _START)
    call = Call(Usage(tokens_in=5), *haiku, cost_nanousd=billed)
    whole = Call(Usage(tokens_in=6), *haiku, cost_nanousd=None if billed is None else billed + 10)
    reports = [
        Report(n, _START, calls=(one,)) for n, one in enumerate((call, growth(whole, call)), 1)
    ]
    together = task_fields({}, "a:s", reports)
    first = task_fields({}, "a:s", reports[:1])
    for landed in (together, {**first, **task_fields(first, "a:s", reports[1:])}):
        assert landed["cost_source"] == ("priced" if billed is None else "reported")
        assert landed["cost_nanousd"] == (6_000 if billed is None else 710)
        assert "cost_reported_nanousd" not in landed
