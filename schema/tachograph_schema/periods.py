"""Hours, days and ISO weeks of UTC: how the rollups are named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

Grain = Literal["hour", "day", "week", "total"]


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
