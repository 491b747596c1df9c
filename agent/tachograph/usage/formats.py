"""Pure: the formats in which providers state the usage of a call.

genai-prices reads the common ones. A row here says how to recognise a format, other names for the
same count, and the counts of the few formats that genai-prices does not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Format:
    """One format of usage: the keys that identify it, and the places of its counts."""

    name: str
    keys: frozenset[str]
    """Any of these identifies the format; the first row of FORMATS that matches decides."""
    provider: str | None = None
    """The provider, where only one uses the format."""
    extractor: tuple[str, str] | None = None
    """Provider and flavor of the extractor of genai-prices that reads it."""
    root: tuple[str, ...] = ("usage",)
    """The path at which that extractor looks for the usage."""
    required: tuple[str, ...] = ()
    """Counts that are zero where they are missing, such as the output of an embedding."""
    other_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Path of a count for the extractor -> other paths to try for it, in their order."""
    counts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Unit -> paths that add up to it, where no extractor reads the format."""
    modalities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Unit -> paths of a count that the extractor leaves out: it has a price of its own."""
    total: str | None = None
    """Path of the total, where it may exceed its parts because both leave out reasoning."""


_CHAT_MODALITIES = {
    "input_image_tokens": ("prompt_tokens_details.image_tokens", "prompt_image_tokens"),
    "input_video_tokens": ("prompt_tokens_details.video_tokens",),
    "output_image_tokens": ("completion_tokens_details.image_tokens",),
}
_RESPONSES_MODALITIES = {
    "input_image_tokens": ("input_tokens_details.image_tokens",),
    "input_audio_tokens": ("input_tokens_details.audio_tokens",),
    "output_image_tokens": ("output_tokens_details.image_tokens",),
    "output_audio_tokens": ("output_tokens_details.audio_tokens",),
    "cache_image_read_tokens": ("input_tokens_details.cached_tokens_details.image_tokens",),
    "cache_audio_read_tokens": ("input_tokens_details.cached_tokens_details.audio_tokens",),
}

FORMATS: tuple[Format, ...] = (
    Format(
        "tachograph",
        frozenset({"tokens_in", "tokens_out"}),
        counts={
            "input_tokens": ("tokens_in", "cache_read_tokens", "cache_write_tokens"),
            "cache_read_tokens": ("cache_read_tokens",),
            "cache_write_tokens": ("cache_write_tokens",),
            "cache_write_1h_tokens": ("cache_write_1h_tokens",),
            "output_tokens": ("tokens_out",),
            "output_reasoning_tokens": ("reasoning_tokens",),
        },
    ),
    Format(
        "pi",
        frozenset({"input+cacheRead", "input+cacheWrite"}),
        counts={
            "input_tokens": ("input", "cacheRead", "cacheWrite"),
            "cache_read_tokens": ("cacheRead",),
            "cache_write_tokens": ("cacheWrite",),
            "cache_write_1h_tokens": ("cacheWrite1h",),
            "output_tokens": ("output",),
            "output_reasoning_tokens": ("reasoning",),
        },
    ),
    Format(
        "gemini cli",
        frozenset({"input+thoughts", "input+cached"}),
        "google",
        counts={
            "input_tokens": ("input", "tool"),
            "cache_read_tokens": ("cached",),
            "output_tokens": ("output", "thoughts"),
            "output_reasoning_tokens": ("thoughts",),
        },
        total="total",
    ),
    Format(
        "codex",
        frozenset({"cached_input_tokens", "reasoning_output_tokens"}),
        counts={
            "input_tokens": ("input_tokens",),
            "cache_read_tokens": ("cached_input_tokens",),
            "cache_write_tokens": ("cache_write_input_tokens",),
            "output_tokens": ("output_tokens",),
            "output_reasoning_tokens": ("reasoning_output_tokens",),
        },
    ),
    Format(
        "gemini interactions",
        frozenset({"total_input_tokens", "total_output_tokens"}),
        "google",
        counts={
            "input_tokens": ("total_input_tokens", "total_tool_use_tokens"),
            "cache_read_tokens": ("total_cached_tokens",),
            "output_tokens": ("total_output_tokens", "total_thought_tokens"),
            "output_reasoning_tokens": ("total_thought_tokens",),
        },
    ),
    Format(
        "bedrock llama",
        frozenset({"generation_token_count"}),
        "aws",
        counts={
            "input_tokens": ("prompt_token_count",),
            "output_tokens": ("generation_token_count",),
        },
    ),
    Format(
        "gemini",
        frozenset({"promptTokenCount", "candidatesTokenCount"}),
        "google",
        ("google", "default"),
        ("usageMetadata",),
        total="totalTokenCount",
    ),
    Format(
        "bedrock titan",
        frozenset({"inputTextTokenCount", "totalOutputTextTokenCount"}),
        "aws",
        counts={
            "input_tokens": ("inputTextTokenCount",),
            "output_tokens": ("totalOutputTextTokenCount", "results.*.tokenCount"),
        },
    ),
    Format(
        "bedrock metrics",
        frozenset({"inputTokenCount", "outputTokenCount"}),
        "aws",
        counts={
            "input_tokens": (
                "inputTokenCount",
                "cacheReadInputTokenCount",
                "cacheWriteInputTokenCount",
            ),
            "cache_read_tokens": ("cacheReadInputTokenCount",),
            "cache_write_tokens": ("cacheWriteInputTokenCount",),
            "output_tokens": ("outputTokenCount",),
        },
    ),
    Format(
        "bedrock headers",
        frozenset(
            {"x-amzn-bedrock-input-token-count", "x-amzn-bedrock-output-token-count"},
        ),
        "aws",
        counts={
            "input_tokens": (
                "x-amzn-bedrock-input-token-count",
                "x-amzn-bedrock-cache-read-input-token-count",
                "x-amzn-bedrock-cache-write-input-token-count",
            ),
            "cache_read_tokens": ("x-amzn-bedrock-cache-read-input-token-count",),
            "cache_write_tokens": ("x-amzn-bedrock-cache-write-input-token-count",),
            "output_tokens": ("x-amzn-bedrock-output-token-count",),
        },
    ),
    Format(
        "bedrock converse",
        frozenset({"inputTokens", "outputTokens"}),
        "aws",
        ("aws", "default"),
        required=("inputTokens", "outputTokens"),
        other_names={
            "cacheReadInputTokens": ("cacheReadInputTokenCount",),
            "cacheWriteInputTokens": ("cacheWriteInputTokenCount",),
        },
    ),
    Format(
        "openai chat",
        frozenset({"prompt_tokens", "completion_tokens"}),
        extractor=("openai", "chat"),
        required=("prompt_tokens", "completion_tokens"),
        other_names={
            "prompt_tokens_details.cached_tokens": (
                "prompt_token_details.cached_tokens",
                "prompt_cache_hit_tokens",
                "num_cached_tokens",
                "cached_prompt_text_tokens",
                "cached_tokens",
                "cache_read_input_tokens",
                "cache_read_tokens",
            ),
            "prompt_tokens_details.cache_write_tokens": (
                "prompt_tokens_details.cache_creation_tokens",
                "cache_creation_input_tokens",
                "cache_write_tokens",
            ),
            "completion_tokens_details.reasoning_tokens": (
                "completion_token_details.reasoning_tokens",
                "reasoning_tokens",
            ),
        },
        modalities=_CHAT_MODALITIES,
        total="total_tokens",
    ),
    Format(
        "anthropic",
        frozenset({"cache_creation_input_tokens", "cache_read_input_tokens", "cache_creation"}),
        "anthropic",
        ("anthropic", "default"),
        required=("input_tokens", "output_tokens"),
    ),
    Format(
        "openai realtime",
        frozenset({"input_token_details.text_tokens", "input_token_details.audio_tokens"}),
        extractor=("openai", "realtime"),
        root=("response", "usage"),
    ),
    Format(
        "openai responses",
        frozenset(
            {
                "input_tokens_details",
                "input_token_details",
                "output_tokens_details.reasoning_tokens",
                "input_tokens+total_tokens",
                "input_tokens+cache_read_tokens",
                "input_tokens+cache_write_tokens",
            }
        ),
        extractor=("openai", "responses"),
        required=("input_tokens", "output_tokens"),
        other_names={
            "input_tokens_details.cached_tokens": (
                "input_token_details.cached_tokens",
                "input_token_details.cache_read",
                "cache_read_tokens",
            ),
            "input_tokens_details.cache_write_tokens": (
                "input_token_details.cache_creation",
                "cache_write_tokens",
            ),
            "output_tokens_details.reasoning_tokens": (
                "output_token_details.reasoning",
                "details.reasoning_tokens",
            ),
        },
        modalities=_RESPONSES_MODALITIES,
        total="total_tokens",
    ),
    Format(
        "anthropic",
        frozenset({"input_tokens", "output_tokens"}),
        "anthropic",
        ("anthropic", "default"),
        required=("input_tokens", "output_tokens"),
    ),
    Format(
        "cohere",
        frozenset({"billed_units.input_tokens", "billed_units.output_tokens"}),
        "cohere",
        counts={
            "input_tokens": ("billed_units.input_tokens", "billed_units.image_tokens"),
            "input_image_tokens": ("billed_units.image_tokens",),
            "output_tokens": ("billed_units.output_tokens",),
        },
    ),
    Format("cohere", frozenset({"tokens.input_tokens"}), "cohere", ("cohere", "tokens")),
    Format(
        "ollama",
        frozenset({"prompt_eval_count", "eval_count"}),
        "ollama",
        counts={"input_tokens": ("prompt_eval_count",), "output_tokens": ("eval_count",)},
    ),
    Format(
        "watsonx",
        frozenset({"results.*.generated_token_count", "results.*.input_token_count"}),
        "watsonx",
        counts={
            "input_tokens": ("results.*.input_token_count",),
            "output_tokens": ("results.*.generated_token_count",),
        },
    ),
    Format("duration", frozenset({"seconds"}), counts={"audio_seconds": ("seconds",)}),
    Format(
        "one total",
        frozenset({"total_tokens", "totalTokenCount"}),
        counts={"input_tokens": ("total_tokens", "totalTokenCount")},
    ),
)
