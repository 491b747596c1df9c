"""A fleet in one process, as its sessions share it; and the beginning of a session."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from tachograph.firestore.database import FleetDatabase
from tachograph.firestore.document import Document
from tachograph.firestore.identity import role_of
from tachograph.firestore.price_cache import PriceCache
from tachograph.process.warnings import words_of
from tachograph.reports.queue import ReportQueue
from tachograph.reports.recovery import recover
from tachograph.reports.spool import Spool
from tachograph.rotation.context_level import ContextLevels
from tachograph.rotation.succession import Succession
from tachograph.session.bill import BillTotals
from tachograph.session.late_lineage import LateLineage
from tachograph.session.left_spend import LeftSpend
from tachograph_schema.paths import SESSIONS, TASKS

if TYPE_CHECKING:
    from tachograph.tracing.tracer import Tracer

_log = logging.getLogger("tachograph")


@dataclass(frozen=True, slots=True)
class Runtime:
    """One fleet in one process."""

    database: FleetDatabase
    prices: PriceCache
    levels: ContextLevels
    spool: Spool
    tracer: Tracer | None

    def task_document(self, task_id: str, reports: ReportQueue) -> Document:
        """Return the document of a task that the reports fill."""
        reports.reopens, reports.lowers = self._role != "agent", self._corrects
        return self.database.document(TASKS, task_id, reports)

    def bill_document(self, task_id: str, totals: BillTotals) -> Document:
        """Return the document of the task that holds a session's bill."""
        totals.lowers = self._corrects
        return self.database.document(TASKS, task_id, totals)

    def lineage_document(self, task_id: str, lineage: Mapping[str, Any]) -> Document | None:
        """Return a task's document, to be told late what spawned it; an owner alone may do that."""
        if not self._corrects:
            return None
        return self.database.document(TASKS, task_id, LateLineage(lineage))

    @property
    def _role(self) -> str | None:
        return role_of(self.database.client)

    @property
    def _corrects(self) -> bool:
        """Whether what has landed may be corrected: an owner may, as the rules say."""
        return self._role in (None, "owner")

    def recover(self) -> None:
        """Write the reports that processes of this fleet, now gone, left on this machine."""
        listeners: dict[str, LeftSpend] = {}
        for recovered in recover(self.spool):
            key = recovered.spooled.key
            try:
                listener = self._left_spend(key.session, listeners)
                reports = ReportQueue(
                    key.reporter, key.session, listener, self.prices, recovered.spooled
                )
                document = self.task_document(key.task_id, reports)
                reports.restore(recovered.reports)
            except Exception as trouble:  # noqa: BLE001 - anybody may have written the file
                files = [segment for _, segment in recovered.reports]
                _log.warning("%s: %s; its lines are left out", files[0].path, words_of(trouble))
                recovered.spooled.landed(files)
                continue
            self.database.writer.soon(document, now=True)

    def _left_spend(self, session: str | None, known: dict[str, LeftSpend]) -> LeftSpend | None:
        """Return what adds the cost of recovered reports to their session."""
        if session is None:
            return None
        if session not in known:
            known[session] = left = LeftSpend()
            document = self.database.document(SESSIONS, session, left)
            left.soon = partial(self.database.writer.soon, document, now=True)
        return known[session]


@dataclass(frozen=True, slots=True)
class SessionStart:
    """The beginning of a session."""

    id: str
    agent: str
    reporter: str
    fields: Mapping[str, Any]
    """The first fields of its document, `agent_id` among them."""
    window_tokens: int | None
    at: datetime | None
    heartbeat_s: int | None
    succession: Succession | None
    replayed: bool
