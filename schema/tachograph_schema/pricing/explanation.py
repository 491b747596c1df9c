"""Why a call costs what it costs: what gave the price, and how certain it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.model_names import is_profile_unsaid, unlisted
from tachograph_schema.pricing.price import cost_of, own_row
from tachograph_schema.pricing.public_prices import public_price
from tachograph_schema.usage import Usage

if TYPE_CHECKING:
    from tachograph_schema.documents.price_sheet import PriceList, PriceRow

Certainty = Literal["reported", "list price", "list price, provider assumed", "unpriced"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The cost of a call in nano-dollars, None where it has no price, and what gave it."""

    cost_nanousd: int | None
    certainty: Certainty
    source: str


def explain(call: Call, prices: PriceList | None = None) -> Explanation:
    """Return what a call costs and why: as stated, else by the fleet's list, else by the public."""
    if call.cost_nanousd is not None:
        return Explanation(call.cost_nanousd, "reported", "stated with the usage")
    if not call.readable or call.model is None:
        missing = (
            "it names no model"
            if call.readable
            else "its usage cannot be read as a whole, or says too little"
        )
        return Explanation(None, "unpriced", missing)
    if call.usage == Usage() and not call.units:
        return Explanation(0, "list price", "it used nothing of its own")
    cost = cost_of(call, prices)
    row = own_row(call, prices)
    if row is not None:
        return _by_own(call, row, cost)
    listed = public_price(call, call.model)
    if listed is None:
        why = unlisted(call.model) or "no list has a price for exactly this"
        return Explanation(None, "unpriced", why)
    since = f" since {listed.since}" if listed.since else ""
    unsaid = listed.host == "aws" and is_profile_unsaid(call.model)
    profile = "; its id names no profile, and a global one may cost less" if unsaid else ""
    return Explanation(
        cost,
        "list price, provider assumed" if listed.assumed else "list price",
        f"{listed.host}/{listed.model}{since}{profile}",
    )


def _by_own(call: Call, row: PriceRow, cost: int | None) -> Explanation:
    if cost is None:
        unlisted = ", ".join(row.unlisted_fees(call.units))
        return Explanation(None, "unpriced", f"the fleet's {row.model} has no {unlisted}")
    words = [f"the fleet's {row.model} since {row.valid_from:%Y-%m-%d}"]
    words += [word for word in (row.hours_utc, row.weekdays_utc) if word]
    return Explanation(cost, "list price", ", ".join(words))
