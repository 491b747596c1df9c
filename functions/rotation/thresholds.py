"""The thresholds of a session: its fleet's, with those that outcomes taught.

Learned thresholds are read from `baselines/` and remembered for a minute. Only a fleet whose
rotation policy is `learned` reads them, and its policy's bounds hold for every one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from google.cloud import firestore

from runtime.cache import Cache
from runtime.firestore import db, fields_of
from runtime.policy import MAX_FLEETS, policy
from runtime.settings import settings
from tachograph_schema.documents.session import Session
from tachograph_schema.paths import BASELINES, FLEETS
from tachograph_schema.rotation.thresholds import Thresholds, thresholds

_FIELDS = ("task_type", "model", "rotate_below_pct")
_Learned = Mapping[tuple[str, str], float]
"""Percent of the window that is left, by type of task and model."""


def session_thresholds(fleet: str, session: Session) -> Thresholds:
    """Return the thresholds of a session."""
    rotation = policy(fleet).rotation
    learned_pct = None
    if rotation.policy == "learned":
        learned_pct = learned_threshold_pct(fleet, session.task_type, session.model)
    return thresholds(session, rotation, learned_pct)


def learned_threshold_pct(fleet: str, task_type: str | None, model: str | None) -> float | None:
    """Return the context left below which such tasks end worse, in percent; None if unknown.

    It is the threshold that the outcomes support, before the policy's bounds. One query of a fleet
    in `TACHOGRAPH_POLICY_SECONDS`, which reads only the baselines that learned a threshold.
    """
    if task_type is None or model is None:
        return None
    learned = _cache().get(fleet)
    if learned is None:
        learned = _read(db(), fleet)
        _cache().put(fleet, learned)
    return learned.get((task_type, model))


def _read(client: firestore.Client, fleet: str) -> _Learned:
    """Read the baselines that learned; ordering by a field leaves out those without it."""
    baselines = client.collection(FLEETS, fleet, BASELINES).select(_FIELDS)
    rows = map(fields_of, baselines.order_by("rotate_below_pct").stream())
    return {
        (row["task_type"], row["model"]): float(row["rotate_below_pct"])
        for row in rows
        if row["rotate_below_pct"] is not None
    }


@cache
def _cache() -> Cache[str, _Learned]:
    return Cache(MAX_FLEETS, settings().policy_seconds)
