"""Reports that a process left in the spool when it was killed."""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass

from tachograph.reports.report import Report, ReportKey
from tachograph.reports.spool import Segment, Spool
from tachograph.reports.spool_lines import LINE_START, SpooledReports, read_lines

_log = logging.getLogger("tachograph")


@dataclass(frozen=True, slots=True)
class Recovered:
    """The unwritten reports of one session on one task, each with the file that holds it."""

    spooled: SpooledReports
    reports: list[tuple[Report, Segment]]


def recover(spool: Spool) -> list[Recovered]:
    """Take up the reports of processes that are gone.

    A process may have left several files. The reports of a sequence are taken out of all of them
    together: a higher number that landed first would make the lower ones count as landed.
    """
    by_key: defaultdict[ReportKey, list[tuple[Report, Segment]]] = defaultdict(list)
    for segment, data in spool.take_over():
        for line in read_lines(data):
            by_key[line.key].append((line.report, segment))
            segment.waiting += 1
        if not segment.waiting:
            _drop(spool, segment, data)
            continue
        _log.warning(
            "%s: a process ended before %d reports were written; they are now",
            segment.path,
            segment.waiting,
        )
    return [Recovered(SpooledReports(spool, key), reports) for key, reports in by_key.items()]


def _drop(spool: Spool, segment: Segment, data: bytes) -> None:
    """Remove a file without a report, unless a person should see it.

    A first line that was cut short belongs to a call that had not returned, and is no damage.
    """
    damaged = bool(data) and (b"\n" in data or not data.startswith(LINE_START))
    if damaged:
        _log.warning("%s: no line is a report; it is set aside", segment.path)
    spool.drop(segment, damaged=damaged)
