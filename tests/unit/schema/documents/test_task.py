"""The statuses of a task: each stands in one group, and no group knows another status."""

from __future__ import annotations

from typing import get_args

from tachograph_schema.documents.task import (
    ENDED_STATUSES,
    HELD_STATUSES,
    UNENDED_STATUSES,
    TaskStatus,
)


def test_statuses_are_divided_into_queued_held_and_ended_ones() -> None:
    assert sorted(["queued", *HELD_STATUSES, *ENDED_STATUSES]) == sorted(get_args(TaskStatus))
    assert sorted([*UNENDED_STATUSES, *ENDED_STATUSES]) == sorted(get_args(TaskStatus))
