"""Throughput against the number of workers: where one more no longer brings what the first did.

A fleet's snapshots say how many agents were at work and how many tasks had been completed; what was
completed between two of them was completed by about as many as were at work then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

GROUPS = 12
MOST_APART = timedelta(minutes=5)
"""Between snapshots further apart, nobody knows how many were at work."""


@dataclass(frozen=True, slots=True)
class Point:
    """One snapshot: agents at work, and tasks completed since the beginning."""

    at: datetime
    workers: int
    completed: int


@dataclass(frozen=True, slots=True)
class Pace:
    """What a fleet completed while about so many were at work."""

    least: int
    most: int
    workers: float
    """Their number on average, over the time."""
    hours: float
    completed: int

    @property
    def per_h(self) -> float:
        """Tasks completed in an hour."""
        return self.completed / self.hours

    @property
    def per_worker_h(self) -> float | None:
        """The same for each worker; None where nobody was at work."""
        return self.per_h / self.workers if self.workers else None

    @property
    def channels(self) -> float:
        """Pairs that may have to talk to each other: n(n-1)/2."""
        return max(0.0, self.workers * (self.workers - 1) / 2)


def points(snapshots: Iterable[Mapping[str, Any]]) -> list[Point]:
    """Return what snapshots say, oldest first; those that do not say it are left out."""
    found = [
        Point(taken["at"], taken["parallel_agents"], taken["totals"]["tasks_completed"])
        for taken in snapshots
        if taken.get("parallel_agents") is not None
        and "tasks_completed" in (taken.get("totals") or {})
    ]
    return sorted(found, key=lambda point: point.at)


def paces(
    taken: Sequence[Point], groups: int = GROUPS, most_apart: timedelta = MOST_APART
) -> list[Pace]:
    """Return the pace by number of workers, fewest first, in at most so many groups.

    Pairs of snapshots too far apart are left out, and those between which the count fell: something
    was taken back. Completions that were imported meanwhile count as the workers'.
    """
    spans = [
        ((earlier.workers + later.workers) / 2, later.at - earlier.at, later, earlier)
        for earlier, later in pairwise(taken)
        if timedelta(0) < later.at - earlier.at <= most_apart
        and later.completed >= earlier.completed
    ]
    if not spans:
        return []
    fewest, most = min(span[0] for span in spans), max(span[0] for span in spans)
    width = max(1, -(-int(most - fewest + 1) // groups))
    grouped: dict[int, list[tuple[float, float, int]]] = {}
    for workers, span, later, earlier in spans:
        done = later.completed - earlier.completed
        place = int(workers - fewest) // width
        grouped.setdefault(place, []).append((workers, span / timedelta(hours=1), done))
    return [_pace(grouped[place]) for place in sorted(grouped)]


def marginal(found: Sequence[Pace]) -> list[float | None]:
    """Return for each pace what one more worker brought against the pace before, in tasks an hour.

    None for the first. What falls towards zero, or below, is diminishing returns.
    """
    gains: list[float | None] = [None]
    for fewer, more in pairwise(found):
        gains.append((more.per_h - fewer.per_h) / (more.workers - fewer.workers))
    return gains[: len(found)]


def _pace(spans: Sequence[tuple[float, float, int]]) -> Pace:
    hours = sum(span for _, span, _ in spans)
    return Pace(
        int(min(workers for workers, _, _ in spans)),
        -int(-max(workers for workers, _, _ in spans) // 1),
        sum(workers * span for workers, span, _ in spans) / hours,
        hours,
        sum(done for _, _, done in spans),
    )
