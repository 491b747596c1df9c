"""Pure: the price of each kind of token that a call was priced with, and what multiplies it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC
from decimal import Decimal

from tachograph_cli.replay.usage.stated import StatedCall
from tachograph_schema.documents.price_sheet import PriceList
from tachograph_schema.pricing.call import NO_UNITS, Call
from tachograph_schema.pricing.price import own_row
from tachograph_schema.pricing.public_prices import public_price
from tachograph_schema.usage import Usage

_MTOK = 10**6
_NOON = 12
_HOUR = "this hour"
"""What some models cost more or less than at noon of the same day (UTC)."""
_BY_LIST = ("list price", "list price, provider assumed")


@dataclass(frozen=True, slots=True)
class Rates:
    """Dollars per million tokens, with all that multiplies them; None where no list has a price."""

    tokens_in: Decimal | None
    cache_read: Decimal | None
    cache_write_5m: Decimal | None
    cache_write_1h: Decimal | None
    tokens_out: Decimal | None
    multipliers: tuple[tuple[str, Decimal | None], ...] = ()
    """The tier, place and hour, with what they multiply the price by; None where kinds differ."""


def rates(each: StatedCall, prices: PriceList | None) -> Rates | None:
    """Return the rates of a call; None where no list gave its price.

    They are found by pricing a prompt of the same length, because long prompts may cost more.
    """
    call = each.call
    if each.explanation.certainty not in _BY_LIST or not call.usage.total_tokens:
        return None
    found = _rates(call, prices)
    if own_row(call, prices) is not None:
        return found
    terms = call.terms
    without = {
        terms.geo: replace(call, terms=replace(terms, geo=None)),
        terms.tier: replace(call, terms=replace(terms, tier=None)),
    }
    multipliers = [
        (word, _ratio(found, _rates(other, prices)))
        for word, other in without.items()
        if word is not None
    ]
    at_noon = replace(call, priced_at=call.priced_at.astimezone(UTC).replace(hour=_NOON))
    by_hour = _ratio(found, _rates(at_noon, prices))
    if by_hour not in {None, 1}:
        multipliers.append((_HOUR, by_hour))
    return replace(found, multipliers=tuple(multipliers))


def _rates(call: Call, prices: PriceList | None) -> Rates:
    n = max(1, call.usage.prompt_tokens)

    def usd(usage: Usage) -> Decimal | None:
        found = _usd(call, usage, prices)
        return None if found is None else found / n * _MTOK

    given, answered = usd(Usage(tokens_in=n)), usd(Usage(tokens_in=n, tokens_out=n))
    return Rates(
        tokens_in=given,
        cache_read=usd(Usage(cache_read_tokens=n)),
        cache_write_5m=usd(Usage(cache_write_tokens=n)),
        cache_write_1h=usd(Usage(cache_write_tokens=n, cache_write_1h_tokens=n)),
        tokens_out=None if given is None or answered is None else answered - given,
    )


def _usd(call: Call, usage: Usage, prices: PriceList | None) -> Decimal | None:
    """Price other tokens on the terms of a call, without what is billed beside them."""
    asked = replace(call, usage=usage, units=NO_UNITS)
    row = own_row(asked, prices)
    if row is not None:
        return row.usd(usage, NO_UNITS)
    listed = None if call.model is None else public_price(asked, call.model)
    return None if listed is None else listed.usd


def _ratio(found: Rates, without: Rates) -> Decimal | None:
    """Return what all kinds of tokens are multiplied by; None where they differ."""
    ratios = {
        (now / before).normalize()
        for now, before in (
            (found.tokens_in, without.tokens_in),
            (found.cache_read, without.cache_read),
            (found.tokens_out, without.tokens_out),
        )
        if now is not None and before
    }
    return ratios.pop() if len(ratios) == 1 else None
