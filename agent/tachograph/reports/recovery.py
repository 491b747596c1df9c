"""The spool of one fleet in one process: kept while it works, taken up where another was killed."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from tachograph.reports.report import Report
from tachograph.reports.spool import Segment, Spool
from tachograph.reports.spool_lines import ReportKey, head_of, line_of, read_lines

_log = logging.getLogger("tachograph")


class SpooledReports:
    """Where the reports of one session on one task are kept until they have landed."""

    def __init__(self, spool: Spool, whose: ReportKey) -> None:
        self.spool, self.whose = spool, whose
        self._head = head_of(whose)

    def keep(self, report: Report) -> Segment | None:
        """Keep a report; returns what to tell `landed`."""
        return self.spool.keep(line_of(self._head, report)) if self.spool.on else None

    def landed(self, segments: Iterable[Segment | None]) -> None:
        """Forget reports that have landed."""
        self.spool.landed(segments)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a process that is gone had to say of one task, and the file that holds it."""

    kept: SpooledReports
    reports: list[Report]
    segment: Segment


def left_behind(spool: Spool) -> list[Recovered]:
    """Take up what processes that are gone have left in the spool."""
    left: list[Recovered] = []
    for segment, data in spool.take_over():
        by_whose: dict[ReportKey, list[Report]] = {}
        for line in read_lines(data):
            by_whose.setdefault(line.whose, []).append(line.report)
            segment.waiting += 1
        if not by_whose:
            spool.drop(segment)
            continue
        _log.warning(
            "%s: a process ended before %d reports were written; they are now",
            segment.path,
            segment.waiting,
        )
        left += [
            Recovered(SpooledReports(spool, whose), rs, segment) for whose, rs in by_whose.items()
        ]
    return left
