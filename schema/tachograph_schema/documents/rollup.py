"""`shards/`, `rollups/` and `trees/`: counters, as functions add them up and publish them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field

from tachograph_schema.counters.cells import Cells
from tachograph_schema.counters.scopes import canonical_cells
from tachograph_schema.fields import Id, Record
from tachograph_schema.periods import Grain


class Shard(Record):
    """`shards/{shard}_{hour}`: a part of an hour's counters, only ever incremented."""

    hour: str = Field(description="The hour.")
    dirty: bool = Field(description="Whether it changed since the hour was last published.")
    c: Cells = Field(description="Scope -> counter -> integer.")


class Rollup(Record):
    """`rollups/{grain}_{period}`: the counters of an hour, day, ISO week (UTC) or of all time."""

    grain: Grain = Field(description="hour, day, week or total.")
    period: str = Field(description="2026-02-16T18, 2026-02-16, 2026-W08 or all.")
    as_of: datetime = Field(description="What was counted until then is in it.")
    c: Annotated[Cells, BeforeValidator(canonical_cells)] = Field(
        description="Scope -> counter -> integer."
    )
    ratios: dict[str, dict[str, float]] = Field(
        description="Scope -> cost_usd, cost_per_completed_usd, ...: to be read, not to be added."
    )
    percentiles: dict[str, dict[str, dict[str, float]]] = Field(
        description="Scope -> measure -> n, p50, p95, p99, from the sketches."
    )
    outcomes: dict[str, dict[str, float]] = Field(
        description="First attempts, retries, rotations -> n, success_rate, low, high (95 %)."
    )
    folded: dict[str, int] = Field(
        {},
        description="Dimension -> how many of its values are in `_other`, so that the document has "
        "room; in a sum, the most in it or in any of its parts. `label`: keys of labels.",
    )
    sketch_step: int = Field(
        1,
        description="How many neighbouring buckets of a sketch are one, outside of the fleet: "
        "1, 3 or 9, for percentiles within 2 %, 6.2 % or 20 %.",
    )
    cost_nanousd_by_hour: list[int] = Field(
        [], description="Of a day: what each of its 24 hours cost (UTC); for a trend in one read."
    )


class Carried(Record):
    """The part of another tree that was carried there from this one."""

    to: Id = Field(description="The root.")
    row: dict[str, int] = Field(description="Counter -> what was added there.")


class Tree(Record):
    """`trees/{root_task}`: what a task cost with everything it spawned."""

    c: dict[str, int] = Field(description="Counter -> sum over the tasks that name this root.")
    below: dict[str, int] = Field(
        {}, description="Counter -> sum over the trees that were carried into this one."
    )
    carried: Carried | None = Field(
        None, description="Where this tree was carried to, if its task has a task above it."
    )
    root: dict[str, int] = Field(description="The root task's own counters.")
    total: dict[str, int] = Field(description="Counter -> sum over the whole tree.")
    ratios: dict[str, float] = Field(description="cost_usd, true_to_naive, ... of the whole tree.")
    dirty: bool = Field(description="Whether it changed since it was last published.")
    open: bool = Field(description="Whether the root task may still change.")
    as_of: datetime = Field(description="What was counted until then is in `total`.")
