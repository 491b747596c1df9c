"""Fleets of many names at work for a day: their counters by hour, as the shards hold them."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from counting.task import task_cells
from tachograph_schema.counters.cells import Cells, add_into, prune
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.documents.task import Task

START = datetime(2026, 3, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


def day_of_work(types: int, models: int, agents: int, tasks: int, *, pad: str = "") -> list[Cells]:
    """Return the counters of each hour of a day; `pad` lengthens every name."""
    rnd = random.Random(18)  # noqa: S311 - the same fleet every time
    hours: dict[int, Cells] = {}
    for n in range(tasks):
        at = START + n * _DAY / tasks
        left = rnd.randrange(101)
        task = Task(
            status=rnd.choice(["completed", "completed", "completed", "failed"]),
            task_type=f"type-{rnd.randrange(types)}{pad}",
            model=f"model-{rnd.randrange(models)}{pad}",
            agent_id=f"agent-{rnd.randrange(agents)}{pad}",
            created_at=at,
            claimed_at=at + timedelta(seconds=rnd.randrange(600)),
            duration_ms=rnd.randrange(1_000, 3_600_000),
            tokens_in=rnd.randrange(200_000),
            tokens_out=rnd.randrange(20_000),
            llm_calls=rnd.randrange(60),
            tool_calls=rnd.randrange(90),
            steps=rnd.randrange(1, 80),
            cost_nanousd=rnd.randrange(10**6, 5 * 10**9),
            context_remaining_pct=left,
            context_remaining_min_pct=left,
        )
        add_into(hours.setdefault(at.hour, {}), task_cells(task, at, Fleet()))
    return [prune(cells) for cells in hours.values()]
