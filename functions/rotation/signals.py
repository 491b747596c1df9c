"""signals/rotate_{session}_{generation}: raised once for each generation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.api_core.exceptions import AlreadyExists
from google.cloud import firestore

from rotation.crossing import rotation_signal
from rotation.lifecycle import settle
from rotation.state import read_session_of
from runtime.cache import Cache
from runtime.firestore import document, fields_of
from runtime.tracing import onward
from tachograph_schema.fields import is_id
from tachograph_schema.paths import SIGNALS, DocumentPath, signal_id
from tachograph_schema.rotation.thresholds import Thresholds

_raised: Cache[str, bool] = Cache(max_entries=50_000, max_age_s=60)
"""The signals that this process saw lately, so that a low session's writes do not try again.

For a minute only: a session that was well again in the meantime is told anew by its next write,
and a session that is alive writes every so often.
"""


def raise_signal(
    db: firestore.Client, fleet: str, fields: Mapping[str, Any], at: Thresholds
) -> bool:
    """Create the signal that tells a session to rotate; False when it has one.

    The creation makes it exactly one. A signal that was raised by an event that came late is
    settled at once. A session whose id is longer than a name may be gets none, because nothing
    could refer to it.
    """
    name = signal_id("rotate", fields["session_id"], fields["generation"])
    key = f"{fleet}/{name}"
    if not is_id(fields["session_id"]) or _raised.get(key):
        return False
    signal, created = _create(db, fleet, fields, at)
    if signal is None:
        return False
    _raised.put(key, value=True)
    if created:
        settle(db, fleet, signal, at)
    return created


def _create(
    db: firestore.Client, fleet: str, fields: Mapping[str, Any], at: Thresholds
) -> tuple[firestore.DocumentReference | None, bool]:
    """Return the signal that holds and whether it was created now; None for an event of the past.

    A session that was well again, and now is low again, has a further signal.
    """
    session_id, generation = fields["session_id"], fields["generation"]
    traceparent = onward(fields.get("traceparent"))
    trace = {} if traceparent is None else {"traceparent": traceparent}
    again = 0
    while True:
        name = signal_id("rotate", session_id, generation, again)
        ref = document(db, DocumentPath(fleet, SIGNALS, name))
        try:
            ref.create({**fields, **trace, "created_at": firestore.SERVER_TIMESTAMP})
        except AlreadyExists:
            if fields_of(ref.get()).get("expired_because") != "recovered":
                return ref, False
            if not _is_low(db, fleet, session_id, generation, at):
                return None, False
            again = _next(db, fleet, fields, again)
        else:
            return ref, True


def _next(db: firestore.Client, fleet: str, fields: Mapping[str, Any], again: int) -> int:
    """Return the number of the newest signal after one that recovered, or else of a new one.

    The numbers have no gap, so their end is found in steps that double, and then halve: 100
    recoveries take 14 reads.
    """

    def recovered(n: int) -> bool:
        name = signal_id("rotate", fields["session_id"], fields["generation"], n)
        signal = fields_of(document(db, DocumentPath(fleet, SIGNALS, name)).get())
        return signal.get("expired_because") == "recovered"

    low, step = again, 1
    while recovered(low + step):
        low, step = low + step, 2 * step
    high = low + step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if recovered(middle) else (low, middle)
    return high


def _is_low(
    db: firestore.Client, fleet: str, session_id: str, generation: int, at: Thresholds
) -> bool:
    """Tell whether a session is low as it stands now, and not by an event that came late."""
    session = read_session_of(db, fleet, session_id)
    if session is None or (session.generation or 0) != generation:
        return False
    return rotation_signal(session_id, session, at) is not None
