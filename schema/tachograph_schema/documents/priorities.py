"""How urgent tasks are, in words."""

from __future__ import annotations

from typing import Final

PRIORITIES: Final = ("critical", "urgent", "high", "normal", "low")
"""The most urgent first, where a fleet does not say otherwise."""
