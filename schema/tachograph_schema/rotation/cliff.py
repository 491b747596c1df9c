"""Where the cliff is: the context left below which a kind of task ends worse, if outcomes show one.

A task counts where its context was lowest, so a candidate threshold compares the tasks that were
worked on below it with those that never were: what rotating there would change. The difference of
the two shares of bad ends has Newcombe's hybrid score interval (Statistics in Medicine 17, 1998,
method 10), at a level divided by the number of candidates (Bonferroni), since each is a chance to
be wrong. Among those it supports, the threshold is the likeliest change point of a binomial
sequence (Hinkley and Hinkley, Biometrika 57, 1970), and its interval is every candidate whose
likelihood is within a factor of it (Edwards, Likelihood, 1972).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Final, Literal

from tachograph_schema.counters.derived import interval
from tachograph_schema.counters.names import CONTEXT_STEP_PCT

CANDIDATES_PCT: Final = range(CONTEXT_STEP_PCT, 80, CONTEXT_STEP_PCT)
"""Above, sessions would do little else than hand over."""
MIN_RUNS: Final = 20
"""On either side of a threshold; below, nothing is learned however bad it looks."""
MIN_WORSE: Final = 0.05
"""A handover costs something, too: fewer than 5 in 100 tasks that end worse are no cliff."""
SOUGHT_WORSE: Final = 0.2
"""The difference that the runs must be enough to show before the status is `none`."""
ALPHA: Final = 0.01
"""Chance to see a cliff where none is, over all candidates: it is looked for every hour."""
_LEVEL: Final = ALPHA / len(CANDIDATES_PCT)
_POWER: Final = 0.85
"""A little more than the 4 in 5 that are promised: the interval is stricter than the formula."""
_SUPPORT: Final = 2.0
"""Natural log of the factor: about 95 % of intervals hold the true threshold, see the tests."""

Status = Literal["learned", "none", "too_few"]


@dataclass(frozen=True, slots=True)
class Side:
    """The tasks on one side of a threshold, and those of them that ended badly."""

    runs: int
    bad: int

    @property
    def share(self) -> float:
        """The share that ended badly; 0 of none."""
        return self.bad / self.runs if self.runs else 0.0

    def __add__(self, other: Side) -> Side:
        return Side(self.runs + other.runs, self.bad + other.bad)


@dataclass(frozen=True, slots=True)
class Cliff:
    """The evidence of the outcomes for a threshold.

    `learned`: below `at_pct` tasks end worse. `none`: there are runs enough to see a difference of
    SOUGHT_WORSE, and none is seen. `too_few`: `needs_below` and `needs_above` more runs on the
    sides of `at_pct`, there being fewest missing, would be enough.
    """

    status: Status
    at_pct: int
    low_pct: int
    high_pct: int
    below: Side
    above: Side
    worse_low: float
    worse_high: float
    needs_below: int
    needs_above: int

    @property
    def worse(self) -> float:
        """How much larger the share of bad ends is below: 0.2 is 20 in 100 tasks."""
        return self.below.share - self.above.share


def sides(row: Mapping[str, int]) -> list[Side]:
    """Return the tasks of each tenth of context left, from the counters of a scope.

    One that was completed without rework or retry ended well, every other badly. Counts that are
    out of step for a moment, as late events make them, are read as the nearest possible.
    """
    tenths = []
    for low in range(0, 100, CONTEXT_STEP_PCT):
        done, failed, clean = (
            max(0, row.get(f"context_{low}_{outcome}", 0))
            for outcome in ("completed", "failed", "clean")
        )
        tenths.append(Side(done + failed, done + failed - min(clean, done)))
    return tenths


def cliff(tenths: Sequence[Side]) -> Cliff:
    """Find the threshold that the outcomes support, with the evidence for it."""
    everyone = _sum(tenths)
    wanted = runs_wanted((everyone.bad + 1) / (everyone.runs + 2))
    tried = [_tried(tenths, pct, wanted) for pct in CANDIDATES_PCT]
    supported = [candidate for candidate in tried if _supports(candidate)]
    if supported:
        return _likeliest(supported, tried)
    enough = [candidate for candidate in tried if not candidate.needs_below + candidate.needs_above]
    if enough:
        return replace(enough[0], status="none")
    return min(tried, key=lambda candidate: candidate.needs_below + candidate.needs_above)


def difference(below: Side, above: Side, level: float) -> tuple[float, float]:
    """Return Newcombe's interval of `below.share - above.share`, at 1 - level confidence."""
    z = NormalDist().inv_cdf(1 - level / 2)
    b, a = below.share, above.share
    low_b, high_b = interval(below.bad, below.runs, z)
    low_a, high_a = interval(above.bad, above.runs, z)
    low = b - a - math.hypot(b - low_b, high_a - a)
    high = b - a + math.hypot(high_b - b, a - low_a)
    return max(-1.0, low), min(1.0, high)


def runs_wanted(share: float) -> int:
    """Return how many runs on either side show SOUGHT_WORSE over this share, in 4 cases of 5.

    The usual sample size for two proportions (Fleiss, Levin and Paik, Statistical Methods for Rates
    and Proportions, 2003, formula 4.14).
    """
    worse = min(1.0, share + SOUGHT_WORSE)
    share = worse - SOUGHT_WORSE
    middle = (share + worse) / 2
    z_level, z_power = NormalDist().inv_cdf(1 - _LEVEL / 2), NormalDist().inv_cdf(_POWER)
    apart = math.sqrt(share * (1 - share) + worse * (1 - worse))
    alike = math.sqrt(2 * middle * (1 - middle))
    n = ((z_level * alike + z_power * apart) / SOUGHT_WORSE) ** 2
    return max(MIN_RUNS, math.ceil(n))


def _tried(tenths: Sequence[Side], pct: int, wanted: int) -> Cliff:
    cut = pct // CONTEXT_STEP_PCT
    below, above = _sum(tenths[:cut]), _sum(tenths[cut:])
    both = below.runs and above.runs
    low, high = difference(below, above, _LEVEL) if both else (-1.0, 1.0)
    needs = (max(0, wanted - side.runs) for side in (below, above))
    return Cliff("too_few", pct, pct, pct, below, above, low, high, *needs)


def _supports(candidate: Cliff) -> bool:
    enough = min(candidate.below.runs, candidate.above.runs) >= MIN_RUNS
    return enough and candidate.worse_low > 0 and candidate.worse >= MIN_WORSE


def _likeliest(supported: Sequence[Cliff], tried: Sequence[Cliff]) -> Cliff:
    best = max(supported, key=_log_likelihood)
    least = _log_likelihood(best) - _SUPPORT
    near = [
        candidate.at_pct
        for candidate in tried
        if candidate.worse > 0 and _log_likelihood(candidate) >= least
    ]
    return replace(
        best,
        status="learned",
        low_pct=min(near),
        high_pct=max(near),
        needs_below=0,
        needs_above=0,
    )


def _log_likelihood(candidate: Cliff) -> float:
    """Return the log likelihood of two shares, one on either side."""
    total = 0.0
    for side in (candidate.below, candidate.above):
        for n in (side.bad, side.runs - side.bad):
            total += n * math.log(n / side.runs) if n else 0.0
    return total


def _sum(parts: Iterable[Side]) -> Side:
    return sum(parts, Side(0, 0))
