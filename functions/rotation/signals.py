"""signals/rotate_{session}_{generation}: raised once for each generation."""

from __future__ import annotations

import time
from typing import Any

from google.api_core.exceptions import AlreadyExists
from google.cloud import firestore

from rotation.crossing import rotation_signal
from rotation.lifecycle import read_session_of, settle
from rotation.thresholds import session_thresholds
from runtime.tracing import onward
from tachograph_schema.documents.session import Session
from tachograph_schema.paths import SIGNALS, DocumentPath, signal_id

_MAX_REMEMBERED = 50_000
_REMEMBERED_S = 60.0
_raised: dict[str, float] = {}
"""When this process last saw a signal, so that a low session's every write does not try again.

For a minute only: a session that was well again in the meantime is told anew, by its next write,
and one that is alive writes every so often.
"""


def raise_signal(db: firestore.Client, fleet: str, session_id: str, session: Session) -> bool:
    """Create a session's signal if it is low; False when it is not, or has one.

    The creation makes it exactly one. What an event raised that came late is settled at once.
    """
    fields = rotation_signal(session_id, session, session_thresholds(fleet, session))
    if fields is None:
        return False
    key = f"{fleet}/{signal_id('rotate', session_id, fields['generation'])}"
    if time.monotonic() - _raised.get(key, -_REMEMBERED_S) < _REMEMBERED_S:
        return False
    signal, created = _create(db, fleet, fields)
    if signal is None:
        return False
    if len(_raised) >= _MAX_REMEMBERED:
        _raised.clear()
    _raised[key] = time.monotonic()
    if created:
        settle(db, fleet, signal)
    return created


def _create(
    db: firestore.Client, fleet: str, fields: dict[str, Any]
) -> tuple[firestore.DocumentReference | None, bool]:
    """Return the signal that holds and whether it was created now; None for an event of the past.

    A session that was well again, and now is low again, has a further one.
    """
    session_id, generation, again = fields["session_id"], fields["generation"], 0
    traceparent = onward(fields.get("traceparent"))
    told = {} if traceparent is None else {"traceparent": traceparent}
    while True:
        name = signal_id("rotate", session_id, generation, again)
        ref = db.document(str(DocumentPath(fleet, SIGNALS, name)))
        try:
            ref.create({**fields, **told, "created_at": firestore.SERVER_TIMESTAMP})
        except AlreadyExists:
            there = ref.get().to_dict() or {}
            if there.get("expired_because") != "recovered":
                return ref, False
            if not _is_low(db, fleet, session_id, generation):
                return None, False
            again += 1
        else:
            return ref, True


def _is_low(db: firestore.Client, fleet: str, session_id: str, generation: int) -> bool:
    """Tell whether a session is low by what it says now, and not by an event that came late."""
    session = read_session_of(db, fleet, session_id)
    if session is None or (session.generation or 0) != generation:
        return False
    return rotation_signal(session_id, session, session_thresholds(fleet, session)) is not None
