"""The task that holds what a session's own bill says beyond its calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tachograph.reports.report import Report
from tachograph.reports.rising_spend import rising_spend
from tachograph.reports.task_fields import MODEL_COUNTS, task_fields, used_by_model

if TYPE_CHECKING:
    from tachograph.reports.queue import Prices, SpendListener

TASK_TYPE = "session_bill"
_Rows = dict[str, dict[str, Any]]


def bill_task(session: str) -> str:
    """Return the id of the task that holds a session's correction."""
    return f"{session}-bill"


class BillTotals:
    """The totals of that task, which replace those of an earlier bill and add to nothing.

    The number of the report says which of two bills is the later, whoever writes it and when.
    """

    def __init__(self, reporter: str, prices: Prices | None, listener: SpendListener) -> None:
        self.lowers = True
        """Whether a later bill may lower what is recorded: an owner's may, as the rules say."""
        self._reporter, self._prices, self._listener = f"{reporter}.bill", prices, listener
        self._report: Report | None = None
        self._one_by_one = self._more_to_come = False
        self._recorded = 0, 0
        """Nano-dollars that the task had, and that the write in flight adds."""
        self._looked = False
        """Whether the session knows what the task had before this process wrote it."""

    def set(self, report: Report) -> None:
        """Set the totals to write."""
        self._report = report

    def reads_first(self) -> bool:
        """Say that the document is to be read before it is written for the first time."""
        return True

    def shrink(self) -> bool:
        """Write one model at a time, after a refusal; False where that is already so.

        The rules evaluate at most 1,000 expressions for a write, and many models exceed that.
        """
        smaller, self._one_by_one = self._more_to_come or not self._one_by_one, True
        return smaller

    def next_fields(self, landed: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Return the totals, unless those of a later bill have landed."""
        report, before = self._report, landed or {}
        if report is None or (landed is None and not report.calls):
            return None
        recorded = before.get("cost_nanousd") or 0
        if report.number <= ((before.get("reports") or {}).get(self._reporter) or 0):
            self._report = None
            self._tell(recorded, 0)
            return None
        fields = self._fields(report, before)
        if not self.lowers:
            fields = rising_spend(before, fields)
        self._recorded = recorded, (fields.get("cost_nanousd", recorded) or 0) - recorded
        return fields

    def wrote(self) -> None:
        """Add the change to the session's cost."""
        if not self._more_to_come:
            self._report = None
        self._tell(*self._recorded)

    def _fields(self, report: Report, before: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields that change: of all models, or of one."""
        prices = self._prices.current() if self._prices is not None else None
        fields = task_fields({}, self._reporter, [report], prices=prices)
        rows, target = used_by_model(before), used_by_model(fields)
        other = [name for name in {**rows, **target} if rows.get(name) != target.get(name)]
        now = other[:1] if self._one_by_one else other
        self._more_to_come = len(now) < len(other)
        for name in now:
            rows[name] = target.get(name, {})
        rows = {name: row for name, row in rows.items() if row}
        fields |= _totals(rows, before)
        landing = {} if self._more_to_come else fields["reports"]
        kept = {name for name in report.identity if before.get(name) is not None}
        changed = {n: v for n, v in fields.items() if n not in kept and before.get(n) != v}
        reports = {**(before.get("reports") or {}), **landing}
        return {**changed, "reported_at": report.at, "reports": reports}

    def _tell(self, recorded: int, more: int) -> None:
        if recorded and not self._looked:
            self._listener.found(recorded)
        self._looked = True
        if more:
            self._listener.spent(more)


def _totals(rows: _Rows, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the totals of a task by its models' rows, 0 where there are none any more."""
    totals: dict[str, Any] = {}
    for name in MODEL_COUNTS:
        n = sum(row.get(name, 0) for row in rows.values())
        if n or before.get(name):
            totals[name] = n
    if len(rows) > 1 or before.get("usage_by_model"):
        return {**totals, "usage_by_model": rows}
    return {**totals, "model": next(iter(rows), before.get("model"))}
