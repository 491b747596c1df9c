"""Reports that a process left in the spool when it was killed."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from tachograph.reports.report import Report, ReportKey
from tachograph.reports.spool import Segment, Spool
from tachograph.reports.spool_lines import LINE_START, SpooledReports, read_lines

_log = logging.getLogger("tachograph")


@dataclass(frozen=True, slots=True)
class Recovered:
    """The unwritten reports of one session on one task, and the file that holds them."""

    spooled: SpooledReports
    reports: list[Report]
    segment: Segment


def recover(spool: Spool) -> list[Recovered]:
    """Take up the reports of processes that are gone."""
    recovered: list[Recovered] = []
    for segment, data in spool.take_over():
        by_key: dict[ReportKey, list[Report]] = {}
        for line in read_lines(data):
            by_key.setdefault(line.key, []).append(line.report)
            segment.waiting += 1
        if not by_key:
            _drop(spool, segment, data)
            continue
        _log.warning(
            "%s: a process ended before %d reports were written; they are now",
            segment.path,
            segment.waiting,
        )
        recovered += [
            Recovered(SpooledReports(spool, key), reports, segment)
            for key, reports in by_key.items()
        ]
    return recovered


def _drop(spool: Spool, segment: Segment, data: bytes) -> None:
    """Remove a file without a report, unless a person should see it.

    A first line that was cut short belongs to a call that had not returned, and is no damage.
    """
    damaged = bool(data) and (b"\n" in data or not data.startswith(LINE_START))
    if damaged:
        _log.warning("%s: no line is a report; it is set aside", segment.path)
    spool.drop(segment, damaged=damaged)
