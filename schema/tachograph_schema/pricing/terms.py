"""The terms of a call that decide its price beside its model, its provider and its hour."""

from __future__ import annotations

from dataclasses import dataclass

_STANDARD = frozenset({"", "auto", "default", "standard", "on_demand"})
_TRAFFIC = "on_demand_"
"""Vertex names its tiers ON_DEMAND_FLEX, ON_DEMAND_PRIORITY and PROVISIONED_THROUGHPUT."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a call was made. `tier` is None for the standard one, else flex, batch, priority, fast...

    `route` is how the model was reached, where that is said: direct, openrouter, bedrock, local.
    `geo` is where the inference had to stay, such as us, where that was asked for.
    """

    route: str | None = None
    tier: str | None = None
    geo: str | None = None


STANDARD = Terms()
_ANYWHERE = frozenset({"", "global", "not_available"})


def tier_named(service_tier: str | None, speed: str | None = None) -> str | None:
    """Return the tier that a provider's words mean; None for the standard one.

    A tier nobody has heard of keeps its name, so that it is not priced as if it were the standard.
    """
    for word in (speed, service_tier):
        name = (word or "").strip().lower().replace(" ", "_").removeprefix(_TRAFFIC)
        if name not in _STANDARD:
            return name
    return None


def geo_named(inference_geo: str | None) -> str | None:
    """Return the place that Anthropic's `inference_geo` binds a call to; None for none.

    A place nobody has heard of keeps its name, so that it is not priced as if it were none.
    """
    name = (inference_geo or "").strip().lower()
    return None if name in _ANYWHERE else name
