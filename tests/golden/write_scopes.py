"""Write scopes.json: scopes as tachograph_schema.counters.scopes builds and reads them.

It is run by: make golden
"""

from __future__ import annotations

import json
from typing import Any

from support.places import GOLDEN
from tachograph_schema.counters import scopes

TARGET = GOLDEN / "scopes.json"
NAMES = (
    "build",
    "build|model:gpt-5",
    "ollama/llama3:8b",
    "a=b",
    "100%",
    "100%25",
    "%5Fother",
    "%3A",
    "_other",
    "_unknown",
    "_private",
    "Bau · größer",
    "|:=%",
    "fleet",
    "constructor",
)
BUILT = (
    *(scopes.scope("agent", name) for name in NAMES),
    *(scopes.scope("model", word) for word in scopes.Reserved),
    *(scopes.pair(name, other) for name, other in zip(NAMES, reversed(NAMES), strict=True)),
    *(scopes.label(name, other) for name, other in zip(NAMES, reversed(NAMES), strict=True)),
    *(scopes.rest(dimension) for dimension in ("agent", scopes.PAIR, "label:team%3Da")),
    scopes.pair(None, "gpt-5"),
    "fleet",
)
"""As they are written today."""
BEFORE = (
    "model:ollama/llama3:8b",
    "type:a: b|model:c",
    "type:a|model:b|model:c",
    "label:team=core=1",
    "label:team",
    "type:100%",
    "type:half|pipe",
    "type:_unknown|model:x:y",
    "role:",
)
"""As they were written before names were escaped."""


def golden() -> dict[str, Any]:
    """Compute the file's content."""
    return {
        "names": [{"name": name, "scope": scopes.scope("agent", name)} for name in NAMES],
        "scopes": [_read(scope) for scope in (*BUILT, *BEFORE)],
    }


def _read(scope: str) -> dict[str, Any]:
    dimension = scopes.dimension(scope)
    return {
        "scope": scope,
        "canonical": scopes.canonical(scope),
        "dimension": dimension,
        "titles": scopes.titles(scope),
        "title": scopes.title(scope),
        "rest": scope == scopes.rest(dimension),
    }


if __name__ == "__main__":
    TARGET.write_text(json.dumps(golden(), indent=1, ensure_ascii=False) + "\n")
