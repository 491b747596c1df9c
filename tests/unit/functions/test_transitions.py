"""The life of a signal: forward only, and over at some time whatever its sessions do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rotation.transitions import RotationState, Transition, judge, read_signal
from tachograph_schema.documents.fleet import RotationPolicy
from tachograph_schema.documents.session import Session
from tachograph_schema.documents.signal import (
    AGENT_STEPS,
    OPEN_STATUSES,
    ORDER,
    STEP_AT,
    UNHEEDED_STATUSES,
    Signal,
    SignalStatus,
    may_move,
)
from tachograph_schema.rotation.thresholds import Thresholds

AT = Thresholds(35, 40, 40)
START = datetime(2026, 3, 1, tzinfo=UTC)
STATUSES = st.sampled_from([*ORDER, "expired"])
POLICIES = st.builds(
    RotationPolicy,
    escalate=st.sampled_from(["alert", "hand_over"]),
    expire_after_s=st.integers(1, 1000),
    start_within_s=st.integers(1, 300),
    max_starts=st.integers(1, 4),
)


@given(st.lists(STATUSES, max_size=30))
def test_no_order_of_steps_takes_one_back(steps: list[SignalStatus]) -> None:
    status: str = "pending"
    passed = [status]
    for step in steps:
        if may_move(status, step):
            status = step
            passed.append(status)
    places = [len(ORDER) if status == "expired" else ORDER.index(status) for status in passed]
    assert places == sorted(set(places))
    assert not any(may_move("completed", step) or may_move("expired", step) for step in ORDER)


def test_every_status_says_when_and_an_agent_takes_the_steps_before_the_hand_over() -> None:
    assert set(STEP_AT) == {*ORDER, "expired"}
    assert set(STEP_AT.values()) <= set(Signal.model_fields)
    assert all(may_move("pending", step) for step in AGENT_STEPS)
    assert not may_move("nonsense", "expired")
    assert not may_move(None, "acknowledged")


@st.composite
def sessions(draw: st.DrawFn, *, successor: bool = False) -> Session:
    fields: dict[str, Any] = {"generation": draw(st.integers(0, 2))}
    if draw(st.booleans()):
        fields["context_remaining_pct"] = draw(st.sampled_from([3.0, 36.0, 90.0]))
    if draw(st.booleans()):
        fields["reported_at"] = START - draw(st.sampled_from([timedelta(), timedelta(days=9)]))
    if draw(st.booleans()):
        reasons = ["completed", "rotated", "crashed", "compacted"]
        fields |= {"ended_at": START, "end_reason": draw(st.sampled_from(reasons))}
    if successor and draw(st.booleans()):
        fields |= {"context_used_tokens": 9_000, "handoff_ms": 12_000}
    return Session.model_validate(fields)


@settings(max_examples=300)
@given(
    policy=POLICIES,
    session=st.none() | sessions(),
    successor=st.none() | sessions(successor=True),
    claimed=st.booleans(),
    startable=st.booleans(),
    heeded=st.integers(0, 2),
)
def test_every_signal_is_over_within_a_bounded_time_and_moves_forward_only(
    policy: RotationPolicy,
    session: Session | None,
    successor: Session | None,
    claimed: bool,  # noqa: FBT001 - hypothesis says it by name
    startable: bool,  # noqa: FBT001
    heeded: int,
) -> None:
    """Look at it every 10 s, with sessions that never change: what the tick does, without one."""
    fields: dict[str, Any] = {
        "kind": "rotate",
        "session_id": "s-1",
        "generation": 0,
        "status": ORDER[heeded],
        **{STEP_AT[status]: START for status in ORDER[: heeded + 1]},
    }
    if claimed and successor is not None:
        fields |= {"successor_session_id": "s-2", "succeeded_at": START}
    steps = 3 + (2 + policy.max_starts) * (policy.expire_after_s + policy.start_within_s) // 10
    for tick in range(steps):
        now = START + timedelta(seconds=10 * tick)
        signal = read_signal(fields)
        assert signal is not None
        if signal.status not in OPEN_STATUSES:
            break
        known = successor if signal.successor_session_id else None
        standing = RotationState(signal, session, signal.successor_session_id, known, now)
        verdict = judge(standing, policy, AT, startable=startable)
        if verdict is not None:
            _apply(fields, verdict, policy, now)
    assert fields["status"] not in OPEN_STATUSES


def _apply(
    fields: dict[str, Any], verdict: Transition, policy: RotationPolicy, now: datetime
) -> None:
    fields |= verdict.fields
    if verdict.status is not None:
        assert may_move(fields["status"], verdict.status)
        fields |= {"status": verdict.status, STEP_AT[verdict.status]: now}
    if verdict.escalated:
        assert fields["status"] in UNHEEDED_STATUSES
        fields["escalated_at"] = now
    if verdict.freed:
        fields.pop("successor_session_id")
        fields.pop("succeeded_at")
    if verdict.start:
        assert fields.get("starts", 0) < policy.max_starts
        lease = now + timedelta(seconds=policy.start_within_s)
        fields |= {"starts": fields.get("starts", 0) + 1, "lease_until": lease}
