"""`baselines/{type}__{model}`: durations, costs and the cliff of a kind of task on a model."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tachograph_schema.fields import Instant, Name, Pct, Record, optional


class CliffEvidence(Record):
    """Where the cliff is by the outcomes of tasks, see tachograph_schema.rotation.cliff."""

    status: Literal["learned", "none", "too_few"] = Field(
        description="A threshold is supported; none is seen; or there are too few runs to tell."
    )
    at_pct: int = Field(description="The threshold; where none is learned, the one looked at.")
    low_pct: int = Field(description="The data cannot tell it from any threshold from here,")
    high_pct: int = Field(description="to here.")
    runs_below: int = Field(description="Ended tasks that were worked on below it.")
    runs_above: int = Field(description="Ended tasks that never were.")
    bad_below: int = Field(description="Those below that failed, were reworked or retried.")
    bad_above: int = Field(description="Those above that failed, were reworked or retried.")
    worse_low: float = Field(description="How much larger the share of bad ends is below: at least")
    worse_high: float = Field(description="and at most; -1 to 1 where nothing is known.")
    needs_below: int = Field(description="How many more runs below it would be enough.")
    needs_above: int = Field(description="How many more above it.")
    runs: list[int] = Field(description="Ended tasks by their lowest context: 0-10 %, ...")
    bad: list[int] = Field(description="Those of them that ended badly.")


class Baseline(Record):
    """`baselines/{type}__{model}`: how much such tasks take, and where the cliff is."""

    task_type: Name = Field(description="The kind of task.")
    model: Name = Field(description="The model.")
    runs: int = Field(description="Completed tasks it rests on.")
    days: int = Field(description="Days with work they come from, 28 at most.")
    quantiles: dict[str, dict[str, float]] = Field(
        description="tokens_total, steps, duration_ms, cost_nanousd -> n, p50, p95, p99."
    )
    as_of: Instant = Field(description="What was published until then is in it.")
    rotate_below_pct: Pct | None = optional("The threshold the outcomes support, when they do.")
    cliff: CliffEvidence | None = optional("How well they support it, or what is missing.")
