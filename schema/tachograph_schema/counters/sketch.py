"""Percentiles as counters: a log-bucket histogram whose buckets are plain integers.

The mapping is DDSketch's (Masson, Rim, Lee, VLDB 2019, https://arxiv.org/abs/1908.10693): a
positive value v falls into bucket ceil(log_gamma(v)), gamma = (1 + a) / (1 - a), and the bucket's
midpoint is within the relative error a of every value in it. Only whole units of at least 1 are
kept (milliseconds, tokens, nano-dollars), so indexes are never negative; zero has its own bucket.

A row that takes too many bytes is made coarser: `step` neighbouring buckets become the one in their
middle. That is an ordinary bucket, so readers need not know. Steps are powers of three: then there
is a middle, and the groups of one step are whole parts of the groups of the next.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

RELATIVE_ERROR = 0.02
GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
SEPARATOR = "~"
STEPS = (1, 3, 9)
"""How many neighbouring buckets may become one: 0.02, 0.062 and 0.197 of relative error."""
_LOG_GAMMA = math.log(GAMMA)


def bucket_index(value: int) -> int:
    """Return the bucket of a whole, non-negative value: 0 for zero, else 1 + ceil(log_gamma)."""
    return 0 if value <= 0 else 1 + math.ceil(math.log(value) / _LOG_GAMMA)


def bucket_value(index: int) -> float:
    """Return the value that stands for a bucket, within RELATIVE_ERROR of all it holds."""
    return 0.0 if index <= 0 else 2 * math.pow(GAMMA, index - 1) / (GAMMA + 1)


def bucket_counter(name: str, value: int) -> str:
    """Return the counter that observing `value` increments, such as `duration_ms~217`."""
    return f"{name}{SEPARATOR}{bucket_index(value)}"


def buckets(counters: Mapping[str, int], name: str) -> dict[int, int]:
    """Collect the buckets of one sketch from a scope's counters, by index.

    Under reordering a bucket may be negative for a moment; it is read as empty.
    """
    prefix = name + SEPARATOR
    counts = {int(key[len(prefix) :]): n for key, n in counters.items() if key.startswith(prefix)}
    return {index: counts[index] for index in sorted(counts) if counts[index] > 0}


def coarser(row: Mapping[str, int], step: int) -> dict[str, int]:
    """Return a row whose sketches have one bucket for each `step`, a power of three."""
    if step == 1:
        return dict(row)
    coarse: dict[str, int] = {}
    for key, n in row.items():
        name, sketched, index = key.partition(SEPARATOR)
        into = f"{name}{SEPARATOR}{_middle(int(index), step)}" if sketched else key
        coarse[into] = coarse.get(into, 0) + n
    return {name: n for name, n in coarse.items() if n}


def relative_error(step: int) -> float:
    """Return how far a quantile may be off in sketches of a step: 0.02, 0.062 and 0.197.

    The group of a bucket reaches (step - 1) / 2 buckets down from it, where the error is largest.
    """
    return float(2 * math.pow(GAMMA, (step + 1) / 2) / (GAMMA + 1) - 1)


def _middle(index: int, step: int) -> int:
    return index if index <= 0 else (index - 1) // step * step + (step + 1) // 2


def sums(row: Mapping[str, int]) -> dict[str, int]:
    """Return the counters of a row that are sums: all but the buckets of its sketches."""
    return {name: n for name, n in row.items() if SEPARATOR not in name}


def nearest_rank(q: float, n: int) -> int:
    """Return the rank of the q-quantile among n > 0 ordered values, from 1: ceil(q * n).

    A hair is taken off, because 0.07 * 100 is above 7 in floating point.
    """
    return max(1, math.ceil(q * n - 1e-9))


def quantile(histogram: Mapping[int, int], q: float) -> float | None:
    """Return the q-quantile (0 <= q <= 1) of a histogram by bucket index; None when it is empty.

    It is the value of the nearest rank, ceil(q * n): of ten values the largest is the 95th
    percentile, so that the one dear task in ten shows.
    """
    n = sum(histogram.values())
    if not n:
        return None
    rank, seen = nearest_rank(q, n), 0
    for index in sorted(histogram):
        seen += histogram[index]
        if seen >= rank:
            return bucket_value(index)
    raise AssertionError("unreachable: the counts add up to n")
