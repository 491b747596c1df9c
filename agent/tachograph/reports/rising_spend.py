"""Pure: spend that only rises, as the rules demand of all but a fleet's owner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tachograph.reports.task_fields import MODEL_COUNTS, used_by_model

_PARTS = ("retry_cost_nanousd", "rotation_cost_nanousd", "handoff_cost_nanousd")
_SPEND = (*MODEL_COUNTS, "cost_reported_nanousd", *_PARTS)


def rising_spend(landed: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields to write over `landed` with no spend below what is recorded there.

    A correction may take back more than this write adds. The rules would refuse it, and the reports
    after it would wait for it for good.
    """
    risen = {**fields, **_no_less(landed, fields, _SPEND)}
    if "usage_by_model" in fields:
        before = used_by_model(landed)
        risen["usage_by_model"] = {
            model: {**row, **_no_less(before.get(model, {}), row, MODEL_COUNTS)}
            for model, row in fields["usage_by_model"].items()
        }
    return risen


def _no_less(
    landed: Mapping[str, Any], fields: Mapping[str, Any], names: tuple[str, ...]
) -> dict[str, int]:
    return {name: max(fields[name], landed.get(name) or 0) for name in names if name in fields}
