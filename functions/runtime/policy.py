"""A fleet's policies, remembered for a minute, so that an event reads nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from typing import Any

from runtime.cache import Cache
from runtime.firestore import db, fields_of
from runtime.settings import settings
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.documents.price_sheet import read_prices
from tachograph_schema.parsing import parse
from tachograph_schema.paths import FLEETS, PRICES

_log = logging.getLogger(__name__)
MAX_FLEETS = 1000
"""Fleets that a process remembers something of."""


def policy(fleet: str) -> Fleet:
    """Return what the owner of a fleet has set, at most `TACHOGRAPH_POLICY_SECONDS` old."""
    cached = _policies().get(fleet)
    if cached is not None:
        return cached
    ref = db().document(FLEETS, fleet)
    sheets = {sheet.id: fields_of(sheet) for sheet in ref.collection(PRICES).stream()}
    current = read_policy(fleet, fields_of(ref.get()), sheets)
    _policies().put(fleet, current)
    return current


def read_policy(
    fleet: str, fields: Mapping[str, Any], sheets: Mapping[str, Mapping[str, Any]]
) -> Fleet:
    """Read a fleet's document and its price sheets; a field that does not parse is logged."""
    policies, problems = parse(Fleet, {k: v for k, v in fields.items() if k != "prices"})
    for problem in problems:
        _log.warning("fleets/%s: %s; the default is used", fleet, problem)
    prices, refused = read_prices(sheets)
    for problem in refused:
        _log.warning("fleets/%s/%s; the row is left out", fleet, problem)
    return policies.model_copy(update={"prices": prices if prices.rows else None})


@cache
def _policies() -> Cache[str, Fleet]:
    return Cache(MAX_FLEETS, settings().policy_seconds)
