"""Pure: what a session reports of a task.

Reports are numbered by whoever makes them, and `reports[reporter]` on the document says how many
have landed. So a write whose answer was lost is recognised, a recording can be replayed twice, and
two sessions can add to one task without overwriting each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import Any, Literal

from tachograph_schema.fields import MAX_NAME_CHARS
from tachograph_schema.periods import hour_of
from tachograph_schema.pricing.call import Call

Overhead = Literal["retry", "rotation", "handoff"]
"""What a call may be an overhead of; it is a part of the task's cost in any case."""


@dataclass(frozen=True, slots=True)
class Report:
    """One thing a session has to say of a task, numbered from 1 in the order it was said."""

    number: int
    at: datetime
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Values that replace what is there."""
    identity: Mapping[str, Any] = field(default_factory=dict)
    """Values for fields that nobody has set yet."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Numbers that add to what is there."""
    tool: str | None = None
    tool_ms: int = 0
    calls: tuple[Call, ...] = ()
    """What a call used; of more than one model where it came with others on the way."""
    overhead: Overhead | None = None
    """What the calls' cost is an overhead of, where it is one."""
    gives_up: bool = False
    """Whether the session leaves the task as it is, for another to begin again."""
    later: Callable[[], ReportDetails] | None = None
    """Says the rest before the report is first written: what takes too long while an agent waits.

    Called once, in the background; it must not raise.
    """


@dataclass(frozen=True, slots=True)
class ReportDetails:
    """What a report says when it is read: see `Report.later`."""

    calls: tuple[Call, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    identity: Mapping[str, Any] = field(default_factory=dict)


def whole(report: Report) -> Report:
    """Return a report with what it had to say later."""
    if report.later is None:
        return report
    said = report.later()
    return replace(
        report,
        calls=report.calls + said.calls,
        fields={**report.fields, **said.fields},
        identity={**report.identity, **said.identity},
        later=None,
    )


def reporter_name(agent: str, session: str, nonce: str = "") -> str:
    """Name whoever reports: by its agent, whom the rules let raise no other's sequence."""
    name = f"{agent}:{session}" + (f".{nonce}" if nonce else "")
    if len(name) <= MAX_NAME_CHARS:
        return name
    return f"{agent[: MAX_NAME_CHARS // 2]}:{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def landed_number(landed: Mapping[str, Any] | None, reporter: str) -> int:
    """Return how many of a reporter's reports the document says have landed."""
    return int(((landed or {}).get("reports") or {}).get(reporter, 0))


def by_hour(reports: Iterable[Report]) -> Iterator[list[Report]]:
    """Split reports where the hour changes: a write's change belongs to one hour."""
    for _, group in groupby(reports, key=lambda report: hour_of(report.at)):
        yield list(group)
