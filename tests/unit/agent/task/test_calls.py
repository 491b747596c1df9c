"""A call of a model or a tool, timed and counted, with or without an answer."""

from __future__ import annotations

import contextlib
import gc
import logging
import time
import weakref
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from support.fakes.task import MODEL, RESPONSE, ReadableTask
from tachograph.task.calls import ToolCall
from tachograph.usage.deferred import ModelRequest
from tachograph_schema.documents.price_sheet import PriceList, PriceRow
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.price import price
from tachograph_schema.usage import Usage


def test_response_recorded_in_a_block_is_a_call_with_its_usage_model_and_cost() -> None:
    task = ReadableTask()
    with task.llm_call() as call:
        time.sleep(0.01)
        call.record(RESPONSE)
    fields = task.written()
    assert fields["llm_calls"] == 1
    assert (fields["tokens_in"], fields["cache_read_tokens"], fields["tokens_out"]) == (100, 50, 10)
    assert (fields["model"], fields["provider"]) == (MODEL, "anthropic")
    assert fields["finish_reason"] == "end_turn"
    assert fields["cost_nanousd"] == price(
        Call(Usage(100, 50, tokens_out=10), MODEL, "anthropic", datetime.now(UTC))
    )
    assert fields["generation_ms"] >= 10
    assert "llm_errors" not in fields


def test_recording_keeps_nothing_of_the_answer_but_its_usage() -> None:
    class Content:
        pass

    task, content = ReadableTask(), Content()
    gone = weakref.ref(content)
    response = SimpleNamespace(model="m", choices=[SimpleNamespace(message=content)], usage=None)
    with task.llm_call() as call:
        call.record(response)
    del response, content
    gc.collect()
    assert gone() is None


def test_reading_waits_until_the_report_is_written_and_happens_once() -> None:
    task = ReadableTask()
    with task.llm_call() as call:
        call.record(RESPONSE)
    assert not task.answers
    first = task.reports.next_fields({})
    again = task.reports.next_fields({})  # the first write was refused
    assert first == again
    assert len(task.answers) == 1
    assert task.answers[0].context_tokens == 150


def test_exception_counts_as_a_failed_call_and_goes_on() -> None:
    task = ReadableTask()
    with pytest.raises(TimeoutError), task.llm_call():
        raise TimeoutError
    fields = task.written()
    assert (fields["llm_calls"], fields["llm_errors"]) == (1, 1)
    assert "unpriced_calls" not in fields


def test_exception_after_the_answer_keeps_what_the_answer_used() -> None:
    task = ReadableTask()
    with contextlib.suppress(KeyError), task.llm_call() as call:
        call.record(RESPONSE)
        raise KeyError
    fields = task.written()
    assert (fields["llm_calls"], fields["llm_errors"], fields["tokens_in"]) == (1, 1, 100)


def test_call_that_nobody_recorded_is_counted_and_unpriced() -> None:
    task = ReadableTask()
    with task.llm_call():
        pass
    fields = task.written()
    assert (fields["llm_calls"], fields["unpriced_calls"]) == (1, 1)
    assert fields["cost_source"] == "unpriced"


def test_unreadable_response_is_unpriced_with_its_tokens_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    task = ReadableTask()
    strange = {"model": "claude-opus-4-8", "usage": {"tokens_eaten_as_input": 70}}
    with caplog.at_level(logging.WARNING, "tachograph"):
        for _ in range(2):
            with task.llm_call() as call:
                call.record(strange)
        fields = task.written()
    assert (fields["unpriced_calls"], fields["unpriced_tokens"]) == (2, 70 * 2)
    assert "cost_nanousd" not in fields
    said = "a response of claude-opus-4-8 at some provider is counted, and not priced: "
    said += "its usage has tokens_eaten_as_input; expected a shape of usage that is known here"
    assert [record.message for record in caplog.records] == [said]


def test_model_that_served_wins_over_the_one_asked_for_and_over_the_sessions() -> None:
    task = ReadableTask(
        ModelRequest("claude-sonnet-4-5", None, None, "claude-sonnet-4-5", "anthropic")
    )
    with task.llm_call() as call:
        call.record(RESPONSE)
    fields = task.written() | {"session": 1}
    assert fields["model"] == MODEL
    landed = {**fields, "model": fields["model"]}
    with task.llm_call() as call:
        call.record(RESPONSE)
    assert "usage_by_model" not in (task.reports.next_fields(landed) or {})


def test_response_without_a_model_is_the_sessions() -> None:
    request = ModelRequest(
        session_model="us.anthropic.claude-sonnet-4-5-20250929-v1:0", session_provider="aws"
    )
    task = ReadableTask(request)
    with task.llm_call() as call:
        call.record({"usage": {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15}})
    fields = task.written()
    assert fields["model"] == request.session_model
    assert fields["cost_nanousd"] > 0


def test_advisor_is_counted_by_its_own_model_and_is_no_call_of_the_agents() -> None:
    task = ReadableTask()
    passes = [
        {"type": "message", "input_tokens": 10, "output_tokens": 1},
        {
            "type": "advisor_message",
            "model": "claude-opus-4-8",
            "input_tokens": 7,
            "output_tokens": 2,
        },
    ]
    usage = {"input_tokens": 10, "output_tokens": 1, "iterations": passes}
    with task.llm_call() as call:
        call.record({**RESPONSE, "usage": usage})
    fields = task.written()
    assert fields["llm_calls"] == 1
    assert fields["usage_by_model"]["claude-opus-4-8"]["tokens_in"] == 7
    assert "llm_calls" not in fields["usage_by_model"]["claude-opus-4-8"]
    split = fields["usage_by_model"].values()
    assert fields["cost_nanousd"] == sum(row["cost_nanousd"] for row in split)


def test_models_of_a_system_are_one_call_and_a_fee_without_a_price_leaves_it_unpriced() -> None:
    task = ReadableTask()
    used = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    breakdown = {"models": [{"model": "openai/gpt-oss-120b", "usage": used}]}
    message = {"executed_tools": [{"index": 0, "type": "search"}]}
    answer = {"model": "groq/compound", "usage": used, "usage_breakdown": breakdown}
    for choices in ([], [{"message": message}]):
        with task.llm_call() as call:
            call.record({**answer, "choices": choices})
    fields = task.written()
    assert (fields["llm_calls"], fields["tokens_in"], fields["tokens_out"]) == (2, 2000, 200)
    assert fields["cost_nanousd"] == 2 * 210_000
    assert (fields["unpriced_calls"], fields.get("unpriced_tokens", 0)) == (1, 0)


def test_bill_of_nothing_is_nothing_and_not_unknown() -> None:
    task = ReadableTask()
    free = {"prompt_tokens": 5, "completion_tokens": 5, "cost": 0, "is_byok": False}
    with task.llm_call() as call:
        call.record({"model": "minimax/minimax-m2:free", "usage": free})
    fields = task.written()
    assert (fields["cost_nanousd"], fields["cost_source"]) == (0, "reported")


def test_fleets_own_price_comes_before_the_public_one_and_the_bill_before_both() -> None:
    row = PriceRow.model_validate(
        {
            "model": "claude-*",
            "valid_from": "2025-01-01T00:00:00Z",
            "input_usd_per_mtok": 1,
            "output_usd_per_mtok": 2,
            "cache_read_usd_per_mtok": "0.1",
        }
    )
    task = ReadableTask(prices=PriceList([row]))
    with task.llm_call() as call:
        call.record(RESPONSE)
    assert task.written()["cost_nanousd"] == 100 * 1000 + 50 * 100 + 10 * 2000
    with task.llm_call() as call:
        call.record({**RESPONSE, "usage": {**RESPONSE["usage"], "cost": 0.5}})
    assert task.written()["cost_nanousd"] == 500_000_000


def test_tool_is_counted_timed_and_its_failure_goes_on() -> None:
    recorded: list[tuple[str, int, int]] = []

    class Task(ReadableTask):
        def report_tool(
            self, name: str, *, errors: int, duration_ms: int | None, at: datetime | None = None
        ) -> None:
            assert at is None
            recorded.append((name, errors, duration_ms or 0))

    with ToolCall(Task(), "grep"):
        time.sleep(0.01)
    with pytest.raises(FileNotFoundError), ToolCall(Task(), "grep"):
        raise FileNotFoundError
    assert [(name, errors) for name, errors, _ in recorded] == [("grep", 0), ("grep", 1)]
    assert recorded[0][2] >= 10
