"""The cost of usage by the providers' public price lists, as genai-prices keeps them.

genai-prices takes most of a fifth of a second to import, so it is imported at the first price.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.model_names import (
    host_of,
    is_faster,
    is_profile_unsaid,
    maker_of,
    spellings,
    unlisted,
)
from tachograph_schema.pricing.peak_hours import off_peak
from tachograph_schema.pricing.provider_names import listed_name
from tachograph_schema.pricing.terms import Terms
from tachograph_schema.usage import Usage

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, Provider

_NO_HOST = frozenset({"direct", "api"})
"""Routes that say nothing of who serves."""
_LOCAL = ("local", "127.0.0.1", "ollama", "vllm", "llama.cpp", "llamacpp", "lmstudio", "sglang")
"""Parts of the names of what serves models on one's own machines: nobody's list has its price."""
_GATEWAYS = ("gateway", "litellm", "portkey", "helicone", "proxy")
"""Parts of the names of what passes calls on to whoever serves the model, at their price."""
_SPOKEN_BY_OTHERS = frozenset({"anthropic", "openai", "google", "openrouter"})
"""A model that is not theirs was served by its own maker, who speaks their protocol too."""
_PROTOCOLS = frozenset({None, "anthropic", "openai"})
"""Providers that may be said of a call because it spoke their protocol, or not at all."""
_FEES = ("searches", "executions", "seconds", "pages")
"""Units that are billed on top of tokens."""
_AUDIO_IS_DEARER = frozenset({"openai", "azure"})
"""Providers whose audio tokens never cost the same as text. Others may list one price for both."""
_GEO = {("anthropic", "us"): Decimal("1.1")}
"""What tokens cost more where their place is bound: platform.claude.com, data residency."""
_BY_MODEL = "litellm"
"""The name under which genai-prices takes `maker/model` apart, and finds the maker of a model."""


@dataclass(frozen=True, slots=True)
class PublicPrice:
    """The price of a call in dollars, and the row of the list that gave it."""

    usd: Decimal
    host: str
    model: str
    since: date | None
    """Since when the row holds; None for one that is not dated."""
    assumed: bool
    """Whether the host is taken from the model, as neither a provider nor a route was said."""


def public_price(call: Call, model: str) -> PublicPrice | None:
    """Return the price of a call of `model`, or None where no list has exactly this.

    Never a guess: a host that is not listed, a model that its host does not list, a tier or a unit
    that the model has no price for, or counts that contradict each other have none.
    """
    import genai_prices  # noqa: PLC0415 - see the module's docstring

    usage = call.usage
    found = _find(model, call.provider, call.terms.route)
    if found is None:
        return None
    host, info = found
    at, peak = off_peak(info, host, call.priced_at)
    context = _context(call.terms.tier)
    if context and not _has_price_for(context, info, host, at):
        return None
    if any(_would_be_free(unit, info, host, at) for unit, n in call.units.items() if n):
        return None
    factor = _factor(call.terms.geo, host)
    if factor is None:
        return None
    # genai-prices counts cached tokens as a part of the input, one-hour writes as a part of the
    # writes, and reasoning as a part of the output.
    tokens = genai_prices.Usage(
        input_tokens=usage.prompt_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        cache_write_1h_tokens=usage.cache_write_1h_tokens,
        output_tokens=usage.tokens_out,
        output_reasoning_tokens=usage.reasoning_tokens,
        **call.units,
    )
    try:
        priced = info.calc_price(
            tokens, host, genai_request_timestamp=at, price_context=context or None
        )
    except ValueError:  # a bucket this model has no price for, or buckets that contradict
        return None
    fees = priced.total_price - priced.input_price - priced.output_price
    usd = (priced.input_price + priced.output_price) * factor * peak + fees
    assumed = is_host_assumed(model, call.provider, call.terms.route)
    return PublicPrice(usd, host.id, info.id, _since(info, at), assumed)


def public_fees(call: Call, units: Mapping[str, int]) -> Decimal | None:
    """Return what units beside the tokens of a call cost, or None where no list says it."""
    if not units or call.model is None:
        return Decimal(0)
    alone = replace(call, usage=Usage(), units=units, terms=Terms(call.terms.route))
    listed = public_price(alone, call.model)
    return None if listed is None else listed.usd


def is_host_assumed(model: str, provider: str | None, route: str | None) -> bool:
    """Tell whether the host of a model that has a price is taken from the model's name alone.

    So is the profile of one that Bedrock serves by profiles only, where its id has none: the
    regional price is taken, and global profiles cost less.

    Neither a provider nor a route that is listed was said. A provider that no list has, and that is
    no gateway, leaves a model without a price; so the lists are read for unusual names alone.
    """
    named = [name for name in (provider, route) if name and name.lower() not in _NO_HOST]
    if is_profile_unsaid(model) and "aws" in {host_of(model), *map(listed_name, named)}:
        return True
    if provider in named and not _is_gateway(provider or ""):
        return False
    return host_of(model) is None and not any(map(_host, named))


def _is_gateway(name: str) -> bool:
    return any(part in name.lower() for part in _GATEWAYS)


def _since(info: ModelInfo, at: datetime) -> date | None:
    prices = info.prices if isinstance(info.prices, list) else ()
    starts = (getattr(one.constraint, "start_date", None) for one in prices)
    return max((start for start in starts if start and start <= at.date()), default=None)


def is_local(name: str | None) -> bool:
    """Tell whether a provider or a route is a machine of one's own."""
    return any(part in (name or "").lower() for part in _LOCAL)


def is_route(name: str) -> bool:
    """Tell whether a route is one that this knows; any other is taken for a way to the provider."""
    known = name.lower() in _NO_HOST or is_local(name) or _is_gateway(name)
    return known or _host(name) is not None


@lru_cache(maxsize=1024)
def context_window(model: str, provider: str | None) -> int | None:
    """Return how many tokens fit into a model's window, by the table; None when it does not say.

    A fallback only: the window is not a function of the model's name, so an agent's word wins.
    """
    from genai_prices import data  # noqa: PLC0415 - see the module's docstring

    for candidate in data.providers:
        if provider is None or candidate.id == provider:
            entry = candidate.find_model(model)
            if entry is not None and entry.context_window:
                return int(entry.context_window)
    return None


@lru_cache(maxsize=4096)
def _find(model: str, provider: str | None, route: str | None) -> tuple[Provider, ModelInfo] | None:
    """Find who served a model, and its entry there: by the route first, then by the provider.

    A route nobody lists is a way to the provider; a provider nobody lists has no price.
    """
    if is_local(route) or is_local(provider):
        return None
    if unlisted(model):
        return None
    if provider in _PROTOCOLS:
        provider = host_of(model) or provider
    for name in (route, provider):
        if name is None or name.lower() in _NO_HOST:
            continue
        host = _host(name)
        if host is not None:
            listed = _listed(model, host.id)
            return listed if listed or host.id not in _SPOKEN_BY_OTHERS else _listed(model, None)
        if name is provider and not _is_gateway(name):
            return None
    return _listed(model, maker_of(model))


def _host(name: str) -> Provider | None:
    from genai_prices import data_snapshot  # noqa: PLC0415 - see the module's docstring

    # "azure-openai" would be taken for OpenAI itself.
    asked = "azure" if "azure" in name.lower() else listed_name(name)
    return data_snapshot.find_provider_by_id(data_snapshot.get_snapshot().providers, asked)


def _listed(model: str, host: str | None) -> tuple[Provider, ModelInfo] | None:
    from genai_prices import data_snapshot  # noqa: PLC0415 - see the module's docstring

    snapshot = data_snapshot.get_snapshot()
    for name in spellings(model):
        with suppress(LookupError):
            found = snapshot.find_provider_model(name, None, host or _BY_MODEL, None)
            if not is_faster(name, found[1].id):
                return found
    return None


def _context(tier: str | None) -> dict[str, str]:
    """Return a tier in the words of genai-prices' table."""
    if tier is None:
        return {}
    if tier == "batch":
        return {"processing": tier}
    return {"service_tier": tier} | ({"speed": tier} if tier == "fast" else {})


def _factor(geo: str | None, host: Provider) -> Decimal | None:
    """Return what the price of tokens is multiplied by for a place; None where nobody lists it."""
    return Decimal(1) if geo is None else _GEO.get((host.id, geo))


def _has_price_for(context: dict[str, str], info: ModelInfo, host: Provider, at: datetime) -> bool:
    """Tell whether a model has prices of its own for a tier: silently, others would be taken."""
    if not any(info is own for own in host.models):
        return False
    return any(
        variant.when.items() <= context.items()
        and (variant.constraint is None or variant.constraint.active(at))
        for variant in info.price_variants or ()
    )


def _would_be_free(unit: str, info: ModelInfo, host: Provider, at: datetime) -> bool:
    """Tell whether a unit would be left out of the price because the model's has no line for it."""
    from genai_prices.data_units import unit_data  # noqa: PLC0415 - see the module's docstring

    fee = unit.endswith(_FEES) or ("audio" in unit and host.id in _AUDIO_IS_DEARER)
    if unit not in unit_data:
        return True
    key = unit_data[unit].get("price_key", "")
    return fee and getattr(info.get_prices(at), key, None) is None
