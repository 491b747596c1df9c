"""CPU time of one event in `roll_up`, without the network, in fleets of three sizes."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from time import process_time
from unittest.mock import patch

sys.path[:0] = [str(Path(__file__).parent.parent / name) for name in ("functions", "tests")]

from cloudevents.http import CloudEvent  # noqa: E402

from counting import ledger  # noqa: E402 - from the functions' source root
from counting.contribution import contribution  # noqa: E402
from events.change import read_change  # noqa: E402
from support.wire.events import EPOCH, history  # noqa: E402
from tachograph_schema.documents.fleet import Fleet  # noqa: E402

EVENTS = 2000
FLEETS = (10, 1_000, 100_000)
_ATTRIBUTES = {"type": "written", "source": "bench", "datacontenttype": "application/protobuf"}


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield a row for each size of fleet."""
    for agents in FLEETS:
        cpu_ms = _cpu_ms(agents)
        yield f"CPU for one event, {agents:,} agents", f"{cpu_ms:.2f} ms", "2 ms, flat"


def _cpu_ms(agents: int) -> float:
    events = [_event(random.randrange(agents), n) for n in range(EVENTS)]  # noqa: S311 - a choice
    fleet = Fleet()
    with patch.object(ledger, "_commit", return_value=True), patch.object(ledger, "root", str):
        begun = process_time()
        for event in events:
            change = read_change(event)
            before = contribution("tasks", change.before, fleet)
            after = contribution("tasks", change.after, fleet)
            ledger.record(change, before, after, fleet)
        return (process_time() - begun) * 1000 / EVENTS


def _event(agent: int, n: int) -> CloudEvent:
    working = {
        "status": "active",
        "task_type": "build",
        "agent_id": f"builder-{agent}",
        "agent_role": "builder",
        "model": "claude-opus-4-6",
        "provider": "anthropic",
        "labels": {"team": "core"},
        "tokens_in": 100,
        "cache_read_tokens": 5_000,
        "tokens_out": 10,
        "cost_nanousd": 100_000,
        "llm_calls": 3,
        "tool_calls": 4,
        "created_at": EPOCH,
        "claimed_at": EPOCH,
        "reported_at": EPOCH,
    }
    ended = {
        **working,
        "status": "completed",
        "tokens_in": 900 + n,
        "cost_nanousd": 900_000 + n,
        "steps": 9,
        "duration_ms": 52_000,
    }
    *_, write = history(f"fleets/bench/tasks/t-{n}", [working, ended])
    return CloudEvent(_ATTRIBUTES, write.payload().SerializeToString())
