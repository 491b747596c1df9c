"""Attacks on a fleet, each beside the legitimate act that is its neighbour."""

from __future__ import annotations

from rules.attacks import owning, reading, sessions, signals, talking, task_fields, tasks, tricks
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
        *talking.messages(),
        *talking.incidents_and_leases(),
        *signals.signals(),
        *signals.alerts_and_traces(),
        *owning.owners(),
        *tricks.tricks(),
    ]
