"""Pure: the part of a task's cost that a smooth run would not have had.

A call is part of one overhead at most: a retry's, a rotation's or a handoff's. The overhead is a
part of the task's cost, never added to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Overhead = Literal["retry", "rotation", "handoff"]


def is_retry(task: Mapping[str, Any], session: str | None) -> bool:
    """Tell whether the cost of a session is a retry's: the task names it as its retrying one."""
    return session is not None and task.get("retry_session_id") == session


def overhead_cost(overhead: Overhead | None, cost_nanousd: int, *, retry: bool) -> dict[str, int]:
    """Return the counter of an overhead with its cost, or nothing.

    - `overhead`: the kind that the agent reported, if any; it comes before `retry`
    - `cost_nanousd`: the cost of the calls in nano-dollars
    - `retry`: whether the session is on a retry
    """
    kind = overhead or ("retry" if retry else None)
    return {} if kind is None else {f"{kind}_cost_nanousd": cost_nanousd}
