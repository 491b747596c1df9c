"""`traces/{trace}/batches/{batch}`: spans of a trace, packed in columns."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from tachograph_schema.fields import Record, optional


class SpanLink(Record):
    """A span of other work that a span points at."""

    span: int = Field(description="Index, in the batch, of the span that has the link.")
    trace_id: str = Field(description="The other's trace, 32 hex digits.")
    span_id: str = Field(description="The other span, 16 hex digits.")
    kind: Literal["predecessor"] = Field(description="What the other is to it.")


class TraceBatch(Record):
    """`traces/{trace}/batches/{batch}`: up to 1,000 spans of a trace in columns.

    A batch is what one process had to say of a task at once; several make up a trace, in any order.
    All columns are of one length and in pre-order: a parent is before its children. Where a parent
    is in no batch, it was not kept, or is told later.
    """

    began_us: int = Field(description="When the batch's first span began, since 1970.")
    task_id: list[str] = Field(description="The task each span belongs to.")
    agent_id: list[str] = Field(description="The agent that made it; empty where none did.")
    span_id: list[str] = Field(description="Ids, 16 hex digits.")
    parent: list[int] = Field(description="Index of the parent in this batch; -1 for none.")
    parents: dict[str, str] = Field(
        {}, description="Index -> id of its parent, where that is in another batch."
    )
    name: list[str] = Field(description="Names.")
    kind: list[str] = Field(
        description="agent, chain, llm, tool, retriever, embedding, guardrail or evaluator."
    )
    model: list[str] = Field(description="The model of a call; empty for what is none.")
    start_us: list[int] = Field(description="When each began, since `began_us`.")
    duration_us: list[int] = Field(description="How long it took.")
    tokens_in: list[int] = Field(description="All input tokens of a call, cached ones included.")
    tokens_out: list[int] = Field(description="Output tokens of a call.")
    cost_nanousd: list[int] = Field(description="Cost of a call; 0 where that is not known.")
    errors: dict[str, str] = Field({}, description="Index -> what kind of error it ended with.")
    links: list[SpanLink] = Field([], description="What spans point at, a successor's first.")
    content: dict[str, str] = Field(
        {}, description="Index -> preview, redacted, where the fleet wants contents on spans."
    )
    kept: Literal["error", "slow", "costly", "long", "retry", "share"] = Field(
        description="Why it was kept."
    )
    expires_at: datetime | None = optional("When retention removes the batch.")
