"""Pure: one usage, of what a response or the events of a stream say of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MODALITIES = ("", "TEXT", "IMAGE", "VIDEO", "AUDIO", "DOCUMENT")
"""Gemini's, by their numbers in protobuf."""
MAX_COUNTS = 64


def gathered(usages: list[Any]) -> dict[str, Any]:
    """Add up the events of a stream: counts are running ones, and a zero takes nothing back."""
    merged: dict[str, Any] = {}
    for usage in usages:
        if isinstance(usage, dict):
            merged = _over(merged, usage)
    return _camel(merged)


def _over(before: Any, after: Any) -> Any:  # noqa: ANN401 - any data
    if isinstance(before, dict) and isinstance(after, dict):
        return {**before, **{k: _over(before.get(k), v) for k, v in after.items()}}
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [_over(old, new) for old, new in zip(before, after, strict=True)]
    return before if after == 0 and isinstance(before, int) else after


def _camel(usage: dict[str, Any]) -> dict[str, Any]:
    """Return Gemini's usage as its API spells it: its Python library spells it otherwise."""
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
    said = row.get("modality")
    known = isinstance(said, int) and 0 <= said < len(_MODALITIES)
    return {**row, "modality": _MODALITIES[said] if known else str(said)}


def _spelled(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def counts_of(usage: Mapping[str, Any]) -> dict[str, int]:
    """Return the counts of a usage as they stand, by dotted path."""
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
