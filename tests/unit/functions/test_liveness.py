"""Whether a session is well, stuck or lost: a table of cases, and what holds for every clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from liveness.verdict import verdict
from support.places import CASES
from tachograph_schema.documents.fleet import LivenessPolicy
from tachograph_schema.documents.session import Session
from tachograph_schema.parsing import parse

_CASES = yaml.safe_load((CASES / "liveness.yaml").read_text())
_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_DATED = ("last_seen_at", "last_progress_at", "effective_progress_at", "waiting_until")
_MINUTES = st.integers(0, 60 * 48)


def _session(fields: dict[str, Any]) -> Session:
    """Make a session whose instants are given as minutes from now."""
    dated = {n: _NOW + timedelta(minutes=m) for n, m in fields.items() if n in _DATED}
    session, problems = parse(Session, {**fields, **dated})
    assert problems == ()
    return session


@pytest.mark.parametrize("case", _CASES, ids=[case["name"] for case in _CASES])
def test_session_is_judged_as_the_table_says(case: dict[str, Any]) -> None:
    session = _session(case["session"])
    written_at = _NOW - timedelta(minutes=case["silent_min"])
    expected = timedelta(minutes=case["expected_min"]) if "expected_min" in case else None
    policy = LivenessPolicy(**case.get("policy", {}))
    assert verdict(session, written_at, expected, policy, _NOW) == case["verdict"]


@given(
    skew=st.integers(-60 * 24 * 365, 60),
    silent=_MINUTES,
    still=_MINUTES,
    wait=st.none() | _MINUTES,
    promise=st.none() | st.sampled_from([10, 60, 300, 1800]),
    state=st.sampled_from(["idle", "active", "waiting"]),
)
def test_verdict_is_the_same_however_wrong_the_agents_clock_is(
    skew: int, silent: int, still: int, wait: int | None, promise: int | None, state: str
) -> None:
    written_at = _NOW - timedelta(minutes=silent)

    def judged(wrong: timedelta) -> str:
        seen = written_at + wrong
        session = Session(
            state=state,
            heartbeat_s=promise,
            last_seen_at=seen,
            last_progress_at=seen - timedelta(minutes=still),
            waiting_until=None if wait is None else seen + timedelta(minutes=wait),
        )
        return verdict(session, written_at, None, LivenessPolicy(), _NOW)

    assert judged(timedelta(minutes=skew)) == judged(timedelta(0))


@given(silent=_MINUTES, still=_MINUTES, later=_MINUTES)
def test_session_that_is_not_heard_of_only_becomes_worse(
    silent: int, still: int, later: int
) -> None:
    written_at = _NOW - timedelta(minutes=silent)
    session = Session(
        state="active",
        last_seen_at=written_at,
        last_progress_at=written_at - timedelta(minutes=still),
    )
    order = ("well", "stuck", "lost")
    then = _NOW + timedelta(minutes=later)
    now, after = (verdict(session, written_at, None, LivenessPolicy(), at) for at in (_NOW, then))
    assert order.index(now) <= order.index(after)
