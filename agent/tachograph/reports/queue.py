"""The reports of a session on one task that have not landed."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby, islice, takewhile
from typing import TYPE_CHECKING, Any, Protocol

from tachograph.process.fork import begins_anew
from tachograph.process.warnings import warn_once
from tachograph.reports.checked import checked_call, checked_fields, checked_parts
from tachograph.reports.report import Report, forked_reporter
from tachograph.reports.rising_spend import rising_spend
from tachograph.reports.task_fields import task_fields
from tachograph_schema.documents.task_release import lost_to_another
from tachograph_schema.periods import hour_of
from tachograph_schema.pricing.growth import is_billed
from tachograph_schema.pricing.price import cost_of

if TYPE_CHECKING:
    from tachograph.reports.spool import Segment
    from tachograph.reports.spool_lines import SpooledReports
    from tachograph_schema.documents.price_sheet import PriceList

_log = logging.getLogger("tachograph")
MAX_GROUP = 10_000


class Prices(Protocol):
    """The fleet's own prices."""

    def current(self) -> PriceList | None:
        """Return the list, or None where the fleet has none."""


class SpendListener(Protocol):
    """Learns of the cost of reports when they have landed."""

    def spent(self, nanousd: int) -> None:
        """Add a cost in nano-dollars; a correction may be negative."""

    def found(self, nanousd: int) -> None:
        """Note a cost in nano-dollars that landed before, and may be added already."""


class ReportQueue:
    """The reports that have not landed, in their order."""

    def __init__(
        self,
        reporter: str,
        session: str | None = None,
        listener: SpendListener | None = None,
        prices: Prices | None = None,
        spooled: SpooledReports | None = None,
    ) -> None:
        self.reporter, self.session = reporter, session
        self._listener, self._prices, self._spooled = listener, prices, spooled
        self._waiting: deque[Report] = deque()
        self._lines: deque[Segment | None] = deque()
        """For each waiting report, the file of the spool that holds it."""
        self._number = 0
        self._flushing: int | None = None
        """The reports that the present flush has still to write; None for all there are."""
        self._spent = 0
        self._most = MAX_GROUP
        self._in_flight = 0
        self._lock = threading.Lock()
        self.repeats = False
        """Whether an earlier process may have made the same reports, as a replay does."""
        self.lost = False
        """Whether another session holds the task, because this one was not heard of."""
        self.session_gone = False
        """Whether the session has stopped working on the task, and so takes no lost task back."""
        self.lowers = True
        """Whether a correction may lower what is recorded: an owner's may, as the rules say."""
        self.reopens = True
        """Whether an ended task may be begun again: by an orchestrator, but not by an agent."""
        begins_anew(self)

    def forked(self) -> None:
        """Begin a sequence of its own in a child: the parent writes what it was told."""
        self._lock = threading.Lock()
        self._waiting, self._lines = deque(), deque()
        self._number = self._in_flight = self._spent = 0
        self._flushing, self._most = None, MAX_GROUP
        self.reporter = forked_reporter(self.reporter, os.getpid())
        if self._spooled is not None:
            self._spooled.rename(self.reporter)

    def add(self, at: datetime | None, **parts: Any) -> None:  # noqa: ANN401 - as Report
        """Add one report, whose parts were checked where the agent said them."""
        with self._lock:
            self._number += 1
            report = Report(self._number, at or datetime.now(UTC), **parts)
            self._waiting.append(report)
            self._lines.append(None if self._spooled is None else self._spooled.keep(report))

    def restore(self, reports: Iterable[tuple[Report, Segment]]) -> None:
        """Take up the reports of a process that is gone, from their files in the spool."""
        with self._lock:
            self.session_gone = True
            for report, segment in sorted(reports, key=lambda kept: kept[0].number):
                self._waiting.append(_checked(report))
                self._lines.append(segment)

    def begin_flush(self) -> bool:
        """Write the reports there are now: a flush must end, however fast others come."""
        self._flushing = len(self._waiting)
        return True

    def next_fields(self, landed: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Return the fields of the next write: the reports of one hour."""
        landed = landed or {}
        with self._lock:
            number = int((landed.get("reports") or {}).get(self.reporter, 0))
            there = list(takewhile(lambda r: r.number <= number, self._waiting))
            self._drop(len(there))
            most = self._most if self._flushing is None else min(self._most, self._flushing)
            group = next(_by_hour(islice(self._waiting, most)), [])
        self._in_flight = len(group)
        self._tell_of(there)
        if not group:
            return None
        group = self._read(group)
        prices = self._prices_for(group)
        self._warn_if_lost(landed)
        fields = task_fields(
            landed,
            self.reporter,
            group,
            self.session,
            prices,
            session_gone=self.session_gone,
            reopens=self.reopens,
        )
        if not self.lowers:
            fields = self._risen(landed, fields)
        cost = landed.get("cost_nanousd") or 0
        self._spent = fields.get("cost_nanousd", cost) - cost
        return fields

    def shrink(self) -> bool:
        """Write one report at a time, after a refusal; False where that is already so.

        The rules evaluate at most 1,000 expressions for a write. A write that changes every tool,
        model and field of a task at once can exceed that, and its parts do not.
        """
        smaller, self._most = self._in_flight > 1, 1
        return smaller

    def set_aside(self) -> bool:
        """Take the part out of the first report that no write can hold; False without one.

        First its fields go, because they are the agent's own; then all but its number.
        """
        with self._lock:
            if not self._waiting or not self._in_flight:
                return False
            first = self._waiting[0]
            bare = Report(first.number, first.at)
            rest = replace(first, fields={}, identity={})
            if first in (rest, bare):
                rest = bare
            self._waiting[0] = rest
            return first != bare

    def wrote(self) -> None:
        """Drop the reports that have landed."""
        with self._lock:
            self._drop(self._in_flight)
        self._most = min(MAX_GROUP, 2 * self._most)
        if self._spent and self._listener is not None:
            self._listener.spent(self._spent)

    def _tell_of(self, there: list[Report]) -> None:
        """Tell the session of reports that have landed although no answer said so."""
        if not there or self._listener is None:
            return
        there = list(map(read_usage, there))
        prices = self._prices_for(there)
        cost = sum(cost_of(call, prices) or 0 for report in there for call in report.calls)
        if cost:
            (self._listener.found if self.repeats else self._listener.spent)(cost)

    def _prices_for(self, reports: Iterable[Report]) -> PriceList | None:
        unpriced = any(not is_billed(call) for report in reports for call in report.calls)
        return self._prices.current() if unpriced and self._prices is not None else None

    def _risen(self, landed: Mapping[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
        """Leave out what a correction would take back of spend that has landed."""
        risen = rising_spend(landed, fields)
        if risen != fields:
            warn_once(
                self.reporter,
                "%s: a correction lowers spend that is recorded, which the owner alone may; that "
                "part is left out",
                self.reporter,
            )
        return risen

    def _warn_if_lost(self, landed: Mapping[str, Any]) -> None:
        """Warn, once, that another session holds the task."""
        if self.lost or self.session is None or not lost_to_another(landed, self.session):
            return
        self.lost = True
        _log.warning(
            "session %s was not heard of and lost its task to session %s; stop working on it: "
            "what was spent is counted",
            self.session,
            landed["session_id"],
        )

    def _read(self, group: list[Report]) -> list[Report]:
        """Read the responses of the group's reports, each once."""
        for place, report in enumerate(group):
            if report.deferred is not None:
                group[place] = read_usage(report)
                with self._lock:
                    self._waiting[place] = group[place]
        return group

    def _drop(self, landed: int) -> None:
        if landed:
            if self._flushing is not None:
                self._flushing = max(0, self._flushing - landed)
            lines = [self._lines.popleft() for _ in range(landed)]
            for _ in range(landed):
                self._waiting.popleft()
            if self._spooled is not None:
                self._spooled.landed(lines)


def read_usage(report: Report) -> Report:
    """Return a report with the usage of its response."""
    if report.deferred is None:
        return report
    usage = report.deferred.read()
    return replace(
        report,
        calls=report.calls + tuple(map(checked_call, usage.calls)),
        fields={**report.fields, **checked_fields("tasks", usage.fields)},
        identity={**report.identity, **checked_fields("tasks", usage.identity)},
        deferred=None,
    )


def _by_hour(reports: Iterable[Report]) -> Iterator[list[Report]]:
    """Split reports where the hour changes: a write's change belongs to one hour."""
    for _, group in groupby(reports, key=lambda report: hour_of(report.at)):
        yield list(group)


def _checked(report: Report) -> Report:
    """Return a report out of a file, which anybody may have written."""
    names = ("fields", "identity", "counts", "calls", "tool", "tool_ms")
    at, parts = checked_parts(report.at, {name: getattr(report, name) for name in names})
    return replace(report, at=at or report.at, **parts)
