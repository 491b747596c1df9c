"""Regular expressions run over what anybody wrote, and take time in proportion to it."""

from __future__ import annotations

import pytest

from support.places import ROOT
from tachograph_schema.tracing.redaction import preview, redacted
from unit.schema.slow_patterns import Pattern, patterns_in, slow

_PATTERNS = [
    pattern
    for folder in (
        "agent/tachograph",
        "schema/tachograph_schema",
        "cli/tachograph_cli",
        "functions",
    )
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "venv" not in path.parts
    for pattern in patterns_in(path, str(path.relative_to(ROOT)))
]
_NEVER_FAILS = r".*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
"""A key without an end is one to the end of the text, so that nothing is tried again."""


@pytest.mark.parametrize("pattern", _PATTERNS, ids=lambda pattern: pattern.where)
def test_pattern_takes_time_in_proportion_to_its_text(pattern: Pattern) -> None:
    text = pattern.text.replace(_NEVER_FAILS, "")
    assert slow(text, pattern.flags, searched=pattern.searched) == []


def test_patterns_of_every_kind_are_found() -> None:
    files = {pattern.where.partition(":")[0] for pattern in _PATTERNS}
    assert "schema/tachograph_schema/tracing/redaction.py" in files
    assert "schema/tachograph_schema/pricing/tiers.py" in files
    assert len(_PATTERNS) > 25


@pytest.mark.parametrize(
    ("pattern", "searched"),
    [
        (r"(a+)+$", False),
        (r"(\w+\s?)*x", False),
        (r"(a|a)*b(?:(?:x*)*)y", False),
        (r"\d+\d+x", False),
        (r"\s*,?\s*x", False),
        (r"a.*b.*c", False),
        (r"[\w.+-]+@", True),
        (r"\beyJ[\w-]{8,}\.", True),
        (r"\s+$", True),
        (r"x*y", True),
    ],
)
def test_slow_pattern_is_told(pattern: str, *, searched: bool) -> None:
    assert slow(pattern, searched=searched)


@pytest.mark.parametrize(
    ("pattern", "searched"),
    [
        (r"[a-z]+(?:-[a-z]+)*x", False),
        (r"(?<![\w.+-])[\w.+-]+@", True),
        (r"\b\w*token", True),
        (r"[^a-z]+", True),
        (r"\d++\d*x", False),
        (r"\d{1,12}:\d{1,3}x", True),
    ],
)
def test_fast_pattern_is_not(pattern: str, *, searched: bool) -> None:
    assert slow(pattern, searched=searched) == []


def test_token_whose_parts_are_cut_off_is_taken_out_too() -> None:
    assert redacted("see eyJhbGciOiJIUzI1NiJ9.eyJzdWIi") == "see [token]"
    assert redacted("eyJhbGciOiJIUzI1NiJ9") == "[token]"
    assert redacted("Eyjafjallajökull erupted") == "Eyjafjallajökull erupted"


@pytest.mark.parametrize(
    "unit",
    ["eyJ-", "a.b", "-----BEGIN A", "token ", "Bearer ", "1 ", "password", "sk-", "a@b", "\t"],
)
def test_preview_of_a_huge_text_looks_at_its_beginning_alone(unit: str) -> None:
    assert len(preview(unit * 10**6, 1000)) <= 1000
