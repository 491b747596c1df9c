"""Measure the numbers that the README quotes: `make bench`.

Each module measures one thing and yields rows of the README's table: a name, a result and a bound.
A benchmark does not fail when a bound is exceeded.
"""

from __future__ import annotations

import sys

from bench import (
    claims,
    event,
    handoff,
    imports,
    latency,
    page,
    peers,
    recording,
    snapshot,
    tracing,
)

PARTS = {
    "event": event,
    "claims": claims,
    "imports": imports,
    "recording": recording,
    "latency": latency,
    "handoff": handoff,
    "snapshot": snapshot,
    "peers": peers,
    "tracing": tracing,
    "page": page,
}


def main() -> None:
    """Run the parts named on the command line, or all."""
    for name in sys.argv[1:] or PARTS:
        for row in PARTS[name].rows():
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
