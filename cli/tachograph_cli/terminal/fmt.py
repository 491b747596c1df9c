"""The format of numbers, money, times and shares, which is the dashboard's own.

tests/golden/formats.json holds both to the same words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

UNKNOWN = "–"  # noqa: RUF001 - the dashboard's dash
_NANO = 1e9


def money(nanousd: float) -> str:
    """Write nano-dollars: $0 · $0.0042 · $12.34 · $160 · $1,786 · $22.6K."""
    return dollars(nanousd / _NANO)


def dollars(usd: float) -> str:
    """Write dollars, as `money` does."""
    if not math.isfinite(usd):
        return UNKNOWN
    if usd < 0:
        return f"-{dollars(-usd)}"
    if usd < 1e-6:  # noqa: PLR2004 - what would read as nothing
        return "<$0.000001" if usd else "$0"
    if usd < 0.00995:  # noqa: PLR2004 - two significant digits until they are two decimals
        return f"${_trimmed(usd)}"
    if usd < 99.995:  # noqa: PLR2004 - where rounding would make it $100.00
        return f"${_fixed(usd, 2)}"
    return f"${_rounded(usd):,}" if usd < 9_999.5 else f"${_three_digits(usd)}"  # noqa: PLR2004


def count(n: float) -> str:
    """Write a count: as it is below 1,000, then three significant digits with K, M, B."""
    if not math.isfinite(n):
        return UNKNOWN
    return str(_rounded(n)) if abs(n) < 1000 else _three_digits(n)  # noqa: PLR2004 - said above


def rate(n: float) -> str:
    """Write a rate: as a count from 10, with two digits below."""
    return count(n) if n >= 10 or n == 0 else f"{n:.2g}"  # noqa: PLR2004 - two digits suffice


def duration(ms: float) -> str:
    """Write a duration: 47 ms · 3.48 s · 13m 28s · 2h 05m · 3d 04h."""
    if not math.isfinite(ms):
        return UNKNOWN
    if ms < 0:
        return f"-{duration(-ms)}"
    if ms < 999.5:  # noqa: PLR2004 - where rounding would make it a second
        return f"{_rounded(ms)} ms"
    if ms < 59_950:  # noqa: PLR2004 - likewise a minute
        s = ms / 1000
        return f"{_fixed(s, 2 if s < 9.995 else 1)} s"  # noqa: PLR2004 - likewise 10 s
    for unit_ms, most, larger, smaller, per in (
        (1000, 3600, "m", "s", 60),
        (60_000, 48 * 60, "h", "m", 60),
        (3_600_000, math.inf, "d", "h", 24),
    ):
        units = _rounded(ms / unit_ms)
        if units < most:
            return f"{units // per}{larger} {units % per:02d}{smaller}"
    return UNKNOWN


def ago(span: timedelta) -> str:
    """Write a duration to the second: 4 s, 2m 05s, 1h 10m, 3d 04h."""
    seconds = int(span.total_seconds())
    return f"{seconds} s" if seconds < 60 else duration(seconds * 1000)  # noqa: PLR2004


def percent(part: float) -> str:
    """Write a part of one: one decimal under 10 %, and never 100 % of less than all."""
    if not math.isfinite(part):
        return UNKNOWN
    pct = part * 100
    if pct == 0:
        return "0%"
    if 0 < pct < 0.05:  # noqa: PLR2004 - what would read as nothing
        return "<0.1%"
    if 99.5 <= pct < 100:  # noqa: PLR2004 - and as everything
        return ">99%"
    return f"{_fixed(pct, 1)}%" if abs(pct) < 9.95 else f"{_rounded(pct)}%"  # noqa: PLR2004


def share(part: float) -> str:
    """Write a share: no decimals, and never 0 % of something or 100 % of less than all."""
    if not math.isfinite(part):
        return UNKNOWN
    pct = part * 100
    if 0 < pct < 0.5:  # noqa: PLR2004 - what would read as nothing
        return "<1%"
    if 99.5 <= pct < 100:  # noqa: PLR2004 - and as everything
        return ">99%"
    return f"{_rounded(pct)}%"


def times(ratio: float) -> str:
    """Write how many times as much, such as 1.31 or 12.4, with the sign for it."""
    return f"{_three_digits(ratio)}×" if math.isfinite(ratio) else UNKNOWN  # noqa: RUF001


def counted(n: float, noun: str, plural: str | None = None) -> str:
    """Write a number with its noun: 1 session, 2 sessions, 8.34K tasks."""
    return f"{count(n)} {noun if n == 1 else plural or noun + 's'}"


def some(names: Sequence[str], most: int = 4) -> str:
    """Write the first names of a list, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {count(more)} more" if more > 0 else "")


def days(first: str, last: str, this_year: int) -> str:
    """Write UTC days as a range: 16 Feb · 16–22 Feb · 28 Feb – 3 Mar 2025. The year if not this."""  # noqa: RUF002
    a, b = date.fromisoformat(first), date.fromisoformat(last)
    year_a, year_b = (f" {day.year}" if day.year != this_year else "" for day in (a, b))
    if a == b:
        return f"{a.day} {a:%b}{year_a}"
    if (a.year, a.month) == (b.year, b.month):
        return f"{a.day}–{b.day} {b:%b}{year_b}"  # noqa: RUF001
    before = "" if a.year == b.year else f" {a.year}"
    after = year_b if a.year == b.year else f" {b.year}"
    return f"{a.day} {a:%b}{before} – {b.day} {b:%b}{after}"  # noqa: RUF001


def moment(at: datetime) -> str:
    """Write a moment in its own zone: 16 Feb 18:04."""
    return f"{at.day} {at:%b %H:%M}"


def _three_digits(n: float) -> str:
    sign, rest = "-" if n < 0 else "", abs(n)
    for unit in ("", "K", "M", "B", "T"):
        if rest < 999.5 or unit == "T":  # noqa: PLR2004 - where rounding would make a thousand
            digits = 2 if rest < 9.995 else 1 if rest < 99.95 else 0  # noqa: PLR2004
            return f"{sign}{_fixed(rest, digits)}{unit}"
        rest /= 1000
    raise AssertionError("unreachable: T takes whatever is left")


def _trimmed(usd: float) -> str:
    return _fixed(usd, 1 - math.floor(math.log10(usd))).rstrip("0")


def _fixed(n: float, digits: int) -> str:
    """Round halves up, as JavaScript's toFixed does, where Python's own rounds them to even."""
    return str(Decimal(n).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP))


def _rounded(n: float) -> int:
    return math.floor(n + 0.5)
