"""What spawned a task, where it is learned after the task was written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class LateLineage:
    """Adds the task above to a task that has none: a recording of it was replayed before."""

    def __init__(self, lineage: Mapping[str, Any]) -> None:
        self._lineage = dict(lineage)

    def reads_first(self) -> bool:
        """Say that the document is to be read before it is written for the first time."""
        return True

    def next_fields(self, landed: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Return the lineage; None where there is one already, or no task."""
        if landed is None or landed.get("parent_task_id") is not None:
            return None
        return self._lineage

    def wrote(self) -> None:
        """Do nothing: the task has it now."""
