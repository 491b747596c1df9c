"""Pure: sparklines, and bars of the free part of a context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import pairwise

from rich.text import Text

_BLOCKS = "▁▂▃▄▅▆▇█"
_GAP = timedelta(seconds=150)
"""The longest time between two points, which are a minute apart, that is no gap."""
_LATEST = timedelta(minutes=3)
LEVELS = ((5.0, "bold white on red"), (20.0, "bold red"), (35.0, "dark_orange"), (40.0, "yellow"))
"""Context left, in percent, and the colour from there down."""
ENOUGH = "green"


def sparkline(values: Sequence[float | None], chars: int, style: str = "") -> Text:
    """Draw the latest values as blocks from 0 to the highest; an unknown value is a blank."""
    shown = list(values)[-chars:] if chars > 0 else []
    highest = max((value for value in shown if value is not None), default=0.0)
    return Text("".join(_block(value, highest) for value in shown).rjust(chars), style)


def per_second(at_ms: Sequence[int], counted: Sequence[int]) -> list[float | None]:
    """Return the growth per second from each point to the next; None over a gap or a reset."""
    rates: list[float | None] = []
    pairs = list(zip(at_ms, counted, strict=False))
    for (before_ms, before), (ms, n) in pairwise(pairs):
        whole = 0 < ms - before_ms <= _GAP.total_seconds() * 1000 and n >= before
        rates.append((n - before) / ((ms - before_ms) / 1000) if whole else None)
    return rates


def latest(at_ms: Sequence[int], counted: Sequence[int]) -> float | None:
    """Return the growth per second of the last three minutes; None without two points."""
    pairs = list(zip(at_ms, counted, strict=False))
    if not pairs:
        return None
    last_ms, last = pairs[-1]
    since = last_ms - _LATEST.total_seconds() * 1000
    first_ms, first = next((pair for pair in pairs if pair[0] >= since), pairs[-1])
    if first_ms == last_ms or last < first:
        return None
    return (last - first) / ((last_ms - first_ms) / 1000)


def ring(live: Mapping[str, object] | None, name: str) -> list[int]:
    """Return one of the series of `live/now`; an empty one where it has none of that name."""
    rings = (live or {}).get("rings")
    series = rings.get(name) if isinstance(rings, Mapping) else None
    return list(series) if isinstance(series, list) else []


def left_style(pct: float) -> str:
    """Return the colour for `pct` percent of free context."""
    return next((style for level, style in LEVELS if pct <= level), ENOUGH)


def context_bar(pct: float | None, threshold_pct: float, chars: int) -> Text:
    """Draw the free part as a bar, with a mark at the threshold of rotation."""
    if pct is None:
        return Text("·" * chars, "dim")
    filled = max(int(pct > 0), round(pct / 100 * chars))
    mark = min(chars - 1, max(0, round(threshold_pct / 100 * chars)))
    style = left_style(pct).replace("bold white on red", "red")
    bar = Text()
    for n in range(chars):
        if n == mark:
            bar.append("╏" if n >= filled else "┃", "white" if n < filled else "bright_black")
        else:
            bar.append("━" if n < filled else "─", style if n < filled else "bright_black")
    return bar


def _block(value: float | None, highest: float) -> str:
    if value is None:
        return " "
    step = round(value / highest * (len(_BLOCKS) - 1)) if highest > 0 else 0
    return _BLOCKS[max(0, min(len(_BLOCKS) - 1, step))]
