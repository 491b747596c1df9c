"""`fleets/{fleet}`: what the owner of a fleet may tune, read anew within a minute."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from tachograph_schema.documents.price_sheet import PriceList
from tachograph_schema.fields import Count, Map, Name, Pct, Text, optional

PRIORITIES: Final = ("critical", "urgent", "high", "normal", "low")
"""The most urgent first, where a fleet does not say otherwise."""

DEFAULT_TIERS: dict[str, str] = {
    "opus": "frontier",
    "fable": "frontier",
    "o1-pro": "frontier",
    "o3-pro": "frontier",
    "gpt-5-pro": "frontier",
    "haiku": "light",
    "mini": "light",
    "nano": "light",
    "flash": "light",
    "small": "light",
    "8b": "light",
    "sonnet": "standard",
    "gpt": "standard",
    "codex": "standard",
    "gemini": "standard",
    "grok": "standard",
    "deepseek": "standard",
    "mistral": "standard",
    "command": "standard",
    "qwen": "standard",
    "llama": "standard",
}
"""Part of a model's id -> tier; the first that is found decides, so the narrow ones come first.

`mini` is also a part of `gemini`: parts are matched at word boundaries.
"""

_JOB = re.compile(r"projects/[^/]+/locations/[^/]+/jobs/[^/]+")


def _job(value: object) -> str:
    if not isinstance(value, str) or not _JOB.fullmatch(value):
        raise ValueError("a job's full name: projects/PROJECT/locations/REGION/jobs/JOB")
    return value


JobName = Annotated[str, BeforeValidator(_job)]


class RotationPolicy(BaseModel):
    """When a session is told to hand over to a fresh one."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    rotate_below_pct: Pct = Field(35.0, description="Context left at which a session rotates.")
    by_model: Map[Pct] = Field({}, description="The same for one model.")
    by_task_type: Map[Pct] = Field(
        {}, description="The same for one type of task, or for `TYPE|MODEL`; beats the model's."
    )
    warn_below_pct: Pct = Field(40.0, description="Context left at which a session is warned.")
    warn_by_model: Map[Pct] = Field({}, description="The same for one model.")
    warn_by_task_type: Map[Pct] = Field(
        {}, description="The same for one type of task, or for `TYPE|MODEL`; beats the model's."
    )
    max_used_tokens: Count | None = optional(
        "Tokens at which a session rotates, however much is left."
    )
    max_used_tokens_by_model: Map[Count] = Field({}, description="The same for one model.")
    hysteresis_pct: Pct = Field(
        5.0, description="How far above its threshold a context must come back to be well again."
    )
    policy: Literal["fixed", "learned"] = Field(
        "fixed", description="Whether thresholds that outcomes taught are used where there are any."
    )
    learned_min_pct: Pct = Field(20.0, description="The lowest threshold that may be learned.")
    learned_max_pct: Pct = Field(60.0, description="The highest threshold that may be learned.")
    expire_after_s: int = Field(
        600,
        ge=1,
        le=86_400,
        description="How long a step of a rotation may take before somebody is told.",
    )
    escalate: Literal["alert", "hand_over"] = Field(
        "alert", description="What follows when a session heeds no signal: hand_over starts anyway."
    )
    handoff_target_ms: Count = Field(
        45_000, description="How long a successor may take until it makes progress."
    )
    job: JobName | None = optional(
        "The Cloud Run Job that is a successor: projects/P/locations/L/jobs/J."
    )
    local_command: list[Text] | None = optional(
        "The program that is a successor, in words; heeded against the emulator only."
    )
    start_within_s: int = Field(
        60,
        ge=1,
        le=3600,
        description="How long a started successor may take to come up before another is started.",
    )
    max_starts: int = Field(
        3, ge=1, le=20, description="How often a successor is started before that is given up."
    )


class LivenessPolicy(BaseModel):
    """When a session counts as stuck, and when as lost."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    stuck_factor: float = Field(
        3.0,
        ge=1,
        le=1000,
        description="Stuck: no progress for so many times the task's expected duration.",
    )
    stuck_after_min_s: int = Field(
        300, ge=1, le=86_400, description="But never sooner: one long answer takes minutes."
    )
    expected_duration_s: int = Field(
        600,
        ge=1,
        le=604_800,
        description="What is expected where neither a baseline nor the task says.",
    )
    missed_heartbeats: int = Field(
        3, ge=2, le=100, description="Lost: so many promised heartbeats did not come."
    )
    lost_after_h: int = Field(
        24, ge=1, le=8760, description="Lost, without a promise: nothing was written for so long."
    )


class TracingPolicy(BaseModel):
    """Which traces agents keep, and what of contents goes with them."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    sample: Literal["tail", "head"] = Field(
        "tail", description="Whether a trace is decided on when its task has ended, or begins."
    )
    keep_pct: float = Field(
        15.0,
        ge=0,
        le=100,
        description="What is kept of tasks that are neither failed, slow nor costly, in percent.",
    )
    cost_factor: float = Field(
        3.0, ge=1, le=1000, description="How many times its type's cost makes a task costly."
    )
    head_pct: float = Field(
        10.0, ge=0, le=100, description="What `head` keeps of first attempts, in percent."
    )
    head_spans: int = Field(
        100, ge=1, le=10_000, description="Spans that make a task long enough to be kept."
    )
    content: Literal["none", "reference", "span"] = Field(
        "none",
        description="What spans hold of prompts and answers: nothing, where they are, or their "
        "beginning, redacted.",
    )
    preview_chars: Literal[200, 500, 1000] = Field(
        200, description="How much of a content is its beginning."
    )
    trace_days: int = Field(14, ge=1, le=365, description="How long `traces/` are kept.")


class Fleet(BaseModel):
    """A fleet and its policies; every one has a default, so a fleet needs no document at all."""

    model_config = ConfigDict(extra="ignore", frozen=True, arbitrary_types_allowed=True)

    name: Text | None = optional("What the fleet is called, for a person.")
    rotation: RotationPolicy = Field(RotationPolicy(), description="When sessions rotate.")
    liveness: LivenessPolicy = Field(
        LivenessPolicy(), description="When sessions are stuck, and when they are lost."
    )
    tracing: TracingPolicy = Field(TracingPolicy(), description="Which traces agents keep.")
    label_keys: list[Name] = Field(
        ["team", "feature", "user_tier"],
        description="The labels that counters are kept for.",
        max_length=8,
    )
    tiers: Map[Name] = Field({}, description="Part of a model's id -> tier; before the defaults.")
    context_windows: Map[Count] = Field(
        {}, description="Model -> tokens that fit, where agents do not say."
    )
    shard_count: int = Field(
        4, ge=1, le=64, description="Documents an hour's counters are spread over."
    )
    priorities: list[Name] = Field(
        list(PRIORITIES),
        description="The words for a task's priority, the most urgent first; `normal` is what a "
        "task has that says none or another.",
        max_length=20,
    )
    queue_max_tasks: Count | None = optional("The queue's size that counts as full.")
    hourly_budget_nanousd: Count | None = optional("What an hour may cost, in nano-dollars.")
    ledger_days: int = Field(90, ge=2, le=3650, description="How long ledger entries are kept.")
    snapshot_days: int = Field(30, ge=1, le=3650, description="How long snapshots are kept.")
    prices: PriceList | None = Field(
        None, exclude=True, description="What `prices/` holds; read beside the document."
    )
