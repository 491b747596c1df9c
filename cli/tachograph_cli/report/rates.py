"""Rates from published snapshots: two documents for a window, however long it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from google.cloud import firestore

from tachograph_cli.report.published import PATIENCE
from tachograph_schema.counters.rates import Rates, Totals, rates
from tachograph_schema.paths import FLEETS, SNAPSHOTS


def over(db: firestore.Client, fleet: str, window: timedelta) -> Rates | None:
    """Return the rates of the latest `window` of a fleet; None unless it has two snapshots.

    The rates end at the newest snapshot. They begin at the last snapshot before the window, or at
    the oldest where there is none; `span` is the time between the two.
    """
    return over_each(db, fleet, {"": window})[""]


def over_each(
    db: firestore.Client, fleet: str, windows: Mapping[str, timedelta]
) -> dict[str, Rates | None]:
    """Return the rates of several windows, which all end at the newest snapshot."""
    later = _first(_snapshots(db, fleet, newest=True))
    if later is None:
        return dict.fromkeys(windows)
    rates_by_window: dict[str, Rates | None] = {}
    for name, window in windows.items():
        until = firestore.FieldFilter("at", "<=", later.at - window)
        earlier = _first(_snapshots(db, fleet, newest=True).where(filter=until))
        earlier = earlier or _first(_snapshots(db, fleet, newest=False))
        rates_by_window[name] = None if earlier is None else rates(earlier, later)
    return rates_by_window


def _snapshots(db: firestore.Client, fleet: str, *, newest: bool) -> firestore.Query:
    direction = firestore.Query.DESCENDING if newest else firestore.Query.ASCENDING
    taken = db.collection(FLEETS, fleet, SNAPSHOTS).select(["at", "totals"])
    return taken.order_by("at", direction=direction)


def _first(query: firestore.Query) -> Totals | None:
    snapshots: list[Any] = query.limit(1).get(retry=PATIENCE)
    return Totals(snapshots[0].get("at"), snapshots[0].get("totals")) if snapshots else None
