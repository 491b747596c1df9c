"""Pure: live/now, the newest snapshot with rings of the last hour."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tachograph_schema.counters.size import saturated

RING_POINTS = 60
FLOWS = {
    "tokens_total": ("tokens_in", "cache_read_tokens", "cache_write_tokens", "tokens_out"),
    "tasks_completed": ("tasks_completed",),
    "tasks_failed": ("tasks_failed",),
    "llm_calls": ("llm_calls",),
    "llm_errors": ("llm_errors",),
    "cost_nanousd": ("cost_nanousd",),
}
"""The cumulative series, and the counters each adds up."""
STOCKS = (
    "burn_nanousd_per_h",
    "queue_depth",
    "tasks_in_flight",
    "sessions_open",
    "parallel_agents",
    "messages_pending",
    "signals_open",
)
"""The series of what stands at the moment."""
_MINUTE_MS = 60_000


def live_document(shown: Mapping[str, Any], taken: Mapping[str, Any]) -> dict[str, Any]:
    """Return the snapshot just taken with the rings of what was shown, one point a minute.

    Within a minute the newest snapshot replaces the point; points older than an hour go.
    """
    at_ms = _ms(taken["at"])
    point = _point(taken, flow(shown, taken))
    rings: Mapping[str, list[int]] = shown.get("rings", {})
    times = rings.get("at_ms", [])
    kept = [
        i
        for i, t in enumerate(times)
        if at_ms // _MINUTE_MS - RING_POINTS < t // _MINUTE_MS < at_ms // _MINUTE_MS
    ]
    series = {"at_ms": [*(times[i] for i in kept), at_ms]}
    for name, value in point.items():
        old = rings.get(name, [])
        series[name] = [*(old[i] if i < len(old) else 0 for i in kept), value]
    return {**taken, "rings": series}


def flow(shown: Mapping[str, Any], taken: Mapping[str, Any]) -> dict[str, int]:
    """Add what happened lately to the cumulative counts shown: a rate is a difference of two.

    Lately is this hour and the one before, compared with what those hours held at the snapshot
    before. History that is imported lands in its own hours, and is no burst now.
    """
    recent: Mapping[str, Mapping[str, int]] = shown.get("recent", {})
    rings: Mapping[str, list[int]] = shown.get("rings", {})
    flows = {}
    for name in FLOWS:
        rows = taken["recent"].items() if recent else ()
        gained = sum(row[name] - recent.get(hour, {}).get(name, 0) for hour, row in rows)
        flows[name] = saturated((rings.get(name) or [0])[-1] + gained)
    return flows


def recent_row(counters: Mapping[str, int]) -> dict[str, int]:
    """Return what flows, of an hour's counters of the fleet."""
    return {
        name: saturated(sum(counters.get(part, 0) for part in parts))
        for name, parts in FLOWS.items()
    }


def _point(taken: Mapping[str, Any], flows: Mapping[str, int]) -> dict[str, int]:
    sessions = taken["sessions"]
    return {
        **{name: taken[name] for name in STOCKS},
        "sessions_active": sessions["active"],
        "sessions_stuck": sessions["stuck"],
        **flows,
    }


def _ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)
