"""DeepSeek's peak hours, which genai-prices' list cannot say: they have weekdays and a first day.

Since 2026-08-17 the tokens of its V4 models cost twice as much from 01:00 to 04:00 and from 06:00
to 10:00 UTC, Monday to Friday (api-docs.deepseek.com, pricing; genai-prices #582).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, Provider

_SINCE = datetime(2026, 8, 17, tzinfo=UTC)
_HOURS = (range(1, 4), range(6, 10))
_WEEKEND = 5
_OFF_PEAK_HOUR = 12


def off_peak(info: ModelInfo, host: Provider, at: datetime) -> tuple[datetime, int]:
    """Return the moment at which the list has the day's price off peak, and what multiplies it."""
    if host.id != "deepseek" or not _has_peaks(info):
        return at, 1
    utc = at.astimezone(UTC)
    peak = utc >= _SINCE and utc.weekday() < _WEEKEND and any(utc.hour in h for h in _HOURS)
    return utc.replace(hour=_OFF_PEAK_HOUR), 2 if peak else 1


def _has_peaks(info: ModelInfo) -> bool:
    prices = info.prices if isinstance(info.prices, list) else ()
    starts = (getattr(one.constraint, "start_time", None) for one in prices)
    return {start.hour for start in starts if start} == {hours.start for hours in _HOURS}
