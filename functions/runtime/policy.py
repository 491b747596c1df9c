"""A fleet's policies, remembered for a minute, so that an event reads nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from runtime.firestore import db
from runtime.settings import settings
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.documents.price_sheet import read_prices
from tachograph_schema.parsing import parse
from tachograph_schema.paths import FLEETS, PRICES

_log = logging.getLogger(__name__)
_MAX_FLEETS = 1000
_remembered: dict[str, tuple[float, Fleet]] = {}


def policy(fleet: str) -> Fleet:
    """Return what the owner of a fleet has set, at most `TACHOGRAPH_POLICY_SECONDS` old."""
    now = time.monotonic()
    known = _remembered.get(fleet)
    if known is not None and now - known[0] < settings().policy_seconds:
        return known[1]
    ref = db().document(FLEETS, fleet)
    sheets = {sheet.id: sheet.to_dict() or {} for sheet in ref.collection(PRICES).stream()}
    found = read_policy(fleet, ref.get().to_dict() or {}, sheets)
    if len(_remembered) >= _MAX_FLEETS:
        _remembered.clear()
    _remembered[fleet] = (now, found)
    return found


def read_policy(
    fleet: str, fields: Mapping[str, Any], sheets: Mapping[str, Mapping[str, Any]]
) -> Fleet:
    """Read a fleet's document and its price sheets; what does not parse is left out, and logged."""
    found, problems = parse(Fleet, {k: v for k, v in fields.items() if k != "prices"})
    for problem in problems:
        _log.warning("fleets/%s: %s; the default is used", fleet, problem)
    prices, refused = read_prices(sheets)
    for problem in refused:
        _log.warning("fleets/%s/%s; the row is left out", fleet, problem)
    return found.model_copy(update={"prices": prices if prices.rows else None})
