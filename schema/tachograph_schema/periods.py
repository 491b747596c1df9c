"""Hours, days and ISO weeks of UTC: how the rollups are named, and when in a week a price holds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal

Grain = Literal["hour", "day", "week", "total"]
HOURS = "spans of UTC such as 09:00-17:30 or 22:00-06:00, with commas between them"
WEEKDAYS = "days such as mon-fri or sat,sun, from mon, tue, wed, thu, fri, sat and sun"
DAY_MINUTES = 24 * 60
_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEK = len(_DAYS)


def hour_of(instant: datetime) -> str:
    """Return the hour an instant belongs to, such as `2026-02-16T18`.

    Raises ValueError for an instant without a zone: its hour is not known.
    """
    if instant.tzinfo is None:
        raise ValueError(f"{instant.isoformat()} has no time zone; expected one, such as +00:00")
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H")


def day_of(hour: str) -> str:
    """Return the day of an hour: `2026-02-16T18` is of `2026-02-16`."""
    return hour[:10]


def week_of(hour: str) -> str:
    """Return the ISO week of an hour: `2026-02-16T18` is of `2026-W08`."""
    year, week, _ = datetime.strptime(hour[:10], "%Y-%m-%d").replace(tzinfo=UTC).isocalendar()
    return f"{year}-W{week:02d}"


def rollup_id(grain: Grain, period: str) -> str:
    """Return the document id of a published rollup, such as `day_2026-02-16`."""
    return f"{grain}_{period}"


def hour_start(hour: str) -> datetime:
    """Return the instant an hour begins."""
    return datetime.strptime(hour, "%Y-%m-%dT%H").replace(tzinfo=UTC)


def hours_before(hour: str, n: int) -> str:
    """Return the hour n hours before."""
    return hour_of(hour_start(hour) - timedelta(hours=n))


def reported_hour(reported_at: datetime | None, written_at: datetime) -> str:
    """Return the hour a write's change belongs to.

    That is when the agent says the usage happened; a future instant, from a clock that runs fast,
    and a missing one, mean the time of the write itself.
    """
    return hour_of(written_at if reported_at is None else min(reported_at, written_at))


@lru_cache(maxsize=256)
def minutes_of(text: str) -> frozenset[int]:
    """Return the minutes of a day that spans hold, their ends excluded; raises ValueError."""
    minutes: set[int] = set()
    for part in text.split(","):
        match = _SPAN.fullmatch(part.strip())
        if match is None:
            raise ValueError(HOURS)
        start, end = 60 * int(match[1]) + int(match[2]), 60 * int(match[3]) + int(match[4])
        if end > DAY_MINUTES or start == end:
            raise ValueError(HOURS)
        over_midnight = DAY_MINUTES if end < start else 0
        minutes.update(minute % DAY_MINUTES for minute in range(start, end + over_midnight))
    return frozenset(minutes)


@lru_cache(maxsize=256)
def weekdays_of(text: str) -> frozenset[int]:
    """Return the days that a text names, Monday being 0; raises ValueError."""
    days: set[int] = set()
    for part in text.lower().split(","):
        first, _, last = (word.strip() for word in part.partition("-"))
        if first not in _DAYS or (last or first) not in _DAYS or part.strip().endswith("-"):
            raise ValueError(WEEKDAYS)
        start, end = _DAYS.index(first), _DAYS.index(last or first)
        days.update((start + n) % _WEEK for n in range((end - start) % _WEEK + 1))
    return frozenset(days)


def in_week(hours: str | None, weekdays: str | None, at: datetime) -> bool:
    """Tell whether a moment is in the hours and on the days; None is all of them.

    The day is that of the moment itself: 02:00 on Saturday is not on `mon-fri`, although a span
    such as 22:00-06:00 began on Friday.
    """
    utc = at.astimezone(UTC)
    return (hours is None or 60 * utc.hour + utc.minute in minutes_of(hours)) and (
        weekdays is None or utc.weekday() in weekdays_of(weekdays)
    )
