"""Pure: the usage and the cost that a model's response states, of any provider.

    read_response(client.messages.create(...)).usage

The result has the same token buckets for every provider. Some providers count cached input as a
part of the input; for them it is subtracted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from tachograph.usage.counts import (
    Units,
    counts_of,
    format_of,
    merged_usage,
    units_of,
    values_at,
    whole,
)
from tachograph.usage.excerpt import Excerpt, excerpt_of
from tachograph.usage.formats import Format
from tachograph.usage.plain_data import plain
from tachograph_schema.pricing.price import nanousd
from tachograph_schema.pricing.terms import Terms, tier_named
from tachograph_schema.usage import Usage

_TICKS_PER_USD = 10**10
"""xAI's `cost_in_usd_ticks`."""
_BILLED_APART = ("audio", "image", "video", "searches", "executions", "seconds", "pages")
"""Units that may have a price of their own beside the buckets'."""
_XAI_TOOLS = {
    "SERVER_SIDE_TOOL_WEB_SEARCH": "web_searches",
    "SERVER_SIDE_TOOL_X_SEARCH": "social_searches",
    "SERVER_SIDE_TOOL_COLLECTIONS_SEARCH": "storage_searches",
    "SERVER_SIDE_TOOL_ATTACHMENT_SEARCH": "storage_searches",
    "SERVER_SIDE_TOOL_CODE_EXECUTION": "code_executions",
}
"""Tools that xAI bills by the use, and lists among the counts of tokens."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The usage, the serving model and the cost that a response states.

    For a response that is not readable, `usage` has the tokens it states anywhere: they are counted
    and never priced, and `why` says what stood in the way. For a readable one `why` says what was
    mended.
    """

    usage: Usage
    model: str | None = None
    provider: str | None = None
    cost_nanousd: int | None = None
    """The cost that the provider billed; it beats any computed price."""
    terms: Terms = field(default_factory=Terms)
    units: Mapping[str, int] = field(default_factory=dict)
    """Units billed apart from the buckets, by genai-prices' names, such as `web_searches`."""
    finish_reason: str | None = None
    response_id: str | None = None
    context_tokens: int = 0
    """Tokens in the model's context at the end: fewer than the usage where it was compacted."""
    raw: Mapping[str, int] = field(default_factory=dict)
    """The provider's own counts, by dotted path."""
    others: tuple[Answer, ...] = ()
    """Calls of other models on the way to this answer, such as an advisor; not in `usage`."""
    readable: bool = True
    why: str | None = None


def read_response(
    response: object,
    *,
    provider: str | None = None,
    model: str | None = None,
    route: str | None = None,
) -> Answer:
    """Read a response: an SDK's object, a dictionary, JSON text, or a stream's chunks or events.

    An iterator of chunks is read to its end. `model` is the requested one; the model in the
    response wins. `provider` and `route` win over the response. Never raises: an unreadable
    response is an Answer whose `readable` is False.
    """
    excerpt = excerpt_of(list(response) if isinstance(response, Iterator) else response)
    usage = merged_usage([plain(each) for each in excerpt.usages])
    usage_format = format_of(usage)
    tier = tier_named(_tier(excerpt, usage), _text(usage.get("speed")))
    base = Answer(
        Usage(),
        model=_model(excerpt.model) or model,
        provider=provider or _provider(excerpt, usage, usage_format),
        terms=Terms(route, tier),
        finish_reason=excerpt.finish_reason,
        response_id=excerpt.response_id,
        cost_nanousd=_cost(usage),
        raw=counts_of(usage),
    )
    try:
        return _read(base, usage, usage_format, excerpt.source)
    except ValueError as refusal:
        return _unreadable(base, str(refusal))


def _read(base: Answer, usage: dict[str, Any], usage_format: Format | None, source: str) -> Answer:
    if usage_format is None:
        keys = ", ".join(sorted(usage)[:8])
        words = f"its usage has {keys}" if keys else f"{source} has no usage"
        raise ValueError(f"{words}; expected a shape of usage that is known here")
    own, others = _iterations(usage, usage_format)
    answers = [_answer(base, each, usage_format) for each in own]
    merged = answers[0]
    for further in answers[1:]:
        merged = replace(merged, usage=merged.usage + further.usage, why=merged.why or further.why)
    return replace(
        merged,
        units=_answer(base, usage, usage_format).units if len(own) > 1 else merged.units,
        context_tokens=_first(
            values_at(usage, "tokens.input_tokens")
        )  # Cohere bills less than it reads
        or answers[-1].usage.prompt_tokens,
        others=tuple(
            replace(
                _answer(base, each, usage_format), model=each["model"], cost_nanousd=None, raw={}
            )
            for each in others
        ),
    )


def _answer(base: Answer, usage: dict[str, Any], usage_format: Format) -> Answer:
    used = values_at(usage, "server_side_tools_used.*")
    tools = Counter(
        _XAI_TOOLS[tool] for tool in used if isinstance(tool, str) and tool in _XAI_TOOLS
    )
    units = {**units_of(usage, usage_format), **tools}
    buckets, why = _buckets(units, _total(usage, usage_format))
    billed_apart = {
        name: n
        for name, n in units.items()
        if any(part in name for part in _BILLED_APART) and not name.endswith("_tool_tokens")
    }
    return replace(base, usage=buckets, units=billed_apart, why=why)


def _buckets(units: Units, total: int) -> tuple[Usage, str | None]:
    """Split counts that contain each other into buckets that do not; mend what contradicts."""
    given, out = units.get("input_tokens", 0), units.get("output_tokens", 0)
    cached, written = units.get("cache_read_tokens", 0), units.get("cache_write_tokens", 0)
    thoughts, hour = units.get("output_reasoning_tokens", 0), units.get("cache_write_1h_tokens", 0)
    hidden = max(0, total - given - out) if total else 0
    out, thoughts = out + hidden, max(thoughts, hidden)
    read = min(cached, given)
    wrote = min(written, given - read)
    usage = Usage(given - read - wrote, read, wrote, min(hour, wrote), out, min(thoughts, out))
    for name, count, allowed in (
        ("cache_read_tokens", cached, read),
        ("cache_write_tokens", written, wrote),
        ("cache_write_1h_tokens", hour, usage.cache_write_1h_tokens),
        ("reasoning_tokens", thoughts, usage.reasoning_tokens),
    ):
        if count > allowed:
            return usage, f"{name} is {count}; expected at most {allowed}, which is taken"
    return usage, None


def _iterations(
    usage: dict[str, Any], usage_format: Format
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Split an Anthropic response into its own passes and those of other models.

    The counts at the top leave out compaction and advisors, and both are billed.
    """
    passes = usage.get("iterations") if usage_format.name == "anthropic" else None
    if not isinstance(passes, list) or not all(isinstance(each, dict) for each in passes):
        return [usage], []
    own = [each for each in passes if not isinstance(each.get("model"), str)]
    return own or [usage], [each for each in passes if isinstance(each.get("model"), str)]


def _unreadable(base: Answer, why: str) -> Answer:
    """Keep the largest count of input tokens and of output tokens, wherever they are."""
    given = out = rest = 0
    for path, n in base.raw.items():
        name = path.lower()
        if "token" not in name:
            continue
        if any(word in name for word in ("output", "completion", "generat", "candidate")):
            out = max(out, n)
        elif any(word in name for word in ("input", "prompt")):
            given = max(given, n)
        else:
            rest = max(rest, n)
    usage = Usage(tokens_in=given or (0 if out else rest), tokens_out=out)
    return replace(base, usage=usage, readable=False, why=why)


def _cost(usage: Mapping[str, Any]) -> int | None:
    """Return the billed cost, as xAI, OpenRouter, Perplexity or the agent Pi state it.

    With the user's own key, OpenRouter bills its fee and the provider bills the inference.
    """
    ticks = _decimal(usage.get("cost_in_usd_ticks"))
    if ticks is not None:
        return nanousd(ticks / _TICKS_PER_USD)
    stated = usage.get("cost")
    if isinstance(stated, Mapping):
        stated = stated.get("total_cost", stated.get("total"))
    cost = _decimal(stated)
    if cost is None:
        return None
    details = usage.get("cost_details")
    upstream = _decimal(details.get("upstream_inference_cost")) if details else None
    if upstream is not None and (usage.get("is_byok") is True or not cost):
        cost += upstream
    return nanousd(cost)


def _tier(excerpt: Excerpt, usage: Mapping[str, Any]) -> str | None:
    """Return the service tier in the provider's words, from any of its places."""
    tier = plain(excerpt.service_tier)
    if isinstance(tier, Mapping):  # Bedrock's
        tier = tier.get("type")
    names = ("service_tier", "serviceTier", "trafficType", "traffic_type")
    in_usage = (text for name in names if (text := _text(usage.get(name))))
    return _text(tier) or next(in_usage, None)


def _provider(
    excerpt: Excerpt, usage: Mapping[str, Any], usage_format: Format | None
) -> str | None:
    if "cost_details" in usage or "is_byok" in usage:
        return "openrouter"
    return excerpt.provider or (usage_format.provider if usage_format else None)


def _model(served: str | None) -> str | None:
    """Return a model's id without the path before it; a path of a file names no model."""
    if served is None or served.startswith("/"):
        return None
    return served.rpartition("models/")[2] or None


def _total(usage: Mapping[str, Any], usage_format: Format) -> int:
    return _first(values_at(usage, usage_format.total)) if usage_format.total else 0


def _first(counts: list[Any]) -> int:
    return whole(counts[0]) if counts else 0


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        exact = Decimal(str(value))
    except InvalidOperation:
        return None
    return exact if exact.is_finite() and exact >= 0 else None
