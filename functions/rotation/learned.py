"""What the outcomes taught: the thresholds of `baselines/`, remembered for a minute.

Only a fleet whose rotation policy is `learned` asks, and its policy's bounds hold whatever is here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from google.cloud import firestore

from runtime.firestore import db
from runtime.settings import settings
from tachograph_schema.paths import BASELINES, FLEETS

_MAX_FLEETS = 1000
_FIELDS = ("task_type", "model", "rotate_below_pct")
_Thresholds = Mapping[tuple[str, str], float]
_remembered: dict[str, tuple[float, _Thresholds]] = {}


def learned_threshold_pct(fleet: str, task_type: str | None, model: str | None) -> float | None:
    """Return the context left below which such tasks end worse; None where that is not known.

    It is what the outcomes support, whatever the policy's bounds are. One query of a fleet in
    `TACHOGRAPH_POLICY_SECONDS`, which reads only the baselines that learned a threshold.
    """
    if task_type is None or model is None:
        return None
    return _thresholds(fleet).get((task_type, model))


def _thresholds(fleet: str) -> _Thresholds:
    now = time.monotonic()
    known = _remembered.get(fleet)
    if known is not None and now - known[0] < settings().policy_seconds:
        return known[1]
    found = _read(db(), fleet)
    if len(_remembered) >= _MAX_FLEETS:
        _remembered.clear()
    _remembered[fleet] = (now, found)
    return found


def _read(client: firestore.Client, fleet: str) -> _Thresholds:
    """Read the baselines that learned; ordering by a field leaves out those without it."""
    baselines = client.collection(FLEETS, fleet, BASELINES).select(_FIELDS)
    rows = [found.to_dict() or {} for found in baselines.order_by("rotate_below_pct").stream()]
    return {
        (row["task_type"], row["model"]): float(row["rotate_below_pct"])
        for row in rows
        if row["rotate_below_pct"] is not None
    }
