"""Trace contexts as documents carry them, and what they mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tachograph_schema.tracing.spans import (
    EXECUTE_TOOL,
    OPERATION,
    Place,
    Span,
    digest,
    read_traceparent,
)

_ID = "0af7651916cd43dd8448eb211c80319c"


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.booleans())
def test_trace_context_that_is_written_is_read_again(trace: int, span: int, sampled: bool) -> None:  # noqa: FBT001
    place = Place(f"{trace:032x}", f"{span:016x}", sampled)
    assert read_traceparent(str(place)) == place


@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        "",
        "hello",
        f"00-{_ID}-b7ad6b7169203331",
        f"00-{_ID.upper()}-b7ad6b7169203331-01",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{_ID}-{'0' * 16}-01",
        f"ff-{_ID}-b7ad6b7169203331-01",
        f"00-{_ID}-b7ad6b7169203331-01-more",
        f"00-{_ID}-b7ad6b7169203331-01\n",
    ],
)
def test_what_is_no_trace_context_is_none_and_no_error(text: object) -> None:
    assert read_traceparent(text) is None


def test_trace_context_of_a_later_version_is_read_as_far_as_it_is_known() -> None:
    place = read_traceparent(f"01-{_ID}-b7ad6b7169203331-01-more")
    assert place == Place(_ID, "b7ad6b7169203331", sampled=True)


def test_span_is_shown_as_what_it_does() -> None:
    plain = Span("tachograph.commit", _ID, "b7ad6b7169203331", None, 0)
    assert plain.shown == "chain"
    said = {OPERATION: EXECUTE_TOOL}
    assert Span("grep", _ID, "b7ad6b7169203331", None, 0, attributes=said).shown == "tool"


def test_digest_tells_its_parts_apart() -> None:
    assert digest("a", "b") == digest("a", "b")
    assert len({digest("a", "b"), digest("ab"), digest("b", "a")}) == 3
