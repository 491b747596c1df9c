"""alerts/{alert}: a rule that fired, open until what it is about is well again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.api_core.exceptions import FailedPrecondition
from google.cloud import firestore

from tachograph_schema.paths import ALERTS, DocumentPath


def alert_on(
    db: firestore.Client,
    batch: firestore.WriteBatch,
    fleet: str,
    name: str,
    fields: Mapping[str, Any],
) -> None:
    """Open an alert in the commit of what it is about: there is no one without the other."""
    said = {name: value for name, value in fields.items() if value is not None}
    batch.set(_ref(db, fleet, name), {**said, "opened_at": firestore.SERVER_TIMESTAMP})


def open_alert(db: firestore.Client, fleet: str, name: str, fields: Mapping[str, Any]) -> bool:
    """Open an alert, anew if it was resolved; False when it is open already."""
    if _is_open(_ref(db, fleet, name).get()):
        return False
    batch = db.batch()
    alert_on(db, batch, fleet, name, fields)
    batch.commit()
    return True


def resolve_alert(db: firestore.Client, fleet: str, name: str) -> bool:
    """Say that what an alert is about is well again; False when none is open."""
    found = _ref(db, fleet, name).get()
    if not _is_open(found):
        return False
    unchanged = db.write_option(last_update_time=found.update_time)
    try:
        found.reference.update({"resolved_at": firestore.SERVER_TIMESTAMP}, option=unchanged)
    except FailedPrecondition:
        return False  # somebody resolved it, or opened it anew, in between
    return True


def _is_open(found: firestore.DocumentSnapshot[Any]) -> bool:
    return found.exists and (found.to_dict() or {}).get("resolved_at") is None


def _ref(db: firestore.Client, fleet: str, name: str) -> firestore.DocumentReference:
    return db.document(str(DocumentPath(fleet, ALERTS, name)))
