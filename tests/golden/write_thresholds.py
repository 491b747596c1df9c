"""Write thresholds.json: the cases of tests/cases/thresholds.yaml with the schema's threshold.

It is run by: make golden
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from support.places import CASES, GOLDEN
from tachograph_schema.documents.fleet import RotationPolicy
from tachograph_schema.documents.session import Session
from tachograph_schema.rotation.thresholds import thresholds

TARGET = GOLDEN / "thresholds.json"


def golden() -> list[dict[str, Any]]:
    """Compute the file's content: each case with the level at which its session rotates."""
    return [_answered(case) for case in yaml.safe_load((CASES / "thresholds.yaml").read_text())]


def _answered(case: dict[str, Any]) -> dict[str, Any]:
    session, policy = case["session"], case.get("policy", {})
    learned_pct = case.get("learned_pct")
    answer = thresholds(
        Session.model_validate(session), RotationPolicy.model_validate(policy), learned_pct
    )
    return {
        "name": case["name"],
        "session": session,
        "policy": policy,
        "learned_pct": learned_pct,
        "rotate_pct": answer.rotate_pct,
    }


if __name__ == "__main__":
    TARGET.write_text(json.dumps(golden(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
