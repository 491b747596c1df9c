"""The units of a tick: one that fails keeps no other from being done."""

from __future__ import annotations

import logging
from typing import NoReturn

import pytest

from alerting.tick_alerts import words
from runtime.units import Units, unguarded


def _fail() -> NoReturn:
    raise ValueError("what an agent wrote")


def test_unit_that_fails_is_named_with_the_kind_of_its_error_and_not_its_words() -> None:
    units = Units("acme-1", 10)
    assert [units.run("hour", name, work) for name, work in (("a", _fail), ("b", dict))] == [
        False,
        True,
    ]
    assert units.failed == {"hour": {"a": "ValueError"}}
    assert units.done == {"hour": 1}
    assert "agent" not in words("hour", units.failed["hour"])


def test_unit_that_fails_in_every_tick_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "runtime.units")
    for _ in range(3):
        Units("acme-2", 10).run("session", "s-1", _fail)
    assert [record.getMessage() for record in caplog.records] == [
        "fleets/acme-2: session s-1 failed"
    ]


def test_interrupt_is_no_failure_of_a_unit() -> None:
    def interrupt() -> NoReturn:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Units("acme-3", 10).run("hour", "a", interrupt)


def test_time_is_up_by_the_clock_that_is_given() -> None:
    seconds = iter([100.0, 104.9, 105.0, 109.9, 110.0])
    units = Units("acme-4", 10, lambda: next(seconds))
    assert [units.has_time(0.5), units.has_time(0.5), units.has_time(), units.has_time()] == [
        True,
        False,
        True,
        False,
    ]


def test_units_of_a_command_raise_and_have_time_without_end() -> None:
    units = unguarded()
    with pytest.raises(ValueError, match="wrote"):
        units.run("hour", "a", _fail)
    assert units.has_time()


def test_alert_names_five_units_and_counts_the_others() -> None:
    failed = {f"2026-02-16T{n:02d}": "InvalidArgument" for n in range(8)}
    assert words("hour", failed).endswith("2026-02-16T04 (InvalidArgument) and 3 more")
