"""Documents that agents might write who mean harm, or have a bug: each field good or bad.

What is bad is said here by hand, a kind of field at a time, so that what the functions let go can
be held against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from hypothesis import strategies as st

_LONG: Final = "x" * 100_000
_BAD: Final[dict[str, list[Any]]] = {
    "id": ["feature/x", "/", ".", "..", "", "__a__", "a\nb", "\u202eb", _LONG, 7, True, [], {}],
    "name": ["", "__a__", "a\nb", "a\x00", "\x9b2J", _LONG, 7, 1.5, [], {"a": 1}, b"a"],
    "count": [-1, 1.5, 2**62, -(2**62), "7", "", True, [], {}, float("nan"), float("inf"), b"\x00"],
    "instant": [1_770_000_000, 1.77e9, "yesterday", "2026-02-16T10:00:00", "2026-99-99",
                datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, tzinfo=UTC), True, []],
    "pct": [-1, 140, float("nan"), "35", True, []],
    "text": ["x" * 2001, _LONG, 7, ["a"], {"a": {"b": {"c": "d"}}}],
    "flag": [1, 0, "true", []],
    "status": ["finished", "", 7, ["active"], {"active": True}],
    "state": ["dead", "", 7, ["active"]],
    "map": ["a", 7, ["a"], {f"k{n}": "v" for n in range(65)}],
}  # fmt: skip
"""By kind of field: values that cost the field."""
_GOOD: Final[dict[str, list[Any]]] = {
    "id": ["t-1", "a|b:c=d", "\N{GRINNING FACE}" * 50, "...", "%2F", "x" * 200, "h-0", "bad-1"],
    "name": ["claude-opus-4-6", "build|model:gpt-5", "_other", "_unknown", "=1+1", "\u4e2d" * 100],
    "count": [0, 7, 10**15, 3.0],
    "instant": [datetime(2000, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC),
                "2026-02-16T10:00:00Z", "2999-12-31T23:59:59-12:00"],
    "pct": [0, 100, 12.5],
    "text": ["", "\x1b[31mred\x1b[0m", "<script>alert(1)</script>", "x" * 2000],
    "flag": [True, False],
    "status": ["queued", "claimed", "active", "waiting", "completed", "failed", "cancelled"],
    "state": ["idle", "active", "waiting", "stuck", "error", "completed"],
    "map": [{}, {"team": "a=b|c:d", "feature": "e"}],
}  # fmt: skip
"""By kind of field: strange values that are allowed."""
_KINDS: Final[dict[str, dict[str, str]]] = {
    "tasks": {
        "title": "text", "task_type": "name", "labels": "map", "status": "status",
        "created_at": "instant", "claimed_at": "instant", "started_at": "instant",
        "completed_at": "instant", "reported_at": "instant", "expected_duration_ms": "count",
        "voided": "flag", "parent_task_id": "id", "root_task_id": "id", "depth": "count",
        "agent_id": "name", "agent_role": "name", "session_id": "id", "model": "name",
        "model_tier": "name", "tokens_in": "count", "tokens_out": "count", "cost_nanousd": "count",
        "retries": "count", "duration_ms": "count", "context_remaining_pct": "pct",
    },
    "sessions": {
        "agent_id": "name", "agent_role": "name", "model": "name", "state": "state",
        "waiting_for": "text", "waiting_until": "instant", "waiting_max_ms": "count",
        "task_id": "id", "task_type": "name", "started_at": "instant", "last_seen_at": "instant",
        "last_progress_at": "instant", "ended_at": "instant", "context_window_tokens": "count",
        "context_used_tokens": "count", "context_remaining_pct": "pct", "generation": "count",
        "predecessor_session_id": "id", "handoff_ms": "count", "bootstrap_tokens": "count",
        "reported_at": "instant", "voided": "flag",
    },
    "messages": {
        "from_agent_id": "name", "to_agent_id": "name", "task_id": "id", "sent_at": "instant",
        "acknowledged_at": "instant", "reported_at": "instant", "voided": "flag",
    },
    "incidents": {
        "agent_id": "name", "other_agent_id": "name", "session_id": "id", "task_id": "id",
        "detail": "text", "occurred_at": "instant", "reported_at": "instant", "voided": "flag",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Hostile:
    """A document, and its fields that cannot be read."""

    collection: str
    fields: dict[str, Any]
    bad: frozenset[str]

    def reaches(self, root: str) -> bool:
        """Tell whether it may be counted in the tree of a root, or of one below it."""
        return any(
            self.fields.get(name) in (root, "h-1", "h-2")
            or str(self.fields.get(name)).startswith("bad-")
            for name in ("parent_task_id", "root_task_id")
        )


@st.composite
def documents(draw: st.DrawFn) -> Hostile:
    """Draw a document: half written, half of it wrong, or beside what is known."""
    collection = draw(st.sampled_from(sorted(_KINDS)))
    kinds = _KINDS[collection]
    fields: dict[str, Any] = {}
    bad = set()
    for name in draw(st.lists(st.sampled_from(sorted(kinds)), unique=True, max_size=12)):
        if draw(st.booleans()):
            bad.add(name)
        fields[name] = draw(st.sampled_from((_BAD if name in bad else _GOOD)[kinds[name]]))
    if draw(st.booleans()):
        fields["unknown"] = draw(st.sampled_from([_LONG, {"deep": [{"er": 1}]}, None, 7]))
    return Hostile(collection, fields, frozenset(bad))
