"""Pure: the part of a task's cost that a smooth run would not have had.

A call is part of one overhead at most: a retry's, a rotation's or a handoff's. The overhead is a
part of the task's cost, never added to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from tachograph_schema.documents.task import Origin, Task, origin

Overhead = Literal["retry", "rotation", "handoff"]
OVERHEADS: Final[tuple[Overhead, ...]] = ("retry", "rotation", "handoff")


_FIRST: Final[Mapping[Origin, str]] = {
    "root": "root_first",
    "subtask": "subtasks_first",
    "coordination": "coordination",
}


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


def cost_parts(task: Task, cost_nanousd: int) -> dict[str, int]:
    """Divide a task's own cost by COST_PARTS, in nano-dollars; the parts add up to it.

    An overhead that the task states counts as far as there is cost left for it. The rest is of the
    first attempt; of a task of type `coordination` it is coordination.
    """
    parts, rest = {}, cost_nanousd
    for kind in OVERHEADS:
        parts[kind] = min(getattr(task, f"{kind}_cost_nanousd") or 0, rest)
        rest -= parts[kind]
    return parts | {_FIRST[origin(task)]: rest}
