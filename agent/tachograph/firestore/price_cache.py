"""A fleet's own price list, as this process last read it."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from google.cloud import firestore

from tachograph.process.fork import begins_anew, call
from tachograph_schema.paths import FLEETS, PRICES

if TYPE_CHECKING:
    from tachograph_schema.documents.price_sheet import PriceList

_log = logging.getLogger("tachograph")
REFRESH_S = 600.0
_TIMEOUT_S = 5.0
_FIRST_TIMEOUT_S = 20.0
"""Longer, because calls would be priced by the public lists although the fleet has its own."""
_AGAIN_S = 10.0
"""After how long a list that has never been read is tried again; the pause doubles each time."""
_MOST_DOUBLINGS = 10


class PriceCache:
    """The fleet's `prices/`: read at the first price, and again after ten minutes.

    Trouble is a warning, and the list read before stays. Without a list the public prices hold.
    """

    def __init__(self, client: firestore.Client, fleet: str) -> None:
        self._collection = f"{FLEETS}/{fleet}/{PRICES}"
        self._client = client
        self._lock = threading.Lock()
        self._tried_at: float | None = None
        self._known = False
        self._failures = 0
        self._prices: PriceList | None = None
        begins_anew(self)

    def forked(self) -> None:
        """Begin anew in a child: another thread of the parent may have held the lock."""
        self._lock = threading.Lock()

    def current(self) -> PriceList | None:
        """Return the list, or None where the fleet has none."""
        with self._lock:
            now = time.monotonic()
            if self._tried_at is None or now - self._tried_at >= self._pause_s():
                self._tried_at = now
                try:
                    self._prices = self._read(_TIMEOUT_S if self._known else _FIRST_TIMEOUT_S)
                    self._known = True
                except Exception as trouble:  # noqa: BLE001 - without its prices a fleet goes on
                    self._failures += 1
                    _log.warning("%s could not be read: %s", self._collection, trouble)
            return self._prices

    def _pause_s(self) -> float:
        """Return how long the last look holds."""
        if self._known:
            return REFRESH_S
        return min(REFRESH_S, _AGAIN_S * 2.0 ** min(self._failures - 1, _MOST_DOUBLINGS))

    def _read(self, timeout_s: float) -> PriceList | None:
        stored = self._client.collection(self._collection)
        with call():
            snapshots = stored.get(retry=None, timeout=timeout_s)
        documents = {snapshot.id: snapshot.to_dict() or {} for snapshot in snapshots}
        if not documents:
            return None
        from tachograph_schema.documents.price_sheet import read_prices  # noqa: PLC0415 - imports pydantic

        prices, problems = read_prices(documents)
        for problem in problems:
            _log.warning("%s: %s; the row is left out", self._collection, problem)
        return prices
