"""The tokens of one model call, or of many added up, and the units that are billed beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens by what they cost; every bucket is billed apart, so nothing is counted twice.

    `tokens_in` is the uncached input only; `cache_write_tokens` holds all cache writes and
    `cache_write_1h_tokens` the part of them kept for an hour; `reasoning_tokens` is a part of
    `tokens_out`.
    """

    tokens_in: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    tokens_out: int = 0
    reasoning_tokens: int = 0

    @property
    def prompt_tokens(self) -> int:
        """Everything the model read: what fills a context window."""
        return self.tokens_in + self.cache_read_tokens + self.cache_write_tokens

    @property
    def total_tokens(self) -> int:
        """Everything read and written."""
        return self.prompt_tokens + self.tokens_out

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(getattr(self, name) + getattr(other, name) for name in BUCKETS))

    def __sub__(self, other: Usage) -> Usage:
        return Usage(*(getattr(self, name) - getattr(other, name) for name in BUCKETS))


BUCKETS: tuple[str, ...] = tuple(field.name for field in fields(Usage))
"""The names of the token buckets, as tasks and counters carry them."""
FEES: Final = (
    "web_searches",
    "social_searches",
    "storage_searches",
    "rerank_searches",
    "live_search_sources",
    "website_visits",
    "browser_automations",
    "code_executions",
    "image_generations",
    "input_document_pages",
    "input_annotated_document_pages",
    "input_characters",
    "audio_seconds",
    "input_audio_seconds",
    "output_audio_seconds",
)
"""Units that cost something beside the tokens, by genai-prices' names where it has one."""


def fees_among(units: Mapping[str, int]) -> dict[str, int]:
    """Return the units that are billed beside the tokens; the others are a part of the tokens."""
    return {unit: n for unit, n in units.items() if n and not unit.endswith("_tokens")}
