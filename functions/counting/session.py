"""Pure: one session -> its counters, by scope."""

from __future__ import annotations

from tachograph_schema.counters.cells import Cells
from tachograph_schema.counters.names import FLEET
from tachograph_schema.counters.scopes import scope
from tachograph_schema.counters.sketch import bucket_counter
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.documents.session import Session


def session_cells(session: Session, fleet: Fleet) -> Cells:
    """Count one session for the fleet, its agent, role and model."""
    row = {"sessions_started": 1}
    if session.end_reason is not None:
        row[f"sessions_{session.end_reason}"] = 1
    if session.bootstrap_tokens:
        row["bootstrap_tokens"] = session.bootstrap_tokens
    if session.handoff_ms is not None:
        row[bucket_counter("handoff_ms", session.handoff_ms)] = 1
        in_time = session.handoff_ms <= fleet.rotation.handoff_target_ms
        row["handoffs_within_target" if in_time else "handoffs_late"] = 1
    named = {"agent": session.agent_id, "role": session.agent_role, "model": session.model}
    scopes = [FLEET, *(scope(kind, value) for kind, value in named.items() if value)]
    return {name: dict(row) for name in scopes}
