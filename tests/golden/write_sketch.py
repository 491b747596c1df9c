"""Write sketch.json, what tachograph_schema.counters.sketch computes, for other languages.

It is run by: make golden
"""

from __future__ import annotations

import json
from typing import Any

from support.places import GOLDEN
from tachograph_schema.counters.cells import add_rows
from tachograph_schema.counters.sketch import (
    RELATIVE_ERROR,
    STEPS,
    bucket_counter,
    bucket_index,
    bucket_value,
    buckets,
    coarser,
    quantile,
)

TARGET = GOLDEN / "sketch.json"
NAME = "duration_ms"
QUANTILES = (0.0, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0)
TAIL = "a long tail"
SAMPLES = {
    "nothing": [],
    "only zeros": [0, 0, 0],
    "one value": [4217],
    "one to a hundred": list(range(1, 101)),
    "zeros among large ones": [0, 0, 0, 10**6, 10**9, 10**12, 10**15],
    TAIL: [round(1.13**n) for n in range(200)],
}


def golden() -> dict[str, Any]:
    """Compute the file's content."""
    return {
        "relative_error": RELATIVE_ERROR,
        "values": [
            {
                "value": value,
                "bucket": bucket_index(value),
                "stands_for": bucket_value(bucket_index(value)),
            }
            for value in (0, 1, 2, 3, 10, 47, 999, 1000, 3480, 10**6, 10**9, 10**12, 10**15)
        ],
        "samples": [
            *(sample(name, values) for name, values in SAMPLES.items()),
            *(sample(f"{TAIL}, coarser by {step}", SAMPLES[TAIL], step) for step in STEPS[1:]),
        ],
    }


def sample(name: str, values: list[int], step: int = 1) -> dict[str, Any]:
    """Count the values among counters that are none of the sketch, and read them back."""
    others = {NAME: sum(values), f"{NAME}_other~3": 1, f"{NAME}~9999": -1}
    counted = add_rows({bucket_counter(NAME, value): 1} for value in values)
    counters = others | coarser(counted, step)
    read = [{"q": q, "value": quantile(buckets(counters, NAME), q)} for q in QUANTILES]
    return {"name": name, "counters": counters, "quantiles": read}


if __name__ == "__main__":
    TARGET.write_text(json.dumps(golden(), indent=1) + "\n")
