"""alerts/{alert}: a rule that fired, open until its subject is well again."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import FailedPrecondition
from google.cloud import firestore

from runtime.firestore import document, fields_of, unchanged
from tachograph_schema.paths import ALERTS, DocumentPath

if TYPE_CHECKING:
    _Snapshot = firestore.DocumentSnapshot[Any]


def alert_on(
    db: firestore.Client,
    batch: firestore.WriteBatch,
    fleet: str,
    name: str,
    fields: Mapping[str, Any],
) -> None:
    """Open an alert in the commit of the change that it is about: both land, or neither does."""
    present = {field: value for field, value in fields.items() if value is not None}
    opened = {**present, "opened_at": firestore.SERVER_TIMESTAMP}
    batch.set(document(db, DocumentPath(fleet, ALERTS, name)), opened)


def open_alert(db: firestore.Client, fleet: str, name: str, fields: Mapping[str, Any]) -> bool:
    """Open an alert, anew if it was resolved; False when it is open already."""
    if _is_open(document(db, DocumentPath(fleet, ALERTS, name)).get()):
        return False
    batch = db.batch()
    alert_on(db, batch, fleet, name, fields)
    batch.commit()
    return True


def resolve_alert(db: firestore.Client, fleet: str, name: str) -> bool:
    """Resolve an alert; False when none is open."""
    ref = document(db, DocumentPath(fleet, ALERTS, name))
    while _is_open(alert := ref.get()):
        with suppress(FailedPrecondition):  # an operator took note of it in between
            ref.update({"resolved_at": firestore.SERVER_TIMESTAMP}, option=unchanged(alert))
            return True
    return False


def _is_open(alert: _Snapshot) -> bool:
    return alert.exists and fields_of(alert).get("resolved_at") is None
