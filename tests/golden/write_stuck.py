"""Write stuck.json: the cases of tests/cases/liveness.yaml as documents, and how each is judged.

`liveness` is what functions write of such a session at `now`; `state` is what a reader of the
document shows.

.venv/bin/python tests/golden/write_stuck.py
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from tachograph_schema.documents.fleet import LivenessPolicy
from tachograph_schema.documents.session import Session
from tachograph_schema.documents.session_liveness import liveness, shown_state

TARGET = Path(__file__).with_name("stuck.json")
CASES = Path(__file__).parent.parent / "cases" / "liveness.yaml"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_DATED = (
    "last_seen_at",
    "last_progress_at",
    "effective_progress_at",
    "effective_since",
    "waiting_until",
    "ended_at",
)


def golden() -> list[dict[str, Any]]:
    """Compute the file's content: each case with its document and how it is judged."""
    return [_judged(case) for case in yaml.safe_load(CASES.read_text(encoding="utf-8"))]


def document(fields: dict[str, Any]) -> dict[str, Any]:
    """Return a session's document; the instants of a case are minutes from now."""
    return {name: _at(value) if name in _DATED else value for name, value in fields.items()}


def _judged(case: dict[str, Any]) -> dict[str, Any]:
    fields, policy = document(case["session"]), case.get("policy", {})
    session = Session.model_validate(fields)
    minutes = case.get("expected_min")
    expected = None if minutes is None else timedelta(minutes=minutes)
    written_at = NOW - timedelta(minutes=case["silent_min"])
    judged = liveness(session, written_at, expected, LivenessPolicy.model_validate(policy), NOW)
    return {
        "name": case["name"],
        "session": fields,
        "written_at": written_at.isoformat(),
        "expected_duration_ms": None if minutes is None else round(minutes * 60_000),
        "policy": policy,
        "now": NOW.isoformat(),
        "liveness": judged,
        "state": shown_state(session),
    }


def _at(minutes: float) -> str:
    return (NOW + timedelta(minutes=minutes)).isoformat()


if __name__ == "__main__":
    TARGET.write_text(json.dumps(golden(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
