"""Import time and memory of the hot function in a fresh process, as in a cold start."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

RUNS = 7
_FUNCTIONS = Path(__file__).parent.parent / "functions"
_PROGRAM = """
import time
begun = time.perf_counter()
import main
seconds = time.perf_counter() - begun
from pathlib import Path
# Not ru_maxrss, which a process inherits from the one that started it.
[peak] = [line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line]
print(seconds, int(peak.split()[1]) / 1024)
"""


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield the medians of 7 fresh processes."""
    found = [_import() for _ in range(RUNS)]
    seconds, mebibytes = (statistics.median(column) for column in zip(*found, strict=True))
    yield "import of the hot function", f"{seconds:.2f} s, {mebibytes:.0f} MB", "0.8 s, 120 MB"


def _import() -> tuple[float, float]:
    command = [sys.executable, "-c", _PROGRAM]
    run = subprocess.run(command, cwd=_FUNCTIONS, capture_output=True, text=True, check=True)
    seconds, mebibytes = map(float, run.stdout.split())
    return seconds, mebibytes
