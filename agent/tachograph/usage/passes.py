"""Pure: the passes of one Anthropic response, each of which is billed at the model that made it.

`usage.iterations` lists what the server did for one response: passes of the model that answered,
compactions, advisors, and attempts of other models before a fallback. The counts at the top are
those of the model that answered, without its compactions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Pass = dict[str, Any]


def passes_of(usage: Mapping[str, Any], model: str | None) -> tuple[list[Pass], list[Pass]]:
    """Return the passes of the model that answered, and those of others that were billed.

    A pass that put nothing out was refused before it began, and costs nothing.
    """
    listed = usage.get("iterations")
    passes = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    billed = [each for each in passes if _count(each, "output_tokens")]
    own = [each for each in billed if _is_of(each, model)]
    others = [each for each in billed if not _is_of(each, model)]
    if model is None and others and not own:  # a response that does not name who answered
        others = others[:-1]
    compactions = [each for each in own if each.get("type") == "compaction"]
    answers = [each for each in own if each.get("type") != "compaction"]
    top = dict(usage)
    if answers and sum(map(_tokens, answers)) > _tokens(top):
        return [*compactions, *answers], others
    return [*compactions, top], others


def _is_of(one: Pass, model: str | None) -> bool:
    name = one.get("model")
    if not isinstance(name, str) or not name:
        return True
    return model is not None and (
        name == model or name.startswith(f"{model}-20") or model.startswith(f"{name}-20")
    )


def _tokens(one: Mapping[str, Any]) -> int:
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens")
    return sum(_count(one, name) for name in (*names, "cache_creation_input_tokens"))


def _count(one: Mapping[str, Any], name: str) -> int:
    count = one.get(name)
    return count if isinstance(count, int) else 0
