"""The writer's thread outlives whatever a document raises."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from google.api_core.exceptions import PermissionDenied, ServiceUnavailable, Unauthenticated

from tachograph.firestore.document import Document, UnwritableError
from tachograph.firestore.pace import retry_wait_s
from tachograph.firestore.writer import Writer

_WAIT_S = 30


class _Failing(Document):
    """A document that raises on its first write."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.path, self.trouble = "tasks/t-1", trouble
        self.written = threading.Event()
        self.written_s, self.writes = 0.0, 0

    def flush(self) -> None:
        trouble, self.trouble = self.trouble, None
        if trouble is not None:
            raise trouble
        self.written.set()


class _UnshowableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.fixture
def writer() -> Iterator[Writer]:
    """Give a writer that tries again soon, and end it."""
    writer = Writer(0.01)
    yield writer
    writer.close(_WAIT_S)
    writer.join(_WAIT_S)


_TROUBLE = [
    UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
    OverflowError("2**70"),
    TypeError("object()"),
    RecursionError("a map within itself"),
    KeyError("n"),
    MemoryError(),
    _UnshowableError(),
]


@pytest.mark.parametrize("trouble", _TROUBLE, ids=lambda trouble: type(trouble).__name__)
def test_document_that_raises_anything_is_tried_again_and_others_are_written(
    writer: Writer, trouble: Exception
) -> None:
    failing, other = _Failing(trouble), _Failing()
    writer.soon(failing, now=True)
    writer.soon(other, now=True)
    assert other.written.wait(_WAIT_S)
    assert failing.written.wait(_WAIT_S)


def test_document_that_can_never_be_written_is_left_out_and_others_are_written(
    writer: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    failing, other = _Failing(UnwritableError("tasks/t-1 cannot be written")), _Failing()
    writer.soon(failing, now=True)
    assert writer.flush(_WAIT_S)
    writer.soon(other, now=True)
    assert other.written.wait(_WAIT_S)
    assert not failing.written.is_set()
    assert "tasks/t-1 cannot be written" in caplog.text


def test_document_that_the_rules_refuse_is_tried_ever_more_rarely_and_never_given_up() -> None:
    waits_s = [retry_wait_s(1, refusals) for refusals in (*range(7), 10**9)]
    assert waits_s == [1, 2, 4, 8, 16, 32, 32, 32]
    assert retry_wait_s(3600, 9) == 3600, "a longer interval stays what was asked for"


class _Refused(_Failing):
    """A document that is refused three times; it notes how many refusals the writer knows of."""

    def __init__(self, writer: Writer, refusal: Exception) -> None:
        super().__init__()
        self.known: list[int] = []
        self._writer, self._refusal = writer, refusal

    def flush(self) -> None:
        self.known.append(self._writer._refusals.get(self, 0))
        if len(self.known) <= 3:
            raise self._refusal
        self.written.set()


@pytest.mark.parametrize(
    ("refusal", "known"),
    [
        (PermissionDenied("by the rules"), [0, 1, 2, 3]),
        (Unauthenticated("the token has ended"), [0, 1, 2, 3]),
        (ServiceUnavailable("the network is gone"), [0, 0, 0, 0]),
    ],
    ids=["rules", "token", "network"],
)
def test_refusals_in_a_row_are_counted_until_the_document_is_written(
    writer: Writer, refusal: Exception, known: list[int]
) -> None:
    refused = _Refused(writer, refusal)
    writer.soon(refused, now=True)
    assert refused.written.wait(_WAIT_S)
    assert writer.flush(_WAIT_S)
    assert refused.known == known
    assert not writer._refusals
