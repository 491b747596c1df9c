"""Reports that a process left in the spool when it was killed."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from tachograph.reports.report import Report, ReportKey
from tachograph.reports.spool import Segment, Spool
from tachograph.reports.spool_lines import SpooledReports, read_lines

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
            spool.drop(segment)
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
