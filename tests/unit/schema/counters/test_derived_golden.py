"""tests/golden/derived.json is what this side computes; the page's tests hold it to the same."""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterator
from typing import Any

import pytest

from support.places import GOLDEN


def test_golden_derived_numbers_are_what_the_schema_computes() -> None:
    computed = runpy.run_path(str(GOLDEN / "write_derived.py"))["golden"]()
    written = json.loads((GOLDEN / "derived.json").read_text())
    # Not to the last bit: another machine's power and root may round otherwise.
    assert dict(_leaves(written)) == pytest.approx(dict(_leaves(computed)))


def _leaves(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - JSON
    if isinstance(value, dict | list):
        yield where, len(value)
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        for name, part in parts:
            yield from _leaves(part, f"{where}/{name}")
    else:
        yield where, value
