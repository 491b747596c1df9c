"""Incidents: written once, by any session that sees one, in the background."""

from __future__ import annotations

import secrets
from datetime import datetime

from google.cloud.firestore import SERVER_TIMESTAMP

from tachograph.firestore.database import FleetDatabase
from tachograph.firestore.document import CreateOnly
from tachograph.reports.checked import checked_fields
from tachograph_schema.documents.coordination import IncidentKind
from tachograph_schema.paths import INCIDENTS, incident_id


class Incidents:
    """Writes one fleet's incidents, as one session sees them."""

    def __init__(self, database: FleetDatabase, *, agent: str, session_id: str) -> None:
        self._database = database
        self._own = {"agent_id": agent, "session_id": session_id}
        self._nonce = secrets.token_hex(8)

    def write(
        self,
        kind: IncidentKind,
        *parts: str,
        at: datetime | None = None,
        shared: bool = False,
        **fields: str | None,
    ) -> None:
        """Write an incident; `parts` distinguish it from others of its kind.

        An incident that is written again is the same document. So it counts once, however often a
        write is repeated. One that is `shared` is the same document whoever sees it; nobody else
        can foresee the id of another, and so write that document first. Without `at` the database
        dates it.
        """
        given = {name: value for name, value in fields.items() if value is not None}
        incident = {"kind": kind, **self._own, **given, "occurred_at": at or SERVER_TIMESTAMP}
        name = incident_id(kind, *parts, *(() if shared else (self._nonce,)))
        document = self._database.document(
            INCIDENTS, name, CreateOnly(checked_fields("incidents", incident))
        )
        self._database.writer.soon(document, now=True)
