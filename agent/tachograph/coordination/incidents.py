"""Telling of an incident: written once, by whoever tells of it, in the background."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from google.cloud import firestore

from tachograph.firestore.writer import Document, OnWrite, Writer
from tachograph_schema.documents.coordination import IncidentKind
from tachograph_schema.paths import INCIDENTS, DocumentPath, incident_id


class CreateOnly:
    """Fields of a document that is only ever created: one that is there stays as it is."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = dict(fields)

    def next_fields(self, landed: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Return the fields, unless the document is there."""
        return self._fields if landed is None else None

    def wrote(self) -> None:
        """Nothing is left to be said."""


class Incidents:
    """Tells of one fleet's incidents, as one session sees them."""

    def __init__(
        self,
        client: firestore.Client,
        fleet: str,
        writer: Writer,
        on_write: OnWrite,
        *,
        agent: str,
        session_id: str,
    ) -> None:
        self._client, self._fleet = client, fleet
        self._writer, self._on_write = writer, on_write
        self._own = {"agent_id": agent, "session_id": session_id}

    def tell(
        self,
        kind: IncidentKind,
        *parts: str,
        at: datetime | None = None,
        **fields: str | None,
    ) -> None:
        """Tell of an incident that `parts` tell apart from others of its kind.

        Told again, it is the same document, so it is counted once, however often a write is tried
        again or the same thing is seen. When it happened is by the database's clock unless said.
        """
        said = {name: value for name, value in fields.items() if value is not None}
        happened = {"kind": kind, **self._own, **said, "occurred_at": at or _NOW}
        path = DocumentPath(self._fleet, INCIDENTS, incident_id(kind, *parts))
        document = Document(self._client, str(path), CreateOnly(happened), self._on_write)
        self._writer.soon(document, now=True)


_NOW = firestore.SERVER_TIMESTAMP
