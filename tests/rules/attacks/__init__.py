"""Attacks on a fleet, each with a similar attempt that is allowed."""

from __future__ import annotations

from rules.attacks import (
    coordination,
    names,
    owners,
    raw_requests,
    reading,
    sessions,
    signals,
    spend,
    task_fields,
    tasks,
)
from rules.attacks.row import Row


def rows() -> list[Row]:
    """Return the table."""
    return [
        *reading.strangers(),
        *reading.readers(),
        *reading.functions_alone(),
        *tasks.others_tasks(),
        *task_fields.what_a_task_holds(),
        *task_fields.sequences(),
        *tasks.ends(),
        *tasks.late(),
        *tasks.managing(),
        *sessions.sessions(),
        *coordination.messages(),
        *coordination.incidents_and_leases(),
        *signals.signals(),
        *signals.alerts_and_traces(),
        *owners.owners(),
        *raw_requests.raw_requests(),
        *spend.spend(),
        *spend.strangers_spend(),
        *names.references(),
        *names.texts(),
        *names.writers(),
    ]
