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
    """

    route: str | None = None
    tier: str | None = None


STANDARD = Terms()


def tier_named(service_tier: str | None, speed: str | None = None) -> str | None:
    """Return the tier that a provider's words mean; None for the standard one.

    A tier nobody has heard of keeps its name, so that it is not priced as if it were the standard.
    """
    for word in (speed, service_tier):
        name = (word or "").strip().lower().replace(" ", "_").removeprefix(_TRAFFIC)
        if name not in _STANDARD:
            return name
    return None
