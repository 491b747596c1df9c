"""Pure: the queued task that a contender tries to claim, so that contenders rarely collide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NARROWEST, WIDEST = 8, 128
FIRST_WIDTH = 16
ORDINARY = "normal"
"""The priority of a task that has none, or one that the fleet does not list."""


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """The tasks that a contender can work on: those with all of these fields."""

    task_type: str | None = None
    repo: str | None = None
    labels: Mapping[str, str] | None = None

    @property
    def queried(self) -> tuple[str, str] | None:
        """The one field, with its value, in the query; the others filter the query's result.

        More fields would take an index for each set of fields, and labels cannot have one.
        """
        fields = {"task_type": self.task_type, "repo": self.repo}
        return next(((name, value) for name, value in fields.items() if value is not None), None)

    @property
    def is_anything(self) -> bool:
        """Whether every task fits."""
        return self.queried is None and not self.labels

    @property
    def is_queried(self) -> bool:
        """Whether every task in the query's result fits."""
        return not self.labels and (self.task_type is None or self.repo is None)

    def fits(self, task: Mapping[str, Any]) -> bool:
        """Tell whether a task has all of the fields."""
        labels = task.get("labels") or {}
        return (
            self.task_type in (None, task.get("task_type"))
            and self.repo in (None, task.get("repo"))
            and all(labels.get(key) == value for key, value in (self.labels or {}).items())
        )


class SelectionWidth:
    """The number of oldest tasks that a contender chooses from.

    Every lost race doubles it, and every won one lowers it by an eighth. A lone contender takes
    nearly the oldest task for few reads; contenders in a crowd collide rarely.
    """

    def __init__(self, width: int = FIRST_WIDTH) -> None:
        self.width = width

    def lost(self) -> None:
        """Widen after a lost race."""
        self.width = min(WIDEST, 2 * self.width)

    def won(self) -> None:
        """Narrow after a won race."""
        self.width = max(NARROWEST, self.width - self.width // 8)


def urgent(priorities: Sequence[str]) -> list[str]:
    """Return the priorities that go before the ordinary one."""
    order = list(priorities)
    return order[: order.index(ORDINARY)] if ORDINARY in order else order


def rank(priority: str | None, priorities: Sequence[str]) -> int:
    """Return the rank of a priority, 0 first; an unlisted one ranks as the ordinary one."""
    order = list(priorities)
    if priority in order:
        return order.index(priority)
    return order.index(ORDINARY) if ORDINARY in order else len(order)


def most_urgent(tasks: Sequence[Mapping[str, Any]], priorities: Sequence[str]) -> list[int]:
    """Return the indexes of the tasks of the most urgent priority among `tasks`."""
    ranks = [rank(task.get("priority"), priorities) for task in tasks]
    first = min(ranks, default=0)
    return [place for place, n in enumerate(ranks) if n == first]
