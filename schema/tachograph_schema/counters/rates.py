"""Rates over any window: the difference of two snapshots' totals, by the time between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

WINDOWS: Final[Mapping[str, timedelta]] = {
    "5m": timedelta(minutes=5),
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
}
"""The usual windows, by what they are called."""


@dataclass(frozen=True, slots=True)
class Totals:
    """The counters of a snapshot: all that was counted since the beginning."""

    at: datetime
    counters: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Rates:
    """How much each counter grew between two snapshots.

    `fell` are counters that were lower at the end: something was corrected, rebuilt or taken back
    in between. How much flowed is then unknown, so they are not in `growth`. A correction smaller
    than what flowed cannot be seen, and lowers the rate.
    """

    since: datetime
    until: datetime
    growth: Mapping[str, int]
    fell: frozenset[str]

    @property
    def span(self) -> timedelta:
        """The time the rates are of: not what was asked for, but what the snapshots are apart."""
        return self.until - self.since

    def per(self, unit: timedelta, counter: str) -> float | None:
        """Return a counter's growth in a unit of time; None where it is not known."""
        grown = self.growth.get(counter)
        return None if grown is None else grown * (unit / self.span)

    def per_s(self, counter: str) -> float | None:
        """Return a counter's growth in a second; None where it is not known."""
        return self.per(timedelta(seconds=1), counter)

    def per_min(self, counter: str) -> float | None:
        """Return a counter's growth in a minute; None where it is not known."""
        return self.per(timedelta(minutes=1), counter)

    def per_h(self, counter: str) -> float | None:
        """Return a counter's growth in an hour; None where it is not known."""
        return self.per(timedelta(hours=1), counter)

    def share(self, part: str, whole: str) -> float | None:
        """Return what part of one counter's growth another's is, such as errors of calls."""
        n, of = self.growth.get(part), self.growth.get(whole)
        return None if n is None or not of else n / of


def rates(earlier: Totals, later: Totals) -> Rates | None:
    """Return the growth between two snapshots; None unless the second was taken after the first.

    A counter that one of them does not have is left out: it was not kept yet, or is no more. What
    counts is when something was counted: history imported in between is growth in between.
    """
    if later.at <= earlier.at:
        return None
    before, after = earlier.counters, later.counters
    growth = {name: after[name] - before[name] for name in before.keys() & after.keys()}
    return Rates(
        earlier.at,
        later.at,
        {name: n for name, n in growth.items() if n >= 0},
        frozenset(name for name, n in growth.items() if n < 0),
    )
