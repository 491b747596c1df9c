"""What all sessions of a fleet in one process have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.cloud import firestore

from tachograph.firestore.identity import role_of
from tachograph.firestore.price_cache import Pricing
from tachograph.firestore.writer import Document, OnWrite, Writer
from tachograph.reports.queue import ReportQueue
from tachograph.reports.spool import Spool
from tachograph.rotation.context_level import ContextLevels
from tachograph_schema.paths import TASKS, DocumentPath

if TYPE_CHECKING:
    from tachograph.tracing.tracer import Tracer


@dataclass(frozen=True)
class Runtime:
    """A fleet's database and prices, and what writes, spools and traces."""

    client: firestore.Client
    fleet: str
    writer: Writer
    on_write: OnWrite
    pricing: Pricing
    levels: ContextLevels
    spool: Spool
    tracer: Tracer | None

    def task(self, task_id: str, reports: ReportQueue) -> Document:
        """Return the document of a task, as the reports fill it."""
        reports.reopens = role_of(self.client) != "agent"
        path = DocumentPath(self.fleet, TASKS, task_id)
        return Document(self.client, str(path), reports, self.on_write)
