"""The rules that raise alerts: one row a rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its name, how bad its alerts are, and their words."""

    name: str
    severity: Literal["warning", "critical"]
    detail: str
    """Words for a person, with the places that `alert` fills."""

    def alert(
        self, value: float, threshold: float, subject: str | None = None, **words: object
    ) -> dict[str, Any]:
        """Return the fields of an alert, which measured `value` where `threshold` is allowed."""
        return {
            "rule": self.name,
            "severity": self.severity,
            "subject": subject,
            "value": float(value),
            "threshold": float(threshold),
            "detail": self.detail.format(**words),
        }


_ROWS: Final = (
    Rule(
        "rotation_unheeded",  # seconds since the signal's last step
        "warning",
        "sessions/{session} did not hand over{trouble}",
    ),
    Rule(
        "rotation_without_successor",  # seconds since the signal's last step
        "critical",
        "sessions/{session} has no successor after {starts} starts{trouble}",
    ),
    Rule("hand_over_refused", "critical", "{refusal}"),  # starts of a successor
    Rule(
        "tick_incomplete",  # units of one kind that failed in a tick
        "critical",
        "not up to date: {units}; the functions' log has the errors",
    ),
)
RULES: Final[Mapping[str, Rule]] = {rule.name: rule for rule in _ROWS}
