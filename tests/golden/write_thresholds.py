"""Write thresholds.json: the cases of tests/cases/thresholds.yaml, and where the schema rotates.

.venv/bin/python tests/golden/write_thresholds.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from tachograph_schema.documents.fleet import RotationPolicy
from tachograph_schema.documents.session import Session
from tachograph_schema.rotation.thresholds import thresholds

TARGET = Path(__file__).with_name("thresholds.json")
CASES = Path(__file__).parent.parent / "cases" / "thresholds.yaml"


def golden() -> list[dict[str, Any]]:
    """Compute the file's content: each case with the level at which its session rotates."""
    return [_answered(case) for case in yaml.safe_load(CASES.read_text(encoding="utf-8"))]


def _answered(case: dict[str, Any]) -> dict[str, Any]:
    session, policy = case["session"], case.get("policy", {})
    learned_pct = case.get("learned_pct")
    found = thresholds(
        Session.model_validate(session), RotationPolicy.model_validate(policy), learned_pct
    )
    return {
        "name": case["name"],
        "session": session,
        "policy": policy,
        "learned_pct": learned_pct,
        "rotate_pct": found.rotate_pct,
    }


if __name__ == "__main__":
    TARGET.write_text(json.dumps(golden(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
