"""Pure: the usage and the cost that a model's response states, of any provider.

    read_response(client.messages.create(...)).usage

The result has the same token buckets for every provider. Some providers count cached input as a
part of the input; for them it is subtracted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from tachograph.usage.breakdown import beyond, models_of
from tachograph.usage.buckets import UnexplainedError, buckets
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
from tachograph.usage.fees import fees_of
from tachograph.usage.formats import Format
from tachograph.usage.passes import Pass, passes_of
from tachograph.usage.plain_data import plain
from tachograph_schema.pricing.model_names import fuller, host_of
from tachograph_schema.pricing.price import nanousd
from tachograph_schema.pricing.terms import Terms, geo_named, tier_named
from tachograph_schema.usage import Usage

_TICKS_PER_USD = 10**10
"""xAI's `cost_in_usd_ticks`."""
_BILLED_APART = ("audio", "image", "video", "searches", "executions", "seconds", "pages")
"""Units that may have a price of their own beside the buckets'."""
_LARGEST = 10**18
"""Of a cost, in dollars or ticks: no bill is that large, and decimals have no room for it."""
_GOOGLE = {"google", "google-gla", "google-vertex"}


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
    if excerpt.batch:
        tier = "batch"
    base = Answer(
        Usage(),
        model=_model(excerpt.model) or model,
        provider=provider or _provider(fuller(excerpt.model, model), excerpt, usage, usage_format),
        terms=Terms(route, tier, geo_named(_text(usage.get("inference_geo")))),
        finish_reason=excerpt.finish_reason,
        response_id=excerpt.response_id,
        cost_nanousd=_cost(usage),
        raw=counts_of(usage),
    )
    try:
        answer = _read(base, usage, usage_format, excerpt)
        return replace(answer, model=fuller(answer.model, model))
    except UnexplainedError as surplus:
        return replace(base, usage=surplus.usage, readable=False, why=str(surplus))
    except ValueError as refusal:
        return _unreadable(base, str(refusal))


def _read(
    base: Answer, usage: dict[str, Any], usage_format: Format | None, excerpt: Excerpt
) -> Answer:
    models = models_of(excerpt.breakdown)
    if models:
        return _compound(base, usage, models, excerpt)
    if usage_format is None:
        keys = ", ".join(sorted(usage)[:8])
        words = f"its usage has {keys}" if keys else f"{excerpt.source} has no usage"
        raise ValueError(f"{words}; expected a shape of usage that is known here")
    units = units_of(usage, usage_format)
    own, others = [usage], list[Pass]()
    if usage_format.name == "anthropic" and "iterations" in usage:
        own, others = passes_of(usage, base.model)
    parts = [_buckets(each, usage_format, base) for each in own[:-1]]
    if own[-1] is usage:
        parts.append(_split(usage, units, usage_format, base))
    else:
        parts.append(_buckets(own[-1], usage_format, base))
    # Cohere bills less than it reads.
    context = _first(values_at(usage, "tokens.input_tokens"))
    if not context and "iterations" in usage:
        context = _last_prompt(usage, usage_format, base)
    return replace(
        base,
        usage=sum((part for part, _ in parts), Usage()) if len(parts) > 1 else parts[0][0],
        units=_billed_apart(
            units, fees_of(usage, excerpt.tools.values(), excerpt.queries, base.model)
        ),
        context_tokens=context or parts[-1][0].prompt_tokens,
        others=tuple(_other(each, usage_format, base) for each in others),
        why=next((why for _, why in parts if why), None),
    )


def _compound(
    base: Answer, top: dict[str, Any], models: list[tuple[str, dict[str, Any]]], excerpt: Excerpt
) -> Answer:
    """Read the usage of a system of several models: each model's is its own call."""
    read = [(model, _of_one_model(usage, base)) for model, usage in models]
    own = [usage for model, usage in read if model == base.model]
    if top:
        everything = sum((usage for _, usage in read), Usage())
        own.append(beyond(_of_one_model(top, base), everything))
    others = [(model, usage) for model, usage in read if model != base.model]
    return replace(
        base,
        usage=sum(own, Usage()),
        units=fees_of(top, excerpt.tools.values(), excerpt.queries, base.model),
        others=tuple(
            replace(base, model=model, usage=usage, cost_nanousd=None, raw={})
            for model, usage in others
        ),
    )


def _of_one_model(usage: dict[str, Any], base: Answer) -> Usage:
    usage = merged_usage([usage])
    usage_format = format_of(usage)
    if usage_format is None:
        raise ValueError(
            f"the usage of a model has {', '.join(sorted(usage)[:8])}; expected tokens"
        )
    return _buckets(usage, usage_format, base)[0]


def _other(one: Pass, usage_format: Format, base: Answer) -> Answer:
    usage, _ = _buckets(one, usage_format, base)
    return replace(base, usage=usage, model=one["model"], cost_nanousd=None, raw={})


def _buckets(usage: dict[str, Any], usage_format: Format, base: Answer) -> tuple[Usage, str | None]:
    return _split(usage, units_of(usage, usage_format), usage_format, base)


def _split(
    usage: dict[str, Any], units: Units, usage_format: Format, base: Answer
) -> tuple[Usage, str | None]:
    google = "gemini" in f"{base.model} {base.provider}" or base.provider in _GOOGLE
    hides_thoughts = google and "thoughts" not in usage  # Gemini CLI states them, if only as 0
    return buckets(units, _total(usage, usage_format), hides_thoughts=hides_thoughts)


def _billed_apart(units: Units, fees: Units) -> Units:
    """Return the units that may have a price of their own beside the buckets'."""
    apart = {
        name: n
        for name, n in units.items()
        if any(part in name for part in _BILLED_APART) and not name.endswith("_tool_tokens")
    }
    return {**apart, **fees}


def _last_prompt(usage: Mapping[str, Any], usage_format: Format, base: Answer) -> int:
    """Return the prompt of the last pass, which is what the context holds."""
    passes = [each for each in values_at(usage, "iterations.*") if isinstance(each, dict)]
    own = [each for each in passes if each.get("model") in {None, base.model}]
    return _buckets(own[-1], usage_format, base)[0].prompt_tokens if own else 0


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
    stated = details.get("upstream_inference_cost") if isinstance(details, Mapping) else None
    upstream = _decimal(stated)
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
    name: str | None, excerpt: Excerpt, usage: Mapping[str, Any], usage_format: Format | None
) -> str | None:
    if "cost_details" in usage or "is_byok" in usage:
        return "openrouter"
    if excerpt.breakdown:
        return "groq"
    by_id = host_of(name) if name else None
    return excerpt.provider or by_id or (usage_format.provider if usage_format else None)


def _model(served: str | None) -> str | None:
    """Return a model's id without the path before it; a path of a file names no model."""
    if served is None or served.startswith("/"):
        return None
    return served.rpartition("models/")[2] or None


def _total(usage: Mapping[str, Any], usage_format: Format) -> int:
    return _first(values_at(usage, usage_format.total)) if usage_format.total else 0


def _first(counts: list[Any]) -> int:
    return whole(counts[0], "a total") if counts else 0


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        exact = Decimal(str(value))
    except InvalidOperation:
        return None
    return exact if exact.is_finite() and 0 <= exact <= _LARGEST else None
