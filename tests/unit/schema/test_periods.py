"""Hours, days and weeks: UTC and ISO, with the clock set wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tachograph_schema.periods import day_of, hour_of, hour_start, reported_hour, week_of

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
