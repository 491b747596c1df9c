"""Whether a session is well, stuck or lost: a table of cases, and what holds for every clock."""

from __future__ import annotations

import json
import runpy
from datetime import datetime, timedelta
from typing import Any, get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from support.places import CASES, GOLDEN
from tachograph_schema.documents.fleet import LivenessPolicy
from tachograph_schema.documents.session import OPEN_STATES, WORKING_STATES, Session, SessionState
from tachograph_schema.documents.session_liveness import liveness, shown_state
from tachograph_schema.parsing import parse

_CASES = yaml.safe_load((CASES / "liveness.yaml").read_text())
_WRITER = runpy.run_path(str(GOLDEN / "write_stuck.py"))
_NOW: datetime = _WRITER["NOW"]
_MINUTES = st.integers(0, 60 * 48)


def _session(fields: dict[str, Any]) -> Session:
    """Make a session whose instants are given as minutes from now."""
    session, problems = parse(Session, _WRITER["document"](fields))
    assert problems == ()
    return session


@pytest.mark.parametrize("case", _CASES, ids=[case["name"] for case in _CASES])
def test_session_is_judged_as_the_table_says(case: dict[str, Any]) -> None:
    session = _session(case["session"])
    written_at = _NOW - timedelta(minutes=case["silent_min"])
    expected = timedelta(minutes=case["expected_min"]) if "expected_min" in case else None
    policy = LivenessPolicy.model_validate(case.get("policy", {}))
    assert liveness(session, written_at, expected, policy, _NOW) == case["verdict"]
    assert shown_state(session) == case.get("state", shown_state(session))


def test_golden_sessions_are_judged_as_the_schema_judges_them() -> None:
    # The page's tests hold what it shows of a session to the same file.
    assert json.loads((GOLDEN / "stuck.json").read_text()) == _WRITER["golden"]()


@pytest.mark.parametrize("case", _CASES, ids=[case["name"] for case in _CASES])
def test_functions_and_readers_agree_on_who_is_stuck(case: dict[str, Any]) -> None:
    session = _session(case["session"])
    if session.effective_state == "stuck" and case["verdict"] != "lost":
        assert (shown_state(session) == "stuck") == (case["verdict"] == "stuck")


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
        return liveness(session, written_at, None, LivenessPolicy(), _NOW)

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
    now, after = (liveness(session, written_at, None, LivenessPolicy(), at) for at in (_NOW, then))
    assert order.index(now) <= order.index(after)


def test_states_are_divided_into_open_ones_and_the_end() -> None:
    assert {*OPEN_STATES, "completed"} == set(get_args(SessionState))
    assert set(WORKING_STATES) < set(OPEN_STATES)
