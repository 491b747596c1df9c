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
        self._more_nanousd = 0

    def set(self, report: Report) -> None:
        """Set the totals to write."""
        self._report = report

    def reads_first(self) -> bool:
        """Say that the document is to be read before it is written for the first time."""
        return True

    def next_fields(self, landed: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Return the totals, unless those of a later bill have landed."""
        report, before = self._report, landed or {}
        if report is None or (landed is None and not report.calls):
            return None
        if report.number <= ((before.get("reports") or {}).get(self._reporter) or 0):
            return None
        prices = self._prices.current() if self._prices is not None else None
        fields = task_fields({}, self._reporter, [report], prices=prices)
        if before.get("usage_by_model"):
            fields["usage_by_model"] = used_by_model(fields)
        fields = {**{name: 0 for name in MODEL_COUNTS if before.get(name)}, **fields}
        fields["reports"] = {**(before.get("reports") or {}), **fields["reports"]}
        if not self.lowers:
            fields = rising_spend(before, fields)
        spent = fields.get("cost_nanousd", before.get("cost_nanousd")) or 0
        self._more_nanousd = spent - (before.get("cost_nanousd") or 0)
        return fields

    def wrote(self) -> None:
        """Add the change to the session's cost."""
        self._report = None
        if self._more_nanousd:
            self._listener.spent(self._more_nanousd)
