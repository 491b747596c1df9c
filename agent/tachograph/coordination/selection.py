"""Pure: which of the queued tasks a contender tries for, so that contenders rarely meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NARROWEST, WIDEST = 8, 128
FIRST_WIDTH = 16
ORDINARY = "normal"
"""The priority of a task that has none, or one that the fleet does not list."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a contender can do: only tasks with all of these."""

    task_type: str | None = None
    repo: str | None = None
    labels: Mapping[str, str] | None = None

    @property
    def asked(self) -> tuple[str, str] | None:
        """The one field, with its value, that a query asks for; the rest is looked for in answers.

        Each field more would take an index for each set of fields: labels have none at all.
        """
        fields = {"task_type": self.task_type, "repo": self.repo}
        return next(((name, value) for name, value in fields.items() if value is not None), None)

    @property
    def is_anything(self) -> bool:
        """Whether every task will do."""
        return self.asked is None and not self.labels

    @property
    def is_asked(self) -> bool:
        """Whether whatever answers the query will do."""
        return not self.labels and (self.task_type is None or self.repo is None)

    def fits(self, task: Mapping[str, Any]) -> bool:
        """Tell whether a task is what is wanted."""
        labels = task.get("labels") or {}
        return (
            self.task_type in (None, task.get("task_type"))
            and self.repo in (None, task.get("repo"))
            and all(labels.get(key) == value for key, value in (self.labels or {}).items())
        )


class Spread:
    """Among how many of the oldest tasks a contender chooses.

    Doubled by every lost race, narrowed by an eighth with every won one: alone, a contender takes
    nearly the oldest for few reads; in a crowd, it meets the others rarely.
    """

    def __init__(self, width: int = FIRST_WIDTH) -> None:
        self.width = width

    def lost(self) -> None:
        """Widen."""
        self.width = min(WIDEST, 2 * self.width)

    def won(self) -> None:
        """Narrow."""
        self.width = max(NARROWEST, self.width - self.width // 8)


def urgent(priorities: Sequence[str]) -> list[str]:
    """Return the priorities that go before the ordinary one."""
    known = list(priorities)
    return known[: known.index(ORDINARY)] if ORDINARY in known else known


def rank(priority: str | None, priorities: Sequence[str]) -> int:
    """Return how soon a priority's turn is, 0 first; an unlisted one ranks as the ordinary one."""
    known = list(priorities)
    if priority in known:
        return known.index(priority)
    return known.index(ORDINARY) if ORDINARY in known else len(known)


def most_urgent(found: Sequence[Mapping[str, Any]], priorities: Sequence[str]) -> list[int]:
    """Return the places of the tasks of the most urgent priority among those found."""
    ranks = [rank(task.get("priority"), priorities) for task in found]
    first = min(ranks, default=0)
    return [place for place, n in enumerate(ranks) if n == first]
