"""Pure: the counts of a usage, whatever its format.

Every format comes out in genai-prices' units, where cached tokens are a part of the input and
reasoning is a part of the output.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tachograph.usage.formats import FORMATS, Format
from tachograph_schema.fields import MAX_COUNT

Units = dict[str, int]
MAX_COUNTS = 64
_OVERLAPS = {"cache_audio_read_tokens", "cache_image_read_tokens", "cache_video_read_tokens"}
"""Counts that say how two others overlap, also where they do not."""
_SHORT = "cache_creation.ephemeral_5m_input_tokens"
_LITELLM_HOUR = "prompt_tokens_details.cache_creation_token_details.ephemeral_1h_input_tokens"
_MODALITIES = ("", "TEXT", "IMAGE", "VIDEO", "AUDIO", "DOCUMENT")
"""Gemini's, by their numbers in protobuf."""


def merged_usage(usages: list[Any]) -> dict[str, Any]:
    """Merge the events of a stream: counts are running totals, and a zero replaces nothing."""
    merged: dict[str, Any] = {}
    for usage in usages:
        if isinstance(usage, dict):
            merged = _over(merged, usage)
    return _camel(_in_one_vocabulary(merged))


def format_of(usage: Mapping[str, Any]) -> Format | None:
    """Return the format of a usage by its keys; None for one without a row in FORMATS."""
    return next((row for row in FORMATS if any(_has(usage, key) for key in row.keys)), None)


def units_of(usage: Mapping[str, Any], usage_format: Format) -> Units:
    """Return the counts of a usage in genai-prices' units.

    Raises ValueError where a count is not a whole number from 0.
    """
    if usage_format.extractor is None:
        sums = {unit: _sum(usage, paths) for unit, paths in usage_format.counts.items()}
        return {unit: n for unit, n in sums.items() if n}
    prepared = _prepared(usage, usage_format)
    body: dict[str, Any] = prepared
    for key in reversed(usage_format.root):
        body = {key: body}
    units = _extracted(body, *usage_format.extractor)
    for unit, paths in usage_format.modalities.items():
        found = [n for path in paths for n in values_at(usage, path)]
        if found and unit not in units and (n := whole(found[0], unit)):
            units[unit] = n
    for unit, n in units.items():
        whole(n, unit)
    return _with_lifetimes(units, usage)


def values_at(usage: Mapping[str, Any], path: str) -> list[Any]:
    """Return the values at a dotted path; `*` is every item of a list."""
    values: list[Any] = [usage]
    for step in path.split("."):
        if step == "*":
            values = [item for each in values if isinstance(each, list) for item in each]
        else:
            values = [e[step] for e in values if isinstance(e, Mapping) and e.get(step) is not None]
    return values


def whole(value: object, where: str) -> int:
    """Return a count; raises ValueError for anything else. Clients may write one as text."""
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_COUNT:
        shown = f"{value!r:.60}"
        raise ValueError(f"{where} is {shown}; expected a whole number of tokens, up to 10^15")
    return value


def _with_lifetimes(units: Units, usage: Mapping[str, Any]) -> Units:
    """Add what only the split of cache writes by their lifetime says.

    Anthropic's input holds no write, so that writes without a sum are added to it; a chat of
    OpenAI's format, as LiteLLM writes it, has them in the prompt.
    """
    hour, short = (
        sum(whole(n, path) for n in values_at(usage, path)[:1])
        for path in ("cache_creation.ephemeral_1h_input_tokens", _SHORT)
    )
    missing = hour + short - units.get("cache_write_tokens", 0)
    if missing > 0 and not units.get("cache_write_tokens") and "prompt_tokens" not in usage:
        units["cache_write_tokens"] = missing
        units["input_tokens"] = units.get("input_tokens", 0) + missing
    long = values_at(usage, _LITELLM_HOUR)
    if long and "cache_write_1h_tokens" not in units and (n := whole(long[0], _LITELLM_HOUR)):
        units["cache_write_1h_tokens"] = n
    return units


def counts_of(usage: Mapping[str, Any]) -> dict[str, int]:
    """Return the counts of a usage unchanged, by dotted path."""
    counts: dict[str, int] = {}
    waiting: list[tuple[str, Any]] = list(usage.items())
    while waiting and len(counts) < MAX_COUNTS:
        path, value = waiting.pop(0)
        if isinstance(value, dict):
            waiting += [(f"{path}.{name}", inner) for name, inner in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{path}.{n}", inner) for n, inner in enumerate(value)]
        elif isinstance(value, int | float) and not isinstance(value, bool) and value % 1 == 0:
            counts[path] = int(value)
    return counts


def _over(before: Any, after: Any) -> Any:  # noqa: ANN401 - any data
    if isinstance(before, dict) and isinstance(after, dict):
        return {**before, **{k: _over(before.get(k), v) for k, v in after.items()}}
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [_over(old, new) for old, new in zip(before, after, strict=True)]
    return before if after == 0 and isinstance(before, int) else after


def _in_one_vocabulary(usage: dict[str, Any]) -> dict[str, Any]:
    """Leave out the names of OpenAI's chats where they are all zero and its newer ones are not."""
    chat = ("prompt_tokens", "completion_tokens")
    if any(usage.get(name) for name in chat) or not any(name in usage for name in chat):
        return usage
    if not (usage.get("input_tokens") or usage.get("output_tokens")):
        return usage
    return {name: n for name, n in usage.items() if not name.startswith(("prompt_", "completion_"))}


def _camel(usage: dict[str, Any]) -> dict[str, Any]:
    """Return Gemini's usage with the names of its API; its Python library has other names."""
    if "generation_token_count" in usage:
        return usage
    spelled = {
        _spelled(name) if name.endswith(("_token_count", "_tokens_details")) else name: value
        for name, value in usage.items()
    }
    if not {"promptTokenCount", "candidatesTokenCount"} & spelled.keys():
        return {**usage, **{k: v for k, v in spelled.items() if k == "totalTokenCount"}}
    return {
        name: [_modality(row) for row in value] if isinstance(value, list) else value
        for name, value in spelled.items()
    }


def _modality(row: Any) -> Any:  # noqa: ANN401 - any data
    if not isinstance(row, dict):
        return row
    row = {_spelled(name): value for name, value in row.items()}
    modality = row.get("modality")
    numbered = isinstance(modality, int) and 0 <= modality < len(_MODALITIES)
    return {**row, "modality": _MODALITIES[modality] if numbered else str(modality)}


def _spelled(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _has(usage: Mapping[str, Any], key: str) -> bool:
    if "." not in key and "+" not in key:
        return key in usage
    return all(values_at(usage, part) for part in key.split("+"))


def _sum(usage: Mapping[str, Any], paths: tuple[str, ...]) -> int:
    return sum(whole(n, path) for path in paths for n in values_at(usage, path))


def _prepared(usage: Mapping[str, Any], usage_format: Format) -> dict[str, Any]:
    """Return the usage with counts under the names their extractor knows."""
    prepared = {**dict.fromkeys(usage_format.required, 0), **usage}
    for name in usage_format.required:
        prepared[name] = whole(prepared[name], name)
    for path, others in usage_format.other_names.items():
        if not values_at(prepared, path):
            counts = next(
                (values_at(usage, other) for other in others if values_at(usage, other)), None
            )
            if counts:
                _put(prepared, path, whole(counts[0], path))
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
    counts = vars(usage).items()
    return {name: whole(n, name) for name, n in counts if n or (n == 0 and name in _OVERLAPS)}
