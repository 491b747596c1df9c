"""The cost of usage: by a fleet's own price list, else by the public ones, else unknown.

The price is the one in force at the time, of the model that served, by the route it was reached.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

from tachograph_schema.pricing.call import NO_UNITS, Call
from tachograph_schema.pricing.public_prices import context_window, public_price
from tachograph_schema.usage import BUCKETS, Usage

if TYPE_CHECKING:
    from tachograph_schema.documents.price_sheet import (
        PriceList,  # pydantic: a tenth of a second to import
    )

__all__ = ["context_window", "cost_of", "nanousd", "price", "price_difference", "price_sum"]

NANOUSD_PER_USD = 10**9
TYPICAL_PROMPT_TOKENS = 100_000
"""A prompt no long-context price applies to."""


def nanousd(usd: float | Decimal) -> int:
    """Return dollars as whole nano-dollars, rounded half to even."""
    exact = usd if isinstance(usd, Decimal) else Decimal(repr(usd))
    return int((exact * NANOUSD_PER_USD).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def price(call: Call, prices: PriceList | None = None) -> int | None:
    """Return the cost of one call in nano-dollars, or None when no price is known.

    Never a guess and never a silent zero: an unknown model is None. `call.priced_at` decides
    between dated prices; a long-context price applies by the call's own prompt. A row of the
    fleet's `prices` leaves out `call.units`.
    """
    usd = _usd(call, prices)
    return None if usd is None else nanousd(usd)


def price_difference(call: Call, prices: PriceList | None = None) -> int | None:
    """Return the cost of a call, or of the correction of one, whose buckets may be negative."""
    more = Usage(*(max(0, getattr(call.usage, name)) for name in BUCKETS))
    less = more - call.usage
    added = price(replace(call, usage=more), prices)
    if not less.total_tokens:
        return added
    taken = price(replace(call, usage=less, units=NO_UNITS), prices)
    return None if added is None or taken is None else added - taken


def cost_of(call: Call, prices: PriceList | None) -> int | None:
    """Return the cost of a call in nano-dollars: as billed, else by the prices, else None."""
    if call.cost_nanousd is not None or call.model is None or not call.readable:
        return call.cost_nanousd
    return price_difference(call, prices)


def price_sum(call: Call, prices: PriceList | None = None) -> int | None:
    """Return the cost of `call.calls` calls of which only the sum is known, or None as `price`.

    They are priced as that many average calls, lest a long-context price meant for one long prompt
    apply to the sum of many short ones. Their number is guessed from the tokens where it is 0.
    """
    usage = call.usage
    calls = call.calls or max(1, -(-usage.prompt_tokens // TYPICAL_PROMPT_TOKENS))
    average = Usage(*(getattr(usage, name) // calls for name in BUCKETS))
    rest = usage - Usage(*(getattr(average, name) * calls for name in BUCKETS))
    of_average = _usd(replace(call, usage=average, units=NO_UNITS), prices)
    of_rest = _usd(replace(call, usage=rest, units=NO_UNITS), prices)
    if of_average is None or of_rest is None:
        return None
    return nanousd(of_average * calls + of_rest)


def _usd(call: Call, prices: PriceList | None) -> Decimal | None:
    if call.model is None:
        return None
    if prices is not None:
        terms = call.terms
        row = prices.row(call.model, call.provider, terms.route, call.priced_at, terms.tier)
        if row is not None:
            return row.usd(call.usage)
    listed = public_price(call, call.model)
    return None if listed is None else listed.usd
