"""The speed at which models write for a session."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tachograph.session.activity import TokenRate
from tachograph_schema.documents.session import Session

_CALLS = st.tuples(st.integers(-5, 10**9), st.integers(-5, 10**9) | st.none())


def test_later_call_weighs_more_and_what_was_not_timed_nothing() -> None:
    speed = TokenRate()
    assert speed.note(100, 1_000) == {"tokens_per_s": 100.0}
    assert speed.note(1_000, None) == {}
    assert speed.note(0, 1_000) == {"tokens_per_s": pytest.approx(80 / 1.8, abs=0.1)}


@given(st.lists(_CALLS, max_size=20))
def test_whatever_was_timed_the_speed_is_one_that_a_session_may_have(
    calls: list[tuple[int, int | None]],
) -> None:
    speed = TokenRate()
    for tokens, ms in calls:
        Session.model_validate(speed.note(tokens, ms))
