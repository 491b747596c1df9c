"""alerts/tick_incomplete_{kind}: open while units of that kind fail in a fleet's ticks."""

from __future__ import annotations

from collections.abc import Mapping

from google.cloud import firestore

from alerting.alerts import open_alert, resolve_alert
from alerting.rules import RULES
from runtime.cache import Cache
from runtime.firestore import equals, fields_of
from runtime.policy import MAX_FLEETS
from runtime.units import Units
from tachograph_schema.paths import ALERTS, FLEETS

_RULE = RULES["tick_incomplete"]
_NAMED = 5
_open: Cache[str, frozenset[str]] = Cache(MAX_FLEETS, max_age_s=600)
"""By fleet: the kinds whose alerts are open, as this process knows them."""


def tell(db: firestore.Client, fleet: str, units: Units) -> None:
    """Open an alert for each kind of unit that failed, and resolve those of kinds that did not.

    A fleet whose ticks are whole costs one read in ten minutes of each process.
    """
    known = _open.get(fleet)
    if known is None:
        known = _read(db, fleet)
    failed = frozenset(units.failed)
    for kind in sorted(failed - known):
        names = units.failed[kind]
        alert = _RULE.alert(value=len(names), threshold=0, subject=kind, units=words(kind, names))
        open_alert(db, fleet, _name(kind), alert)
    well = (known - failed) & units.done.keys()
    for kind in sorted(well):
        resolve_alert(db, fleet, _name(kind))
    _open.put(fleet, (known | failed) - well)


def words(kind: str, failed: Mapping[str, str]) -> str:
    """Name the units that failed and their kinds of error, the first five by name."""
    named = [f"{name} ({failed[name]})" for name in sorted(failed)[:_NAMED]]
    more = len(failed) - len(named)
    return f"{kind} " + ", ".join(named) + (f" and {more} more" if more else "")


def _name(kind: str) -> str:
    return f"{_RULE.name}_{kind}"


def _read(db: firestore.Client, fleet: str) -> frozenset[str]:
    alerts = db.collection(FLEETS, fleet, ALERTS).where(filter=equals("rule", _RULE.name))
    found = map(fields_of, alerts.stream())
    return frozenset(a["subject"] for a in found if a.get("resolved_at") is None)
