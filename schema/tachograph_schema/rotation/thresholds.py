"""Pure: at which level of context left a session is warned, rotates, and is well again.

The most specific threshold wins: what the owner set for the task's type and the model together
(`TYPE|MODEL`), what the outcomes of just those taught (`policy: learned`, within its bounds), what
is set for the type, for the model, for the fleet. A cap on used tokens may raise it further.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tachograph_schema.documents.fleet import RotationPolicy
from tachograph_schema.documents.session import Session

Level = Literal["well", "warn", "rotate"]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Levels in percent of the window that is left."""

    rotate_pct: float
    warn_pct: float
    well_pct: float
    """A freed context with this much left gets a new signal when it fills again."""
    max_used_tokens: int | None = None
    """The cap that is part of `rotate_pct`; it holds by itself where no window is known."""


def thresholds(
    session: Session, policy: RotationPolicy, learned_pct: float | None = None
) -> Thresholds:
    """Return a session's thresholds; `learned_pct` is what its type and model taught."""
    kind, model = session.task_type, session.model
    pair = f"{kind}|{model}" if kind and model else None
    own = policy.by_task_type.get(pair or "")
    if own is None and policy.policy == "learned" and learned_pct is not None:
        own = min(max(learned_pct, policy.learned_min_pct), policy.learned_max_pct)
    if own is None:
        own = _specific(kind, model, policy.by_task_type, policy.by_model, policy.rotate_below_pct)
    warn = policy.warn_by_task_type.get(pair or "")
    if warn is None:
        warn = _specific(
            kind, model, policy.warn_by_task_type, policy.warn_by_model, policy.warn_below_pct
        )
    rotate = max(own, _cap_pct(session, policy))
    # A warning comes before what it warns of, by as much as the policy has between the two.
    lead = max(0.0, policy.warn_below_pct - policy.rotate_below_pct)
    warn = max(warn, min(100.0, rotate + lead))
    return Thresholds(
        rotate, warn, min(100.0, rotate + policy.hysteresis_pct), _cap_tokens(session, policy)
    )


def with_window(session: Session, windows: Mapping[str, int]) -> Session:
    """Return a session that states its window: its own, else its model's of a fleet's list."""
    if session.context_window_tokens or not windows.get(session.model or ""):
        return session
    window = {"context_window_tokens": windows[session.model or ""], "context_source": "fleet"}
    return session.model_copy(update=window)


def context_left_pct(session: Session) -> float | None:
    """Return what is left of the window in percent: as reported, else from the tokens."""
    if session.context_remaining_pct is not None:
        return session.context_remaining_pct
    if session.context_used_tokens is None or not session.context_window_tokens:
        return None
    used = session.context_used_tokens / session.context_window_tokens
    return round(max(0.0, 100 * (1 - used)), 2)


def level(session: Session, at: Thresholds) -> Level | None:
    """Return how a session stands; None where it does not say how full its window is."""
    left, used = context_left_pct(session), session.context_used_tokens
    if left is None:
        if used is None or at.max_used_tokens is None:
            return None
        return "rotate" if used >= at.max_used_tokens else "well"
    if left <= at.rotate_pct:
        return "rotate"
    return "warn" if left <= at.warn_pct else "well"


def is_well(session: Session, at: Thresholds) -> bool:
    """Tell whether a context that was low has been freed, and by more than a waver."""
    left = context_left_pct(session)
    return left is not None and left > at.rotate_pct and left >= at.well_pct


def _cap_pct(session: Session, policy: RotationPolicy) -> float:
    """Return the cap on used tokens as what is left then; 0 where there is none, or no window."""
    cap = _cap_tokens(session, policy)
    if cap is None or not session.context_window_tokens:
        return 0.0
    return round(max(0.0, 100 * (1 - cap / session.context_window_tokens)), 2)


def _cap_tokens(session: Session, policy: RotationPolicy) -> int | None:
    return policy.max_used_tokens_by_model.get(session.model or "", policy.max_used_tokens)


def _specific(
    kind: str | None,
    model: str | None,
    by_type: Mapping[str, float],
    by_model: Mapping[str, float],
    otherwise: float,
) -> float:
    return by_type.get(kind or "", by_model.get(model or "", otherwise))
