"""Write formats.json: numbers as tachograph_cli.terminal.fmt writes them, and the page has to.

It is run by: make golden
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from support.places import GOLDEN
from tachograph_cli.terminal import fmt

TARGET = GOLDEN / "formats.json"
_EVERY = [sign * m * 10.0**e for e in range(-8, 13) for m in (1, 1.25, 4.2, 9.95, 9.996)
          for sign in (1, -1)]  # fmt: skip
_HALVES = [0.125, 0.375, 2.5, 12.125, 62.5, 99.995, 999.5, 1125, 9999.5]
FORMATS: Mapping[str, Callable[[float], str]] = {
    "dollars": fmt.dollars,
    "count": fmt.count,
    "duration": fmt.duration,
    "percent": fmt.percent,
    "share": fmt.share,
}


def golden() -> dict[str, list[tuple[float, str]]]:
    """Compute the file's content: by format, pairs of a number and how it is written."""
    numbers = [0.0, *_EVERY, *_HALVES]
    return {name: [(n, write(n)) for n in numbers] for name, write in FORMATS.items()}


if __name__ == "__main__":
    TARGET.write_text(json.dumps(golden(), ensure_ascii=False) + "\n")
