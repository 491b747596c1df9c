"""Which class a model belongs to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from tachograph_schema.documents.fleet import DEFAULT_TIERS


def tier_of(model: str, tiers: Mapping[str, str]) -> str | None:
    """Return the tier of a model by the fleet's own table, then the default one; None if unknown.

    A part of the id counts where it stands between other characters than letters:
    `mini` is found in `gpt-5-mini` and not in `gemini-pro`.
    """
    for part, tier in tiers.items():
        if _holds(model, part):
            return tier
    return _default_tier(model)


@lru_cache(maxsize=1024)
def _default_tier(model: str) -> str | None:
    return next((tier for part, tier in DEFAULT_TIERS.items() if _holds(model, part)), None)


@lru_cache(maxsize=4096)
def _holds(model: str, part: str) -> bool:
    return bool(re.search(rf"(?<![a-z]){re.escape(part.lower())}(?![a-z])", model.lower()))
