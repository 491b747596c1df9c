"""The cost of usage: by a fleet's own price list, else by the public ones, else unknown.

The price is the one in force at the time, of the model that served, by the route it was reached.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

from tachograph_schema.pricing.public_prices import context_window, public_usd
from tachograph_schema.pricing.terms import STANDARD, Terms
from tachograph_schema.usage import BUCKETS, Usage

if TYPE_CHECKING:
    from tachograph_schema.documents.price_sheet import (
        PriceList,  # pydantic: a tenth of a second to import
    )

__all__ = ["context_window", "nanousd", "price", "price_difference", "price_sum"]

NANOUSD_PER_USD = 10**9
TYPICAL_PROMPT_TOKENS = 100_000
"""A prompt no long-context price applies to."""
NO_UNITS: Mapping[str, int] = {}


def nanousd(usd: float | Decimal) -> int:
    """Return dollars as whole nano-dollars, rounded half to even."""
    exact = usd if isinstance(usd, Decimal) else Decimal(repr(usd))
    return int((exact * NANOUSD_PER_USD).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def price(
    usage: Usage,
    model: str,
    provider: str | None,
    at: datetime,
    *,
    terms: Terms = STANDARD,
    units: Mapping[str, int] = NO_UNITS,
    prices: PriceList | None = None,
) -> int | None:
    """Return the cost of one call in nano-dollars, or None when no price is known.

    Never a guess and never a silent zero: an unknown model is None. `at` decides between dated
    prices; a long-context price applies by the call's own prompt. `units` is what is billed apart
    from the buckets, by genai-prices' names; a row of the fleet's `prices` leaves it out.
    """
    usd = _usd(usage, model, provider, at, terms, units, prices)
    return None if usd is None else nanousd(usd)


def price_difference(
    usage: Usage,
    model: str,
    provider: str | None,
    at: datetime,
    *,
    terms: Terms = STANDARD,
    units: Mapping[str, int] = NO_UNITS,
    prices: PriceList | None = None,
) -> int | None:
    """Return the cost of a call, or of the correction of one, whose buckets may be negative."""
    more = Usage(*(max(0, getattr(usage, name)) for name in BUCKETS))
    less = more - usage
    added = price(more, model, provider, at, terms=terms, units=units, prices=prices)
    if not less.total_tokens:
        return added
    taken = price(less, model, provider, at, terms=terms, prices=prices)
    return None if added is None or taken is None else added - taken


def price_sum(
    usage: Usage,
    calls: int,
    model: str,
    provider: str | None,
    at: datetime,
    *,
    terms: Terms = STANDARD,
    prices: PriceList | None = None,
) -> int | None:
    """Return the cost of several calls of which only the sum is known, or None as `price` does.

    They are priced as that many average calls, lest a long-context price meant for one long prompt
    apply to the sum of many short ones. How many is guessed from the tokens when `calls` is 0.
    """
    calls = calls or max(1, -(-usage.prompt_tokens // TYPICAL_PROMPT_TOKENS))
    average = Usage(*(getattr(usage, name) // calls for name in BUCKETS))
    rest = usage - Usage(*(getattr(average, name) * calls for name in BUCKETS))
    of_average = _usd(average, model, provider, at, terms, NO_UNITS, prices)
    of_rest = _usd(rest, model, provider, at, terms, NO_UNITS, prices)
    if of_average is None or of_rest is None:
        return None
    return nanousd(of_average * calls + of_rest)


def _usd(
    usage: Usage,
    model: str,
    provider: str | None,
    at: datetime,
    terms: Terms,
    units: Mapping[str, int],
    prices: PriceList | None,
) -> Decimal | None:
    if prices is not None:
        row = prices.row(model, provider, terms.route, at, terms.tier)
        if row is not None:
            return row.usd(usage)
    return public_usd(usage, model, provider, at, terms, units)
