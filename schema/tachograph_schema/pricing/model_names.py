"""Pure: the ids of models, what the ways to them put around an id, and the hosts an id names."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ARN = re.compile(r"^arn:([\w-]+):bedrock:[\w-]*:\d*:([\w-]+)/")
_NAMING = frozenset({"foundation-model", "inference-profile"})
"""Kinds of Bedrock's ARNs that end in the id of a model; the ids of other kinds are made up."""
_PUBLIC = "aws"
"""The partition that Bedrock's list of prices is for."""
_GOVERNMENT = re.compile(r"(?:^|/)us-gov\.")
_PATH = re.compile(
    r"^(?:arn:.*/|bedrock/(?:converse/)?(?:[a-z]{2}-[a-z-]+-\d/)?|vertex_ai/|azure/|azure_ai/|gemini/"
    r"|(?:(?:projects/[^/]+/locations/[^/]+/)?publishers/\w+/)?models/)"
)
_WINDOW = re.compile(r"\[\w+\]$")
"""Claude Code's `[1m]`: how much of the window it uses."""
_ROUTING = re.compile(r":(?:nitro|floor|exacto)$")
"""How OpenRouter chooses among hosts."""
_FAST = re.compile(r"-fast(?![a-z])")
_ONLINE = ":online"
"""OpenRouter's search of the web before the model is called."""
_REGION = re.compile(r"^(?!global\.)[a-z]{2,6}(?:-[a-z]+)?\.(?=[a-z0-9]+\.)")
"""The region of a Bedrock inference profile; only global ones have another price."""
_HOSTS = (
    (
        "aws",
        re.compile(
            r"^(?:arn:aws[\w-]*:bedrock:|bedrock/)|^(?:[a-z-]{2,8}\.)?"
            r"(?:anthropic\.claude|amazon\.(?:nova|titan)|meta\.llama|mistral\.|deepseek\.(?:r|v)\d"
            r"|cohere\.(?:command|embed|rerank)|ai21\.|qwen\.qwen|writer\.palmyra|nvidia\.nemotron"
            r"|openai\.gpt|google\.gemma|moonshotai\.kimi|zai\.glm)"
        ),
    ),
    (
        "openrouter",
        re.compile(
            r"^(?:openrouter/)?~?[\w.-]+/[\w.-]+:"
            r"(?:free|nitro|floor|exacto|online|beta|thinking|extended|batch)$"
        ),
    ),
    ("openrouter", re.compile(r"^(?:openrouter/)?~?anthropic/claude-[\w.-]+-fast$")),
    ("google", re.compile(r"^(?:projects/[^/]+/locations/[^/]+/)?publishers/\w+/models/")),
)
"""Hosts whose ids nobody else has."""


_PROFILED = re.compile(r"^(?:bedrock/(?:converse/)?)?(?:anthropic\.)?claude-[a-z]+-\d")
"""Claude since 4 on Bedrock, which is called through a profile: a global one, or a region's."""
_MAKERS = (
    ("text-embedding-3-", "openai"),
    ("text-embedding-ada-", "openai"),
    ("embed-", "cohere"),
)
"""Makers of models that genai-prices finds by their maker alone."""


def is_profile_unsaid(model: str) -> bool:
    """Tell whether an id leaves out the profile that decides its price, should Bedrock serve it."""
    return _PROFILED.match(model) is not None


def maker_of(model: str) -> str | None:
    """Return who makes a model that no list finds by its name alone."""
    return next((maker for start, maker in _MAKERS if model.startswith(start)), None)


def host_of(model: str) -> str | None:
    """Return the host that an id names by its form, whoever is said to serve it."""
    return next((host for host, form in _HOSTS if form.match(model)), None)


def fuller(served: str | None, asked: str | None) -> str | None:
    """Return what was asked for where it names a host and holds the id of what answered, else that.

    Bedrock answers without the profile that decides the price, OpenRouter without its suffixes.
    """
    if served is None or asked is None:
        return served or asked
    whole = re.search(rf"(?:^|[./~]){re.escape(served)}(?:-v\d+)?(?::[\w:]+)?$", asked)
    return asked if whole and host_of(asked) is not None else served


def is_faster(model: str, entry: str) -> bool:
    """Tell whether an id is of a faster and dearer model than the entry that its name matched."""
    return _FAST.search(model) is not None and "fast" not in entry


def unlisted(model: str) -> str | None:
    """Return why no list can have the price of an id, or None where one may."""
    arn = _ARN.match(model)
    if arn is not None and arn[2] not in _NAMING:
        return f"{arn[2].replace('-', ' ')}s do not say whose price they have"
    if (arn is not None and arn[1] != _PUBLIC) or _GOVERNMENT.search(model):
        return "no list has the prices of this partition of AWS"
    if model.endswith(_ONLINE):
        return f"{_ONLINE} adds a fee that no list has"
    return None


def spellings(model: str) -> Iterator[str]:
    """Yield an id as it is, then without what its way put around it, one thing after the other."""
    yield model
    for around in (_PATH, _WINDOW, _ROUTING, _REGION):
        shorter = around.sub("", model)
        if shorter != model and shorter:
            model = shorter
            yield model
