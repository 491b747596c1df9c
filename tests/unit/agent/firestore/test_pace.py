"""How often a document is written: what lasts less often, and at once what others wait for."""

from __future__ import annotations

import threading
import time
from typing import Any
from unittest.mock import MagicMock

import pytest
from google.api_core.exceptions import ServiceUnavailable
from hypothesis import given
from hypothesis import strategies as st

from tachograph import Fleet, Usage
from tachograph.firestore.document import Document
from tachograph.firestore.pace import due_s, pace_s
from tachograph.firestore.writer import BACKLOG, Writer

_WAIT_S = 30
_DAY_S = 86_400
_intervals_s = st.floats(0.01, 3600)
_writes = st.integers(0, 10**6)


def test_task_that_reports_all_day_costs_under_a_thousand_writes() -> None:
    seconds, writes = 0.0, 0
    while seconds < _DAY_S:
        seconds += pace_s(1, writes)
        writes += 1
    assert writes == 884


@pytest.mark.parametrize(
    ("age_s", "late_s"), [(59, 1), (600, 5), (3600, 15), (21_600, 60), (_DAY_S, 300)]
)
def test_document_is_as_late_as_its_age_allows(age_s: float, late_s: float) -> None:
    seconds, writes = 0.0, 0
    while seconds < age_s:
        late = pace_s(1, writes)
        seconds, writes = seconds + late, writes + 1
    assert late == late_s


@given(_intervals_s, _writes)
def test_pace_never_quickens_and_keeps_to_the_interval(interval_s: float, writes: int) -> None:
    pace = pace_s(interval_s, writes)
    assert interval_s <= pace <= max(interval_s, 300)
    assert pace <= pace_s(interval_s, writes + 1)


@given(st.floats(0, 1e6), st.floats(0, 1e6), _intervals_s, _writes)
def test_what_comes_after_a_silence_waits_only_for_what_comes_with_it(
    now_s: float, since_s: float, interval_s: float, writes: int
) -> None:
    due = due_s(now_s, interval_s, now_s - since_s, interval_s, writes)
    assert due >= now_s + interval_s
    if since_s + interval_s >= pace_s(interval_s, writes) + 1e-6:
        assert due == now_s + interval_s


class _Lasting(Document):
    """A document that has been written for a long time, and just now."""

    def __init__(self, written_s: float) -> None:
        self.path, self.written_s, self.writes = "tasks/t-1", written_s, 10**6
        self.written = threading.Event()

    def flush(self) -> None:
        self.written_s = time.monotonic()
        self.written.set()


class _Beat:
    """A sign of life that needs no field."""

    def beat(self) -> None:
        """Add nothing."""


def _ended(writer: Writer) -> None:
    writer.close(_WAIT_S)
    writer.join(_WAIT_S)


def test_session_gives_its_signs_of_life_whatever_its_pace() -> None:
    writer = Writer(1)
    lasting = _Lasting(time.monotonic() - 100)  # the next is due in 200 s, by its pace
    writer.soon(lasting)
    writer.keep_alive(lasting, _Beat(), every_s=10)
    assert lasting.written.wait(_WAIT_S)
    _ended(writer)


class _Troubled(_Lasting):
    """A document whose first write fails, while more is said of it."""

    def __init__(self, writer: Writer) -> None:
        super().__init__(time.monotonic())
        self._writer, self._failed = writer, False

    def flush(self) -> None:
        if not self._failed:
            self._failed = True
            self._writer.soon(self)
            raise ServiceUnavailable("for now")
        super().flush()


def test_write_that_failed_is_tried_again_whatever_its_pace() -> None:
    writer = Writer(1)
    troubled = _Troubled(writer)
    writer.soon(troubled, now=True)
    assert troubled.written.wait(_WAIT_S)
    _ended(writer)


def test_documents_that_wait_for_their_pace_hold_no_new_task_back() -> None:
    writer = Writer(1)
    for _ in range(BACKLOG + 1):
        writer.soon(_Lasting(written_s=time.monotonic() + 1e6))
    assert writer.make_room(0)
    _ended(writer)


def test_what_others_wait_for_is_not_held_back_by_the_pace() -> None:
    writer = Writer(1)
    lasting = _Lasting(written_s=time.monotonic() + 1e6)  # its pace does not end
    writer.soon(lasting)
    writer.soon(lasting, promptly=True)
    assert lasting.written.wait(_WAIT_S)
    _ended(writer)


def test_progress_is_held_back_by_the_pace_for_so_long_and_no_longer() -> None:
    writer = Writer(1)
    lasting = _Lasting(written_s=time.monotonic() + 1e6)
    writer.soon(lasting)
    writer.soon(lasting, wait_s=0.5, within_s=1)
    assert lasting.written.wait(_WAIT_S)
    _ended(writer)


@pytest.fixture
def prompt(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the collections of the documents that are written promptly, as they are said."""
    said: list[str] = []
    soon = Writer.soon

    def noted(writer: Writer, document: Document, **how: Any) -> None:  # noqa: ANN401 - as it is
        if how.get("now") or how.get("promptly"):
            said.append(document.path.split("/")[-2])
        soon(writer, document, **how)

    monkeypatch.setattr(Writer, "soon", noted)
    return said


def test_fill_is_written_promptly_whenever_it_moved_by_a_point(prompt: list[str]) -> None:
    with Fleet("acme", client=MagicMock()) as fleet:
        session = fleet.session("b-1", model="claude-sonnet-4-5", context_window=100_000)
        task = session.task("t-1")
        prompt.clear()
        for tokens in (50_000, 50_400, 50_900, 51_100, 51_200, 20_000):
            task.record(Usage(tokens_in=tokens), model="claude-sonnet-4-5", provider="anthropic")
        assert prompt == ["sessions"] * 3, "at 50,000, at 51,100 and where it was freed"


def test_status_of_a_task_is_written_promptly_and_its_usage_at_its_pace(prompt: list[str]) -> None:
    with Fleet("acme", client=MagicMock()) as fleet:
        task = fleet.session("b-1").task("t-1")
        prompt.clear()
        task.add(steps=1)
        task.update(title="a better name")
        assert prompt == []
        task.wait()
        assert prompt == ["tasks"]
