"""`snapshots/` and `live/now`: the state of a fleet at one instant."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from tachograph_schema.fields import Record, optional


class Snapshot(Record):
    """`snapshots/{time}`: how the fleet stood; the id is the beginning of its 10 seconds."""

    at: datetime = Field(description="When it was taken.")
    hour: str | None = optional("The hour it is the first snapshot of; all others have none.")
    sessions: dict[str, int] = Field(
        description="Open sessions by the state they are in, whatever they report."
    )
    sessions_open: int = Field(0, description="Their sum.")
    parallel_agents: int = Field(0, description="Sessions at work at once: active or waiting.")
    utilisation: float | None = optional(
        "Part of the open sessions that is active; absent of none."
    )
    over_provisioned: bool = Field(
        default=False, description="Nothing is queued and less than 30 % of the sessions active."
    )
    tasks: dict[str, int] = Field(description="Open tasks by status.")
    queue_depth: int = Field(description="Tasks nobody has claimed.")
    queue_oldest_age_ms: int | None = Field(description="How long the oldest has waited.")
    tasks_in_flight: int = Field(description="Tasks claimed, active or waiting.")
    active_by_model: dict[str, int] = Field(
        {}, description="Active tasks by model; `_other` are those of models seldom used, or none."
    )
    messages_pending: int = Field(description="Messages nobody has acknowledged.")
    signals_open: int = Field(0, description="Rotations that are under way.")
    context_histogram: list[int] = Field(
        description="Open sessions by context left: 0-10 %, 10-20 %, ... 90-100 %."
    )
    burn_nanousd_per_h: int = Field(description="Spend of the last 60 minutes.")
    recent: dict[str, dict[str, int]] = Field(
        description="What flowed in this hour and the one before, by hour."
    )
    totals: dict[str, int] = Field(description="The fleet's counters since the beginning.")
    expires_at: datetime | None = optional("When retention removes it.")


class Live(Snapshot):
    """`live/now`: the newest snapshot, with rings of the last hour, one point a minute."""

    rings: dict[str, list[int]] = Field(
        description="Series of up to 60 points, oldest first: at_ms, stocks, and cumulative flows."
    )
