"""Why a call costs what it costs: what gave the price, and how certain it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.price import cost_of
from tachograph_schema.pricing.public_prices import public_price

if TYPE_CHECKING:
    from tachograph_schema.documents.price_sheet import PriceList

Certainty = Literal["reported", "list price", "list price, provider assumed", "unpriced"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The cost of a call in nano-dollars, None where it has no price, and what gave it."""

    cost_nanousd: int | None
    certainty: Certainty
    source: str


def explain(call: Call, prices: PriceList | None = None) -> Explanation:
    """Return what a call costs and why: as billed, else by the fleet's list, else by the public."""
    cost = cost_of(call, prices)
    if call.cost_nanousd is not None:
        return Explanation(cost, "reported", "billed by the provider")
    if not call.readable:
        return Explanation(None, "unpriced", "its usage cannot be read as a whole")
    if call.model is None:
        return Explanation(None, "unpriced", "it names no model")
    terms = call.terms
    row = prices and prices.row(call.model, call.provider, terms.route, call.priced_at, terms.tier)
    if row:
        since = f"{row.valid_from:%Y-%m-%d}"
        return Explanation(cost, "list price", f"the fleet's {row.model} since {since}")
    listed = public_price(call, call.model)
    if listed is None:
        return Explanation(None, "unpriced", "no list has a price for exactly this")
    since = f" since {listed.since}" if listed.since else ""
    return Explanation(
        cost,
        "list price, provider assumed" if listed.assumed else "list price",
        f"{listed.host}/{listed.model}{since}",
    )
