"""A streamed answer, handed on as it comes and recorded at its end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from support.fakes.task import EVENTS, ReadableTask


def test_stream_is_handed_on_as_it_comes_and_recorded_at_its_end() -> None:
    def slowly() -> Iterator[dict[str, Any]]:
        for event in EVENTS:
            time.sleep(0.01)
            yield event

    task = ReadableTask()
    with task.llm_call() as call:
        assert list(call.stream(slowly())) == EVENTS
    fields = task.written()
    assert (fields["tokens_in"], fields["tokens_out"], fields["llm_calls"]) == (100, 40, 1)
    assert fields["ttft_ms"] >= 10
    assert fields["generation_ms"] >= 20


def test_stream_that_is_left_early_counts_what_it_had_said() -> None:
    task = ReadableTask()
    with task.llm_call() as call:
        for _ in call.stream(EVENTS):
            break
    fields = task.written()
    assert (fields["tokens_in"], fields["tokens_out"], fields["llm_calls"]) == (100, 10, 1)


def test_stream_that_breaks_is_an_error_and_counts_what_it_had_said() -> None:
    def breaking() -> Iterator[dict[str, Any]]:
        yield EVENTS[0]
        raise ConnectionError

    task = ReadableTask()
    with pytest.raises(ConnectionError), task.llm_call() as call:
        list(call.stream(breaking()))
    fields = task.written()
    assert (fields["tokens_in"], fields["llm_calls"], fields["llm_errors"]) == (100, 1, 1)


def test_call_and_its_stream_may_be_asynchronous() -> None:
    async def events() -> AsyncIterator[dict[str, Any]]:
        for event in EVENTS:
            yield event

    async def work(task: ReadableTask) -> None:
        async with task.llm_call() as call:
            assert [event async for event in call.stream(events())] == EVENTS
        with contextlib.suppress(KeyError):
            async with task.llm_call():
                raise KeyError

    task = ReadableTask()
    asyncio.run(work(task))
    fields = task.written()
    assert (fields["tokens_out"], fields["llm_calls"], fields["llm_errors"]) == (40, 2, 1)


def test_stream_given_to_record_is_not_read_away_from_the_agent() -> None:
    task, chunks = ReadableTask(), iter(EVENTS)
    with task.llm_call() as call:
        call.record(chunks)
    assert list(chunks) == EVENTS
    assert task.written()["unpriced_calls"] == 1
