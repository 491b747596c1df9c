"""What a session has to say of one task and has not written yet."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any

from tachograph.reports.report import Report, by_hour, landed_number, whole
from tachograph.reports.task_fields import folded
from tachograph_schema.documents.task_release import lost_to_another

if TYPE_CHECKING:
    from tachograph.reports.recovery import SpooledReports
    from tachograph.reports.spool import Segment
    from tachograph_schema.documents.price_sheet import PriceList

_log = logging.getLogger("tachograph")
MAX_GROUP = 10_000


class ReportQueue:
    """The reports that have not landed, in their order."""

    def __init__(
        self,
        reporter: str,
        session: str | None = None,
        on_spent: Callable[[int], None] | None = None,
        prices: Callable[[], PriceList | None] = lambda: None,
        kept: SpooledReports | None = None,
    ) -> None:
        self.reporter, self.session = reporter, session
        self._kept = kept
        self._lines: deque[Segment | None] = deque()
        """For each report that waits, where it is spooled."""
        self._on_spent = on_spent
        self._prices = prices
        self._spent = 0
        self._number = 0
        self.lost = False
        """Whether another session has the task, which this one lost."""
        self.gone = False
        """Whether the session works on it no more: it takes nothing back that it lost."""
        self._waiting: deque[Report] = deque()
        self.reopens = True
        """Whether a task that is over may be begun again: by an orchestrator, not by an agent."""
        self._most = MAX_GROUP
        self._lock = threading.Lock()
        self._in_flight = 0

    def say(self, at: datetime | None, **said: Any) -> None:  # noqa: ANN401 - as Report
        """Add one report."""
        with self._lock:
            self._number += 1
            report = Report(self._number, at or datetime.now(UTC), **said)
            self._waiting.append(report)
            self._lines.append(None if self._kept is None else self._kept.keep(report))

    def restore(self, reports: Iterable[Report], segment: Segment) -> None:
        """Take up the reports of a process that is gone, from the file they are in."""
        with self._lock:
            self.gone = True
            for report in sorted(reports, key=lambda report: report.number):
                self._waiting.append(report)
                self._lines.append(segment)

    def next_fields(self, landed: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Return the fields of the next write: what was said within one hour."""
        with self._lock:
            number = landed_number(landed, self.reporter)
            self._drop(sum(1 for _ in takewhile(lambda r: r.number <= number, self._waiting)))
            group = next(by_hour(islice(self._waiting, self._most)), [])
        self._in_flight = len(group)
        if not group:
            return None
        group = self._read(group)
        to_price = any(call.cost_nanousd is None for report in group for call in report.calls)
        prices = self._prices() if to_price else None
        self._heed(landed or {})
        fields = folded(
            landed or {},
            self.reporter,
            group,
            self.session,
            prices,
            gone=self.gone,
            reopens=self.reopens,
        )
        cost = (landed or {}).get("cost_nanousd") or 0
        self._spent = fields.get("cost_nanousd", cost) - cost
        return fields

    def shrink(self) -> bool:
        """Say less at a time, since what was said at once was refused; False where that is least.

        The rules evaluate a thousand expressions for a write: one that changes every tool, model
        and field of a task at once can be too much for them, and its parts are not.
        """
        smaller, self._most = self._in_flight > 1, 1
        return smaller

    def _heed(self, landed: Mapping[str, Any]) -> None:
        """Say once that the task was lost, if it was."""
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
        """Have the group's reports say what they had to say later, once."""
        for place, report in enumerate(group):
            if report.later is not None:
                group[place] = whole(report)
                with self._lock:
                    self._waiting[place] = group[place]
        return group

    def wrote(self) -> None:
        """Drop what has landed."""
        with self._lock:
            self._drop(self._in_flight)
        self._most = min(MAX_GROUP, 2 * self._most)
        if self._spent and self._on_spent is not None:
            self._on_spent(self._spent)

    def _drop(self, landed: int) -> None:
        if landed:
            lines = [self._lines.popleft() for _ in range(landed)]
            for _ in range(landed):
                self._waiting.popleft()
            if self._kept is not None:
                self._kept.landed(lines)
