"""Pure: Groq's `usage_breakdown`: the usage of each model that a compound system called.

Groq bills each model's tokens at that model's price. The usage beside it is their sum, or of the
last call alone, or nothing, so only what it has beyond the models' is the system's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tachograph.usage.plain_data import plain
from tachograph_schema.usage import Usage


def models_of(breakdown: object) -> list[tuple[str, dict[str, Any]]]:
    """Return the models of a breakdown, each with its usage; none for anything else."""
    data = plain(breakdown)
    listed = data.get("models") if isinstance(data, Mapping) else None
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    return [
        (model, usage)
        for row in rows
        if isinstance(model := row.get("model"), str)
        and isinstance(usage := row.get("usage"), dict)
    ]


def beyond(top: Usage, models: Usage) -> Usage:
    """Return what the usage at the top has beyond that of the models."""
    return Usage(
        tokens_in=max(0, top.prompt_tokens - models.prompt_tokens),
        tokens_out=max(0, top.tokens_out - models.tokens_out),
    )
