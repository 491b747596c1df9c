"""A call that a file states, with what it costs and why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from tachograph_schema.documents.price_sheet import PriceList
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.explanation import Explanation, explain


@dataclass(frozen=True, slots=True)
class Said:
    """What the caller knows of the calls; the responses' own word on the model wins."""

    at: datetime
    provider: str | None = None
    model: str | None = None
    route: str | None = None
    prices: PriceList | None = None
    """Prices of their own, which come before the public list."""


@dataclass(frozen=True, slots=True)
class StatedCall:
    """A call, where it is stated, what it costs and why; `doubt` is what could not be read."""

    place: str
    name: str
    """Its place in a few characters."""
    call: Call
    explanation: Explanation
    doubt: str | None = None

    @property
    def states_use(self) -> bool:
        """Whether anything was used: a batch's result that is an error states nothing."""
        return bool(self.call.calls or self.call.usage.total_tokens)

    @property
    def tokens_known(self) -> bool:
        """Whether its tokens are known, be they none; a bill of calls without tokens says none."""
        call = self.call
        billed_only = call.calls > 0 and call.cost_nanousd is not None
        return call.usage.total_tokens > 0 or (call.readable and not billed_only)


def stated(place: str, name: str, call: Call, said: Said) -> StatedCall:
    """Return a call with its price, and with what the caller knows of it."""
    terms = replace(call.terms, route=said.route) if said.route else call.terms
    call = replace(
        call,
        model=call.model or said.model,
        provider=said.provider or call.provider,
        terms=terms,
    )
    return StatedCall(place, name, call, explain(call, said.prices))
