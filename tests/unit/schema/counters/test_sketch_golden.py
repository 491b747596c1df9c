"""tests/golden/sketch.json is what this side computes.

dashboard/src/lib/derive/sketch.test.ts holds the other side to the same file.
"""

from __future__ import annotations

import json
import runpy

import pytest

from support.places import GOLDEN


def test_golden_sketches_are_what_the_schema_computes() -> None:
    computed = runpy.run_path(str(GOLDEN / "write_sketch.py"))["golden"]()
    written = json.loads((GOLDEN / "sketch.json").read_text())
    assert written["relative_error"] == computed["relative_error"]
    # Not to the last bit: another machine's logarithm may round otherwise.
    assert [v["stands_for"] for v in written["values"]] == pytest.approx(
        [v["stands_for"] for v in computed["values"]]
    )
    assert [v["bucket"] for v in written["values"]] == [v["bucket"] for v in computed["values"]]
    for old, new in zip(written["samples"], computed["samples"], strict=True):
        assert old["counters"] == new["counters"], old["name"]
        values = [[read["value"] for read in side["quantiles"]] for side in (old, new)]
        assert values[0] == pytest.approx(values[1]), old["name"]
