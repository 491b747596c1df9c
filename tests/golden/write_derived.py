"""Write derived.json: what tachograph_schema.counters.derived computes, for other languages.

.venv/bin/python tests/golden/write_derived.py
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tachograph_schema.counters.cells import Row, add_rows
from tachograph_schema.counters.derived import (
    certainty,
    concentration,
    cost_by_part,
    dearest_to_cheapest,
    fleet_ratios,
    interval,
    orchestration,
    outcomes,
    overheads,
    percentiles,
    ratios,
    reliability,
    root_tasks_completed,
)
from tachograph_schema.counters.sketch import bucket_counter
from tachograph_schema.documents.task import Task
from tachograph_schema.pricing.overhead import cost_parts

TARGET = Path(__file__).with_name("derived.json")
_DURATIONS_MS = [0, 1, 40, 900, 900, 4_217, 61_000, 3_600_000]
ROWS: Mapping[str, Row] = {
    "nothing": {},
    "a fleet at work": {
        "cost_nanousd": 3_141_592_653,
        "task_cost_nanousd": 2_718_281_828,
        "root_first_cost_nanousd": 1_414_213_562,
        "subtasks_first_cost_nanousd": 694_068_266,
        "coordination_cost_nanousd": 100_000_000,
        "coordination_tasks": 2,
        "root_tasks_completed": 3,
        "subtasks_completed": 2,
        "coordination_completed": 2,
        "tasks_completed": 7,
        "tasks_failed": 2,
        "tasks_cancelled": 1,
        "tasks_completed_unpriced": 1,
        "tasks_claimed": 9,
        "tokens_in": 120_000,
        "cache_read_tokens": 900_000,
        "cache_write_tokens": 60_000,
        "llm_calls": 55,
        "unpriced_calls": 5,
        "retries": 2,
        "rotations": 3,
        "handoffs": 1,
        "retry_cost_nanousd": 200_000_000,
        "rotation_cost_nanousd": 300_000_000,
        "handoff_cost_nanousd": 10_000_000,
        "first_completed": 5,
        "first_failed": 2,
        "retry_completed": 1,
        "retry_failed": 1,
        "rotation_completed": 1,
        "incidents_claim_collision": 1,
        "messages_sent": 12,
        "messages_acknowledged": 11,
    },
    "some of it was counted before root tasks were told apart": {
        "cost_nanousd": 4 * 10**9,
        "root_first_cost_nanousd": 10**9,
        "retry_cost_nanousd": 10**9,
        "tasks_completed": 8,
        "root_tasks_completed": 1,
        "subtasks_completed": 1,
    },
    "parts that miss the cost by what repricing rounds": {
        "cost_nanousd": 10**9,
        "root_first_cost_nanousd": 10**9 - 900_000,
        "tasks_completed": 1,
        "root_tasks_completed": 1,
    },
    "parts that miss it by more": {
        "cost_nanousd": 10**9,
        "root_first_cost_nanousd": 10**9 - 1_100_000,
    },
    "subtasks alone": {
        "cost_nanousd": 10**9,
        "subtasks_first_cost_nanousd": 10**9,
        "tasks_completed": 2,
        "subtasks_completed": 2,
    },
    "coordination alone": {
        "cost_nanousd": 10**9,
        "coordination_cost_nanousd": 10**9,
        "coordination_tasks": 1,
        "tasks_completed": 1,
        "coordination_completed": 1,
    },
    "money of every certainty": {
        "cost_nanousd": 10**9,
        "cost_reported_nanousd": 4 * 10**8,
        "cost_priced_nanousd": 6 * 10**8,
        "cost_listed_nanousd": 3 * 10**8,
        "cost_assumed_nanousd": 2 * 10**8,
        "cost_estimated_nanousd": 5 * 10**7,
        "unpriced_calls": 3,
    },
    "failures alone": {"cost_nanousd": 5 * 10**9, "tasks_failed": 3, "first_failed": 3},
    "nothing was charged": {"tasks_completed": 4, "tokens_in": 10, "rotations": 1},
    "a tier whose calls others served": {
        "cost_nanousd": 10**9,
        "task_cost_nanousd": 4 * 10**9,
        "tasks_completed": 2,
    },
    "unpriced tokens without a number of calls": {"unpriced_calls": 3, "llm_calls": 0},
    "an end that was taken back is counted before the end": {
        "first_completed": 3,
        "first_failed": -1,
        "retry_completed": -1,
    },
    "counters and sketches": add_rows(
        [
            {"duration_ms": sum(_DURATIONS_MS), "steps": 3, "steps~9999": -1},
            {"steps~0": 2, "steps~1": 1},
            *({bucket_counter("duration_ms", value): 1} for value in _DURATIONS_MS),
        ]
    ),
}
_EXTRA = {"retry_cost_nanousd": 30, "rotation_cost_nanousd": 5, "handoff_cost_nanousd": 1}
_TASKS: list[dict[str, Any]] = [
    {"cost_nanousd": 0},
    {"cost_nanousd": 100, **_EXTRA},
    {"cost_nanousd": 100, "parent_task_id": "root", **_EXTRA},
    {"cost_nanousd": 100, "root_task_id": "root"},
    {"cost_nanousd": 100, "root_task_id": "root", "depth": 0},
    {"cost_nanousd": 100, "task_type": "coordination", **_EXTRA},
    {"cost_nanousd": 100, "task_type": "coordination", "parent_task_id": "root"},
    {"cost_nanousd": 33, **_EXTRA},
    {"cost_nanousd": 0, **_EXTRA},
]
"""The last two state more overhead than they cost."""
_PROPORTIONS = [(0, 1), (1, 1), (0, 20), (8, 10), (50, 100), (999, 1000), (3, 100_000)]
_AMOUNTS = [[], [0, 0], [5], [80, 10, 10], [1] * 10, [0, 7, 3, -2], [50, 30, 15, 5]]
_COSTS: list[Mapping[str, Row]] = [
    {},
    {"a": {"cost_nanousd": 10**9, "tasks_completed": 1}},
    {
        "a": {"cost_nanousd": 9 * 10**9, "tasks_completed": 2},
        "b": {"cost_nanousd": 10**9, "tasks_completed": 4},
        "free": {"tasks_completed": 4},
        "failed": {"cost_nanousd": 10**12, "tasks_failed": 4},
    },
]
_TIMES: list[tuple[Row, Row]] = [
    ({}, {}),
    ({"duration_ms": 90_000}, {"duration_ms": 30_000}),
    ({"duration_ms": 30_000}, {"duration_ms": 30_000}),
]


def golden() -> dict[str, list[dict[str, Any]]]:
    """Compute the file's content: each function's arguments with what it returns."""
    return {
        "rows": [
            {
                "name": name,
                "row": row,
                "ratios": ratios(row),
                "fleet_ratios": fleet_ratios(row),
                "root_tasks_completed": root_tasks_completed(row),
                "cost_by_part": cost_by_part(row),
                "percentiles": percentiles(row),
                "outcomes": outcomes(row),
                "overheads": overheads(row),
                "certainty": certainty(row),
                "reliability": reliability(row),
            }
            for name, row in ROWS.items()
        ],
        "tasks": [
            {
                "task": fields,
                "cost_parts": cost_parts(Task.model_validate(fields), fields["cost_nanousd"]),
            }
            for fields in _TASKS
        ],
        "intervals": [
            {"successes": successes, "n": n, "interval": list(interval(successes, n))}
            for successes, n in _PROPORTIONS
        ],
        "concentrations": [
            {
                "amounts": amounts,
                "part": part,
                "concentration": _listed(concentration(amounts, part)),
            }
            for amounts in _AMOUNTS
            for part in (0.5, 0.8)
        ],
        "dearest_to_cheapest": [
            {"rows": rows, "dearest_to_cheapest": _listed(dearest_to_cheapest(rows))}
            for rows in _COSTS
        ],
        "orchestrations": [
            {"total": total, "coordination": part, "orchestration": orchestration(total, part)}
            for total, part in _TIMES
        ],
    }


def _listed(result: tuple[Any, ...] | None) -> list[Any] | None:
    return None if result is None else list(result)


if __name__ == "__main__":
    TARGET.write_text(json.dumps(golden(), indent=1) + "\n")
