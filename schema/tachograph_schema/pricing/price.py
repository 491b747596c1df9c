"""The cost of usage: by a fleet's own price list, else by the public ones, else unknown.

The price is the one in force at the time, of the model that served, by the route it was reached.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

from tachograph_schema.pricing.call import NO_UNITS, Call
from tachograph_schema.pricing.growth import grown
from tachograph_schema.pricing.public_prices import context_window, public_fees, public_price
from tachograph_schema.usage import BUCKETS, Usage

if TYPE_CHECKING:
    # pydantic: a tenth of a second to import
    from tachograph_schema.documents.price_sheet import PriceList, PriceRow

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
    between dated prices; a long-context price applies by the call's own prompt. A fee that a row of
    the fleet's `prices` has no price for costs what the public list says.
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
    """Return the cost of a call in nano-dollars: as billed, else by the prices, else None.

    The growth of a call costs what the whole call costs, less what it cost before.
    """
    if call.before is not None:
        now, before = cost_of(grown(call), prices), cost_of(call.before, prices)
        return None if now is None else now - (before or 0)
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
    own = own_row(replace(call, usage=average), prices)
    if own is not None:
        return nanousd(own.usd(usage, NO_UNITS))
    of_average = _usd(replace(call, usage=average, units=NO_UNITS), prices)
    of_rest = _usd(replace(call, usage=rest, units=NO_UNITS), prices)
    if of_average is None or of_rest is None:
        return None
    return nanousd(of_average * calls + of_rest)


def own_row(call: Call, prices: PriceList | None) -> PriceRow | None:
    """Return the fleet's own row that decides a call's price, or None where it has none."""
    if prices is None or call.model is None:
        return None
    from tachograph_schema.documents.price_sheet import Conditions  # noqa: PLC0415 - as above

    terms, prompt_tokens = call.terms, call.usage.prompt_tokens
    where = (call.model, call.provider, terms.route)
    return prices.row(Conditions(*where, call.priced_at, terms.tier, terms.geo, prompt_tokens))


def _usd(call: Call, prices: PriceList | None) -> Decimal | None:
    if call.model is None:
        return None
    row = own_row(call, prices)
    if row is None:
        listed = public_price(call, call.model)
        return None if listed is None else listed.usd
    unlisted = public_fees(call, row.unlisted_fees(call.units))
    return None if unlisted is None else row.usd(call.usage, call.units) + unlisted
