"""Hours, days and weeks: UTC and ISO, with the clock set wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tachograph_schema.periods import (
    day_of,
    hour_of,
    hour_start,
    in_week,
    minutes_of,
    reported_hour,
    week_of,
)

_INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(_INSTANTS)
def test_hour_begins_at_or_before_each_instant_in_it(instant: datetime) -> None:
    begun = hour_start(hour_of(instant))
    assert begun <= instant < begun + timedelta(hours=1)


@given(_INSTANTS, st.integers(-14, 14))
def test_hour_is_the_same_in_every_zone(instant: datetime, offset: int) -> None:
    assert hour_of(instant.astimezone(timezone(timedelta(hours=offset)))) == hour_of(instant)


@given(_INSTANTS)
def test_week_is_the_iso_week_that_begins_on_monday(instant: datetime) -> None:
    year, week, _ = instant.isocalendar()
    assert week_of(hour_of(instant)) == f"{year}-W{week:02d}"
    monday = instant - timedelta(days=instant.weekday())
    assert week_of(hour_of(monday)) == week_of(hour_of(instant))


def test_ids_are_those_others_build_on() -> None:
    hour = hour_of(datetime(2026, 2, 16, 18, 59, 59, tzinfo=UTC))
    assert (hour, day_of(hour), week_of(hour)) == ("2026-02-16T18", "2026-02-16", "2026-W08")


def test_turn_of_the_year_belongs_to_the_iso_year() -> None:
    assert week_of("2027-01-01T00") == "2026-W53"


def test_instant_without_a_zone_has_no_hour() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        hour_of(datetime(2026, 2, 16))  # noqa: DTZ001 - the point


def test_future_is_clipped_to_the_write_and_the_past_is_kept() -> None:
    written = datetime(2026, 2, 16, 18, tzinfo=UTC)
    assert reported_hour(written + timedelta(days=1), written) == "2026-02-16T18"
    assert reported_hour(written - timedelta(days=1), written) == "2026-02-15T18"
    assert reported_hour(None, written) == "2026-02-16T18"


@pytest.mark.parametrize(
    ("hours", "weekdays", "at", "holds"),
    [
        (None, None, "2026-03-01T12:00:00+00:00", True),
        ("01:00-04:00", "mon", "2026-03-01T22:30:00-03:00", True),  # Monday, 01:30 UTC
        ("01:00-04:00", "sun", "2026-03-01T22:30:00-03:00", False),
        ("22:00-24:00", "sun", "2026-03-02T06:59:59+08:00", True),  # Sunday, 22:59 UTC
        ("00:00-24:00", "mon-sun", "2026-03-02T00:00:00+00:00", True),
        ("23:59-00:00", None, "2026-03-02T23:59:59+00:00", True),
    ],
)
def test_hours_and_days_of_a_week_are_those_of_utc(
    hours: str | None, weekdays: str | None, at: str, *, holds: bool
) -> None:
    assert in_week(hours, weekdays, datetime.fromisoformat(at)) is holds


@given(st.integers(0, 1439), st.integers(0, 1439))
def test_span_and_the_span_that_goes_on_from_it_make_a_whole_day(start: int, end: int) -> None:
    assume(start != end)
    first, last = (f"{minute // 60:02}:{minute % 60:02}" for minute in (start, end))
    span, rest = minutes_of(f"{first}-{last}"), minutes_of(f"{last}-{first}")
    assert not span & rest
    assert span | rest == set(range(1440))
    assert minutes_of(f"{first}-{last} , {last}-{first}") == span | rest
