"""A call of a model, with everything that decides its cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tachograph_schema.pricing.terms import STANDARD, Terms
from tachograph_schema.usage import Usage

NO_UNITS: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a model, or several that are priced together, or the correction of one."""

    usage: Usage
    """Tokens; a correction may have negative buckets."""
    model: str | None
    """The model that served the call; None where it is unknown, and then there is no price."""
    provider: str | None
    priced_at: datetime
    """The instant that decides between dated prices."""
    cost_nanousd: int | None = None
    """The cost that the provider billed; it beats any computed price."""
    calls: int = 1
    terms: Terms = STANDARD
    units: Mapping[str, int] = field(default_factory=lambda: NO_UNITS)
    """Units billed apart from tokens, by genai-prices' names, such as `web_searches`."""
    readable: bool = True
    """False where the usage is unknown: the call counts as unpriced, whatever tokens it has."""
    before: Call | None = None
    """The call as it was counted before, where this is its growth; see `growth`."""
