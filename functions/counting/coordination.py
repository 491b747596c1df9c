"""Pure: one message, or one incident -> its counters, by scope."""

from __future__ import annotations

from datetime import timedelta

from tachograph_schema.counters.cells import Cells
from tachograph_schema.counters.names import FLEET
from tachograph_schema.counters.scopes import scope
from tachograph_schema.counters.sketch import bucket_counter
from tachograph_schema.documents.coordination import Incident, Message


def message_cells(message: Message) -> Cells:
    """Count one message: as sent for its sender, as acknowledged for its addressee.

    Latency is sketched for the fleet alone: hundreds of buckets for each of thousands of agents
    would be too many.
    """
    fleet = {"messages_sent": 1}
    cells: Cells = {FLEET: fleet, scope("agent", message.from_agent_id): {"messages_sent": 1}}
    if message.acknowledged_at is not None:
        fleet["messages_acknowledged"] = 1
        to = cells.setdefault(scope("agent", message.to_agent_id), {})
        to["messages_acknowledged"] = 1
        if message.sent_at is not None:
            # An agent without the SDK writes its own clock's time, which may contradict the other.
            latency = max(timedelta(0), message.acknowledged_at - message.sent_at)
            latency_ms = latency // timedelta(milliseconds=1)
            fleet[bucket_counter("message_latency_ms", latency_ms)] = 1
    return cells


def incident_cells(incident: Incident) -> Cells:
    """Count one incident for the fleet and for the agent it happened to."""
    if incident.kind is None:
        return {}
    row = {f"incidents_{incident.kind}": 1}
    return {FLEET: row, scope("agent", incident.agent_id): dict(row)}
