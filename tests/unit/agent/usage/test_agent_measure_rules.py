"""The rules of AgentMeasure on what is counted as work, each as a test of its name."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from counting.contribution import contribution
from events.change import Version
from support.fakes.task import ReadableTask
from support.fleets.transcripts import SESSION, answer, calls, prompt, write
from tachograph.reports.report import Report
from tachograph.reports.task_fields import task_fields
from tachograph.usage.response import read_response
from tachograph_cli.replay.transcripts import folder
from tachograph_cli.replay.transcripts.deduplication import CallRegistry
from tachograph_schema.counters.names import FLEET
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.documents.task_release import released
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.price import price
from tachograph_schema.usage import Usage

_AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
_OPUS = "claude-opus-4-8"


def _call(tokens: int) -> Call:
    return Call(Usage(tokens_in=tokens), _OPUS, "anthropic", _AT)


def _counted(task: dict[str, Any]) -> dict[str, int]:
    return contribution("tasks", Version(task, "", _AT), Fleet()).cells[FLEET]


def test_a_retry_is_one_operation_and_two_attempts() -> None:
    begins = {"session_id": "s-1", "status": "active", "claimed_at": _AT}
    task = task_fields({}, "r-1", [Report(1, _AT, fields=begins, calls=(_call(1000),))], "s-1")
    task |= released(task, "s-1", _AT)
    later = _AT + timedelta(minutes=1)
    again = Report(1, later, fields={"session_id": "s-2", "status": "active"}, calls=(_call(400),))
    ends = Report(2, later, fields={"status": "completed", "completed_at": later})
    task |= task_fields(task, "r-2", [again, ends], "s-2")
    assert (task["attempt"], task["attempt_kind"], task["retries"]) == (2, "retry", 1)
    counted = _counted(task)
    assert (counted["tasks_created"], counted["tasks_completed"], counted["retries"]) == (1, 1, 1)
    assert (counted["retry_completed"], counted.get("first_completed", 0)) == (1, 0)
    assert (counted["llm_calls"], counted["tokens_in"]) == (2, 1400)
    assert counted["cost_nanousd"] == 1400 * 5000
    assert counted["retry_cost_nanousd"] == 400 * 5000  # a part of the cost, not more of it


def test_an_attempt_of_a_call_that_failed_is_a_call_and_an_error_and_the_next_is_its_own() -> None:
    task = ReadableTask()
    with contextlib.suppress(TimeoutError), task.llm_call():
        raise TimeoutError
    with task.llm_call() as call:
        call.record({"model": _OPUS, "usage": {"input_tokens": 10, "output_tokens": 1}})
    fields = task.written()
    assert (fields["llm_calls"], fields["llm_errors"], fields["tokens_in"]) == (2, 1, 10)


def test_reasoning_is_inside_the_output_and_not_added_to_it() -> None:
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 300,
        "total_tokens": 400,
        "completion_tokens_details": {"reasoning_tokens": 250},
    }
    read = read_response({"model": "gpt-5", "usage": usage})
    assert (read.usage.tokens_out, read.usage.reasoning_tokens) == (300, 250)
    assert read.usage.total_tokens == 400
    silent = Usage(tokens_in=100, tokens_out=300)
    costs = [price(Call(each, "gpt-5", "openai", _AT)) for each in (read.usage, silent)]
    assert costs == [3_125_000, 3_125_000]  # 100 x 1.25 + 300 x 10


def test_a_cache_hit_is_input_that_was_read_again_and_no_new_work() -> None:
    openai = {"prompt_tokens": 1000, "prompt_tokens_details": {"cached_tokens": 900}}
    anthropic = {"input_tokens": 100, "cache_read_input_tokens": 900}
    for usage in ({**openai, "completion_tokens": 1}, {**anthropic, "output_tokens": 1}):
        read = read_response({"model": "m", "usage": usage}).usage
        assert (read.tokens_in, read.cache_read_tokens) == (100, 900)
        assert read.prompt_tokens == 1000
    task = task_fields({}, "r", [Report(1, _AT, calls=(Call(read, _OPUS, "anthropic", _AT),))])
    counted = _counted(task)
    assert (counted["tokens_in"], counted["cache_read_tokens"]) == (100, 900)
    assert counted["cost_nanousd"] == 100 * 5000 + 900 * 500 + 25_000


def test_a_failed_attempt_without_usage_costs_nothing_and_is_not_unpriced() -> None:
    task = ReadableTask()
    with contextlib.suppress(ConnectionError), task.llm_call():
        raise ConnectionError
    counted = _counted(task.written())
    assert (counted["llm_calls"], counted["llm_errors"]) == (1, 1)
    assert not any(counted.get(name) for name in ("cost_nanousd", "unpriced_calls", "tokens_in"))


def test_a_failed_attempt_with_usage_costs_what_it_used() -> None:
    task = ReadableTask()
    with contextlib.suppress(ConnectionError), task.llm_call() as call:
        call.record({"model": _OPUS, "usage": {"input_tokens": 10, "output_tokens": 0}})
        raise ConnectionError
    counted = _counted(task.written())
    assert (counted["llm_errors"], counted["cost_nanousd"]) == (1, 50_000)


def test_a_sub_agents_call_belongs_to_its_own_task_alone(tmp_path: Path) -> None:
    own = {"isSidechain": True, "agentId": "a1"}
    call = answer(2, [5, 0, 0, 0, 5], identity="m2", **own)
    write(tmp_path / f"{SESSION}.jsonl", [prompt(0), answer(1, [1, 0, 0, 0, 1]), call])
    write(tmp_path / "agent-a1.jsonl", [prompt(2, "task", **own), call])
    with contextlib.closing(CallRegistry()) as registry:
        sources = folder.find(tmp_path).sources
        for source in sources:
            folder.claim(source, registry)
        events = [event for source in sources for event in folder.read(source, registry)]
    read = [(call.task, call.usage.tokens_in) for call in calls(events)]
    assert sorted(tokens for _, tokens in read) == [1, 5]
    [task] = {task for task, tokens in read if tokens == 5}
    assert task.endswith(".a1")
    assert not any(task.endswith(".a1") for task, tokens in read if tokens == 1)
