"""Pure: the shapes in which providers say what a call used, and how each is counted.

genai-prices reads the common ones. What stands here is how to tell them, other names for the same
count, and the few that it does not know. Every shape comes out in genai-prices' units, where cached
tokens are a part of the input and reasoning is a part of the output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Units = dict[str, int]


@dataclass(frozen=True, slots=True)
class Shape:
    """How to tell one shape of usage by its keys, and where its counts are."""

    name: str
    keys: frozenset[str]
    """Any of these tells the shape; the first shape that is told is the one."""
    provider: str | None = None
    """Who alone speaks like this."""
    extractor: tuple[str, str] | None = None
    """Provider and flavor of the extractor of genai-prices that reads it."""
    root: tuple[str, ...] = ("usage",)
    """Where that extractor looks for the usage."""
    required: tuple[str, ...] = ()
    """Counts that are zero when they are not said, such as the output of an embedding."""
    other_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Path of a count for the extractor -> where else it may stand; the first that is there."""
    counts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Unit -> paths that add up to it, where no extractor reads the shape."""
    total: str | None = None
    """The count of everything, where it may say more than its parts: thoughts left out of both."""


SHAPES: tuple[Shape, ...] = (
    Shape(
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
    Shape(
        "pi",
        frozenset({"input+cacheRead", "input+cacheWrite"}),
        counts={
            "input_tokens": ("input", "cacheRead", "cacheWrite"),
            "cache_read_tokens": ("cacheRead",),
            "cache_write_tokens": ("cacheWrite",),
            "output_tokens": ("output",),
        },
    ),
    Shape(
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
    Shape(
        "bedrock llama",
        frozenset({"generation_token_count"}),
        "aws",
        counts={
            "input_tokens": ("prompt_token_count",),
            "output_tokens": ("generation_token_count",),
        },
    ),
    Shape(
        "gemini",
        frozenset({"promptTokenCount", "candidatesTokenCount"}),
        "google",
        ("google", "default"),
        ("usageMetadata",),
    ),
    Shape(
        "bedrock titan",
        frozenset({"inputTextTokenCount", "totalOutputTextTokenCount"}),
        "aws",
        counts={
            "input_tokens": ("inputTextTokenCount",),
            "output_tokens": ("totalOutputTextTokenCount", "results.*.tokenCount"),
        },
    ),
    Shape(
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
    Shape(
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
    Shape(
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
    Shape(
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
            ),
            "prompt_tokens_details.cache_write_tokens": (
                "prompt_tokens_details.cache_creation_tokens",
                "cache_creation_input_tokens",
            ),
            "completion_tokens_details.reasoning_tokens": (
                "completion_token_details.reasoning_tokens",
                "reasoning_tokens",
            ),
        },
        total="total_tokens",
    ),
    Shape(
        "anthropic",
        frozenset({"cache_creation_input_tokens", "cache_read_input_tokens", "cache_creation"}),
        "anthropic",
        ("anthropic", "default"),
        required=("input_tokens", "output_tokens"),
    ),
    Shape(
        "openai realtime",
        frozenset({"input_token_details.text_tokens", "input_token_details.audio_tokens"}),
        extractor=("openai", "realtime"),
        root=("response", "usage"),
    ),
    Shape(
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
    ),
    Shape(
        "anthropic",
        frozenset({"input_tokens", "output_tokens"}),
        "anthropic",
        ("anthropic", "default"),
        required=("input_tokens", "output_tokens"),
    ),
    Shape(
        "cohere",
        frozenset({"billed_units.input_tokens", "billed_units.output_tokens"}),
        "cohere",
        counts={
            "input_tokens": ("billed_units.input_tokens", "billed_units.image_tokens"),
            "input_image_tokens": ("billed_units.image_tokens",),
            "output_tokens": ("billed_units.output_tokens",),
        },
    ),
    Shape("cohere", frozenset({"tokens.input_tokens"}), "cohere", ("cohere", "tokens")),
    Shape(
        "ollama",
        frozenset({"prompt_eval_count", "eval_count"}),
        "ollama",
        counts={"input_tokens": ("prompt_eval_count",), "output_tokens": ("eval_count",)},
    ),
    Shape(
        "watsonx",
        frozenset({"results.*.generated_token_count", "results.*.input_token_count"}),
        "watsonx",
        counts={
            "input_tokens": ("results.*.input_token_count",),
            "output_tokens": ("results.*.generated_token_count",),
        },
    ),
    Shape(
        "one total",
        frozenset({"total_tokens", "totalTokenCount"}),
        counts={"input_tokens": ("total_tokens", "totalTokenCount")},
    ),
)


def shape_of(usage: Mapping[str, Any]) -> Shape | None:
    """Tell the shape of a usage by its keys; None for one nobody has described here."""
    return next((shape for shape in SHAPES if any(_has(usage, key) for key in shape.keys)), None)


def units_of(usage: Mapping[str, Any], shape: Shape) -> Units:
    """Return what a usage counts, in genai-prices' units.

    Raises ValueError where a count is none.
    """
    if shape.extractor is None:
        sums = {unit: _sum(usage, paths) for unit, paths in shape.counts.items()}
        return {unit: n for unit, n in sums.items() if n}
    prepared = _prepared(usage, shape)
    body: dict[str, Any] = prepared
    for key in reversed(shape.root):
        body = {key: body}
    return _extracted(body, *shape.extractor)


def at(usage: Mapping[str, Any], path: str) -> list[Any]:
    """Return what stands at a dotted path; `*` is every item of a list."""
    found: list[Any] = [usage]
    for step in path.split("."):
        if step == "*":
            found = [item for each in found if isinstance(each, list) for item in each]
        else:
            found = [e[step] for e in found if isinstance(e, Mapping) and e.get(step) is not None]
    return found


def whole(value: object) -> int:
    """Return a count; raises ValueError for anything else. Clients may write one as text."""
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r}; expected a whole number of tokens")
    return value


def _has(usage: Mapping[str, Any], key: str) -> bool:
    if "." not in key and "+" not in key:
        return key in usage
    return all(at(usage, part) for part in key.split("+"))


def _sum(usage: Mapping[str, Any], paths: tuple[str, ...]) -> int:
    return sum(whole(n) for path in paths for n in at(usage, path))


def _prepared(usage: Mapping[str, Any], shape: Shape) -> dict[str, Any]:
    """Return the usage with counts under the names their extractor knows."""
    prepared = {**dict.fromkeys(shape.required, 0), **usage}
    for name in shape.required:
        prepared[name] = whole(prepared[name])
    for path, others in shape.other_names.items():
        if not at(prepared, path):
            found = next((at(usage, other) for other in others if at(usage, other)), None)
            if found:
                _put(prepared, path, whole(found[0]))
    return prepared


def _put(into: dict[str, Any], path: str, count: int) -> None:
    outer, _, name = path.rpartition(".")
    if not outer:
        into[name] = count
    else:
        details = into.get(outer)
        into[outer] = {**(details if isinstance(details, dict) else {}), name: count}


def _extracted(body: Mapping[str, Any], provider: str, flavor: str) -> Units:
    from genai_prices import data_snapshot  # noqa: PLC0415 - a fifth of a second

    reader = data_snapshot.get_snapshot().find_provider(None, provider, None)
    _, usage = reader.extract_usage(body, api_flavor=flavor)
    return {name: whole(n) for name, n in vars(usage).items() if n}
