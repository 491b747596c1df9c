"""Pure: the ids of models, and what the ways to them put around an id."""

from __future__ import annotations

import re
from collections.abc import Iterator

_BEDROCK = re.compile(r"arn:aws[\w-]*:bedrock:|bedrock/|(?:[a-z-]{2,8}\.)?anthropic\.claude")
_PATH = re.compile(r"^(?:arn:.*/|bedrock/|vertex_ai/|(?:publishers/\w+/)?models/)")
_WINDOW = re.compile(r"\[\w+\]$")
"""Claude Code's `[1m]`: how much of the window it uses."""
_ROUTING = re.compile(r":(?:nitro|floor|exacto)$")
"""How OpenRouter chooses among hosts. `:online` stays: it adds a fee that no list has."""
_REGION = re.compile(r"^(?!global\.)[a-z]{2,6}(?:-[a-z]+)?\.(?=[a-z0-9]+\.)")
"""The region of a Bedrock inference profile; only global ones have another price."""


def is_bedrock(model: str) -> bool:
    """Tell whether an id is Bedrock's, whoever is said to serve it."""
    return _BEDROCK.match(model) is not None


def spellings(model: str) -> Iterator[str]:
    """Yield an id as it is, then without what its way put around it, one thing after the other."""
    yield model
    for around in (_PATH, _WINDOW, _ROUTING, _REGION):
        shorter = around.sub("", model)
        if shorter != model and shorter:
            model = shorter
            yield model
