"""Spans in columns: whole, in order, and never too large for a document."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from tachograph.tracing.batches import MAX_SPANS, batches, in_preorder
from tachograph_schema.tracing.batch import TraceBatch
from tachograph_schema.tracing.spans import (
    AGENT_NAME,
    CHAT,
    COST_NANOUSD,
    INPUT_TOKENS,
    INVOKE_AGENT,
    OPERATION,
    RESPONSE_MODEL,
    TASK_ID,
    Place,
    Span,
)

_TRACE = "0af7651916cd43dd8448eb211c80319c"
_EXPIRES = datetime(2026, 12, 1, tzinfo=UTC)


def _span(number: int, parent: int | None, **attributes: object) -> Span:
    above = None if parent is None else f"{parent:016x}"
    start_ns = 1_700_000_000_000_000_000 + number * 1_000_000
    return Span(
        f"span {number}",
        _TRACE,
        f"{number:016x}",
        above,
        start_ns,
        start_ns + 500_000,
        attributes={TASK_ID: "t-1", AGENT_NAME: "b-1", **attributes},
    )


@st.composite
def _traces(draw: st.DrawFn) -> list[Span]:
    """Draw spans whose parents began before them, in any order; some parents are missing."""
    parents = draw(st.lists(st.integers(0, 10**6), max_size=60))
    spans = [_span(1, None)]
    spans += [_span(n + 2, parent % (n + 1) + 1) for n, parent in enumerate(parents)]
    kept = draw(st.lists(st.booleans(), min_size=len(spans), max_size=len(spans)))
    chosen = [span for span, keep in zip(spans, kept, strict=True) if keep]
    draw(st.randoms()).shuffle(chosen)
    return chosen


@given(_traces())
def test_every_span_stands_after_its_parent_and_directly_before_what_is_below_it(
    spans: list[Span],
) -> None:
    ordered = in_preorder(spans)
    assert sorted(span.span_id for span in ordered) == sorted(span.span_id for span in spans)
    path: list[str] = []
    known = {span.span_id for span in spans}
    for span in ordered:
        parent = span.parent_id if span.parent_id in known else None
        while path and path[-1] != parent:
            path.pop()
        assert parent is None or path, "its parent's subtree was left before"
        path.append(span.span_id)


@given(_traces())
def test_columns_say_what_the_spans_said(spans: list[Span]) -> None:
    packed = list(batches(spans, "share", _EXPIRES))
    assert len(packed) == (1 if spans else 0)
    for fields in packed:
        batch = TraceBatch.model_validate(fields)
        assert {len(getattr(batch, name)) for name in ("span_id", "parent", "name", "kind")} == {
            len(spans)
        }
        by_id = {span.span_id: span for span in spans}
        for index, span_id in enumerate(batch.span_id):
            span, parent = by_id[span_id], batch.parent[index]
            above = batch.span_id[parent] if parent >= 0 else batch.parents.get(str(index))
            assert above == span.parent_id
            assert parent < index
            start_ns = (batch.began_us + batch.start_us[index]) * 1_000
            assert (start_ns, batch.duration_us[index]) == (span.start_ns, 500)


def test_cost_of_a_task_is_that_of_its_calls_and_not_twice_that() -> None:
    known = {COST_NANOUSD: 70, INPUT_TOKENS: 9}
    task = _span(1, None, **{OPERATION: INVOKE_AGENT, **known})
    call = _span(2, 1, **{OPERATION: CHAT, RESPONSE_MODEL: "claude-haiku-4-5", **known})
    [batch] = batches([call, task], "error", _EXPIRES)
    assert batch["kind"] == ["agent", "llm"]
    assert sum(batch["cost_nanousd"]) == 70
    assert sum(batch["tokens_in"]) == 9
    assert batch["model"] == ["", "claude-haiku-4-5"]


def test_link_and_error_stand_at_the_index_of_their_span() -> None:
    root, child = _span(1, None), _span(2, 1)
    child.error = "TimeoutError"
    child.links = [(Place("f" * 32, "e" * 16), "predecessor")]
    [batch] = batches([child, root], "error", _EXPIRES)
    assert batch["errors"] == {"1": "TimeoutError"}
    link = {"span": 1, "trace_id": "f" * 32, "span_id": "e" * 16, "kind": "predecessor"}
    assert batch["links"] == [link]


def test_many_or_large_spans_are_several_batches_each_within_a_document() -> None:
    rnd = random.Random(3)  # noqa: S311 - names, not secrets
    spans = [_span(1, None)]
    for n in range(2, 2_402):
        span = _span(n, rnd.randrange(1, n), **{RESPONSE_MODEL: "m" * 300, AGENT_NAME: "a" * 300})
        span.name = "n" * 900
        spans.append(span)
    packed = list(batches(spans, "long", _EXPIRES))
    assert sum(len(batch["span_id"]) for batch in packed) == len(spans)
    assert len(packed) == 3
    for batch in packed:
        assert len(batch["span_id"]) <= MAX_SPANS
        assert len(json.dumps({**batch, "expires_at": None})) < 1_000_000
