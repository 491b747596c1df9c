"""The thresholds of a session: its fleet's, with what its kind of task taught."""

from __future__ import annotations

from rotation.learned import learned_threshold_pct
from runtime.policy import policy
from tachograph_schema.documents.session import Session
from tachograph_schema.rotation.thresholds import Thresholds, thresholds


def session_thresholds(fleet: str, session: Session) -> Thresholds:
    """Return a session's thresholds; what was learned is asked for where the fleet wants it."""
    rotation = policy(fleet).rotation
    taught = None
    if rotation.policy == "learned":
        taught = learned_threshold_pct(fleet, session.task_type, session.model)
    return thresholds(session, rotation, taught)
