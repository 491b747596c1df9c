"""How tasks end is counted where their context was lowest, each ending once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counting.contribution import contribution
from events.change import Version
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.paths import TASKS
from tachograph_schema.rotation.cliff import Side, sides

_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
_PAIR = "type:build|model:m"


def _counted(**fields: Any) -> dict[str, int]:  # noqa: ANN401 - a task's
    task = {"status": "completed", "task_type": "build", "model": "m", **fields}
    row = contribution(TASKS, Version(task, "", _AT), Fleet()).cells[_PAIR]
    return {name: n for name, n in row.items() if name.startswith("context_") and "~" not in name}


@pytest.mark.parametrize(
    ("fields", "counted"),
    [
        ({"context_remaining_pct": 34.9}, {"context_30_completed": 1, "context_30_clean": 1}),
        (
            {"context_remaining_pct": 80, "context_remaining_min_pct": 12, "retries": 1},
            {"context_10_completed": 1, "context_10_retried": 1},
        ),
        (
            {"context_remaining_min_pct": 0, "status": "failed", "rework_count": 2, "retries": 3},
            {"context_0_failed": 1, "context_0_reworked": 1, "context_0_retried": 1},
        ),
        ({"context_remaining_pct": 100}, {"context_90_completed": 1, "context_90_clean": 1}),
        ({"context_remaining_pct": 50, "status": "cancelled"}, {}),
        ({"context_remaining_pct": 50, "status": "active"}, {}),
        ({"rework_count": 1}, {}),
    ],
)
def test_task_counts_in_the_tenth_where_its_context_was_lowest(
    fields: dict[str, Any], counted: dict[str, int]
) -> None:
    assert _counted(**fields) == counted


@given(
    st.sampled_from(["completed", "failed"]),
    st.integers(0, 3),
    st.integers(0, 3),
    st.floats(0, 100),
)
def test_every_ended_task_is_one_run_and_bad_unless_it_went_well_at_once(
    status: str, reworks: int, retries: int, left: float
) -> None:
    counted = _counted(
        status=status, rework_count=reworks, retries=retries, context_remaining_min_pct=left
    )
    well = status == "completed" and not reworks and not retries
    assert sum(sides(counted), Side(0, 0)) == Side(1, int(not well))
