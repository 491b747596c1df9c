"""Pure: the line of a signal and its progress."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from tachograph_cli.terminal import fmt
from tachograph_cli.top.view import age
from tachograph_schema.documents.signal import WRONG

_STATUSES: Mapping[str, str] = {
    "pending": "yellow",
    "acknowledged": "cyan",
    "journaled": "cyan",
    "handed_off": "blue",
    "completed": "green",
    "expired": "red",
}


def line(signal: Mapping[str, Any], now: datetime) -> Table:
    """Draw a signal: its time, its status, and the agent it is for."""
    made = Table.grid(padding=(0, 1, 0, 0), expand=True)
    made.add_column(width=5, no_wrap=True)
    made.add_column(width=12, no_wrap=True)
    made.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    at = signal.get("created_at")
    clock = f"{at.astimezone(UTC):%H:%M}" if isinstance(at, datetime) else ""
    status = str(signal.get("status", ""))
    words = Text(status.replace("_", " "), _style(signal))
    made.add_row(Text(clock, "dim"), words, _words(signal, now))
    return made


def _style(signal: Mapping[str, Any]) -> str:
    """Return the colour of a signal's status; an expiry that is no failure is dim."""
    if signal.get("status") == "expired" and signal.get("expired_because") not in (None, *WRONG):
        return "dim"
    return _STATUSES.get(str(signal.get("status")), "")


def _words(signal: Mapping[str, Any], now: datetime) -> Text:
    agent = signal.get("agent_id") or signal.get("session_id") or fmt.UNKNOWN
    kind = str(signal.get("kind", ""))
    words = Text.assemble(("" if kind == "rotate" else f"{kind} ", "dim"), (str(agent), "bold"))
    remaining_pct = signal.get("context_remaining_pct")
    if isinstance(remaining_pct, int | float):
        words.append(f"  {remaining_pct:.0f}% left", "dim")
    gap_ms = signal.get("handoff_ms")
    if signal.get("status") == "completed" and isinstance(gap_ms, int):
        words.append(f"  handed over in {fmt.duration(gap_ms)}", "dim")
    elif signal.get("status") in ("pending", "acknowledged", "journaled", "handed_off"):
        waited = age(signal.get("created_at"), now)
        if waited is not None:
            words.append(f"  for {fmt.ago(waited)}", "dim")
    elif signal.get("expired_because"):
        words.append(f"  {str(signal['expired_because']).replace('_', ' ')}", "dim")
    return words
