"""Pure: spans -> the columns of `traces/{trace}/batches/{batch}`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any, Final

from tachograph_schema.tracing.sampling import KeepReason
from tachograph_schema.tracing.spans import (
    AGENT_NAME,
    COST_NANOUSD,
    INPUT_MESSAGES,
    INPUT_TOKENS,
    OUTPUT_MESSAGES,
    OUTPUT_TOKENS,
    REQUEST_MODEL,
    RESPONSE_MODEL,
    TASK_ID,
    TOOL_ARGUMENTS,
    TOOL_RESULT,
    Span,
)

MAX_SPANS: Final = 1_000
MAX_BYTES: Final = 700_000
"""Firestore takes 1 MiB; the size of a string is estimated from its characters."""
_NAME_CHARS: Final = 120
_ROW_BYTES: Final = 160
_CONTENTS: Final = (INPUT_MESSAGES, OUTPUT_MESSAGES, TOOL_ARGUMENTS, TOOL_RESULT)
_PREDECESSOR: Final = "predecessor"


def batches(
    spans: Sequence[Span], kept: KeepReason, expires_at: datetime
) -> Iterator[dict[str, Any]]:
    """Yield batches of a trace's spans, parents before children, each within a document's size."""
    ordered = in_preorder(spans)
    sizes = accumulate(_bytes(span) for span in ordered)
    rows: list[Span] = []
    before = size = 0
    for span, size in zip(ordered, sizes, strict=True):
        if rows and (len(rows) == MAX_SPANS or size - before > MAX_BYTES):
            yield {**_columns(rows), "kept": kept, "expires_at": expires_at}
            rows, before = [], size - _bytes(span)
        rows.append(span)
    if rows:
        yield {**_columns(rows), "kept": kept, "expires_at": expires_at}


def in_preorder(spans: Sequence[Span]) -> list[Span]:
    """Order spans so that all descendants follow their span, and siblings by their start."""
    ids = {span.span_id for span in spans}
    children: dict[str | None, list[Span]] = {}
    for span in sorted(spans, key=lambda span: (span.start_ns, -span.end_ns), reverse=True):
        parent = span.parent_id if span.parent_id in ids else None
        children.setdefault(parent, []).append(span)
    ordered: list[Span] = []
    waiting = children.get(None, [])
    while waiting:
        span = waiting.pop()
        ordered.append(span)
        waiting += children.pop(span.span_id, ())
    return ordered


def _columns(spans: Sequence[Span]) -> dict[str, Any]:
    began_us = min(span.start_ns for span in spans) // 1_000
    places = {span.span_id: index for index, span in enumerate(spans)}
    parents = [places.get(span.parent_id or "", -1) for span in spans]
    return {
        "began_us": began_us,
        "task_id": [_word(span, TASK_ID) for span in spans],
        "agent_id": [_word(span, AGENT_NAME) for span in spans],
        "span_id": [span.span_id for span in spans],
        "parent": parents,
        "parents": _by_index(
            span.parent_id if index < 0 else None
            for span, index in zip(spans, parents, strict=True)
        ),
        "name": [span.name[:_NAME_CHARS] for span in spans],
        "kind": [span.shown for span in spans],
        "model": [_word(span, RESPONSE_MODEL) or _word(span, REQUEST_MODEL) for span in spans],
        "start_us": [span.start_ns // 1_000 - began_us for span in spans],
        "duration_us": [max(0, span.end_ns - span.start_ns) // 1_000 for span in spans],
        "tokens_in": [_count(span, INPUT_TOKENS) for span in spans],
        "tokens_out": [_count(span, OUTPUT_TOKENS) for span in spans],
        "cost_nanousd": [_count(span, COST_NANOUSD) for span in spans],
        "errors": _by_index(span.error and span.error[:_NAME_CHARS] for span in spans),
        "links": [
            {"span": index, "trace_id": at.trace_id, "span_id": at.span_id, "kind": relation}
            for index, span in enumerate(spans)
            for at, relation in span.links
            if relation == _PREDECESSOR
        ],
        "content": _by_index(_content(span) for span in spans),
    }


def _by_index(values: Iterator[str | None]) -> Mapping[str, str]:
    return {str(index): value for index, value in enumerate(values) if value}


def _word(span: Span, name: str) -> str:
    return str(span.attributes.get(name, ""))[:_NAME_CHARS]


def _count(span: Span, name: str) -> int:
    """Return a number of a call; a task's own span holds the sums of its calls."""
    count = 0 if span.shown == "agent" else span.attributes.get(name, 0)
    return count if isinstance(count, int) else 0


def _content(span: Span) -> str:
    texts = (span.attributes.get(name) for name in _CONTENTS)
    return "\n".join(str(text) for text in texts if text)


def _bytes(span: Span) -> int:
    texts = (span.name, _word(span, TASK_ID), _word(span, AGENT_NAME), _word(span, RESPONSE_MODEL))
    return _ROW_BYTES + sum(len(text[:_NAME_CHARS]) for text in texts) + 2 * len(_content(span))
