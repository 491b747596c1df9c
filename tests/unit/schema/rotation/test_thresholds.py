"""Thresholds: tests/cases/thresholds.yaml, and what holds of all of them."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from support.places import CASES
from tachograph_schema.documents.fleet import Fleet, RotationPolicy
from tachograph_schema.documents.session import Session
from tachograph_schema.parsing import parse
from tachograph_schema.rotation.thresholds import is_well, level, thresholds

_CASES = yaml.safe_load((CASES / "thresholds.yaml").read_text(encoding="utf-8"))
_PCT = st.floats(0, 100)


@pytest.mark.parametrize("case", _CASES, ids=[case["name"] for case in _CASES])
def test_thresholds(case: dict[str, Any]) -> None:
    session = Session.model_validate(case["session"])
    policy = RotationPolicy.model_validate(case.get("policy", {}))
    found = thresholds(session, policy, case.get("learned_pct"))
    shown = {
        "rotate_pct": found.rotate_pct,
        "warn_pct": found.warn_pct,
        "well_pct": found.well_pct,
        "level": level(session, found),
    }
    assert {name: shown[name] for name in case["expect"]} == case["expect"]


def test_golden_thresholds_are_what_the_schema_answers(root: Path) -> None:
    # dashboard/src/lib/derive/thresholds.test.ts holds the page's marks to the same file.
    golden = root / "tests" / "golden"
    computed = runpy.run_path(str(golden / "write_thresholds.py"))["golden"]()
    assert json.loads((golden / "thresholds.json").read_text()) == computed


@given(rotate=_PCT, warn=_PCT, hysteresis=_PCT, left=_PCT)
def test_no_context_is_low_and_well_again_at_once(
    rotate: float, warn: float, hysteresis: float, left: float
) -> None:
    policy = RotationPolicy(rotate_below_pct=rotate, warn_below_pct=warn, hysteresis_pct=hysteresis)
    session = Session.model_validate({"context_remaining_pct": left})
    at = thresholds(session, policy)
    assert at.rotate_pct <= at.warn_pct
    assert at.rotate_pct <= at.well_pct
    assert not (level(session, at) == "rotate" and is_well(session, at))


def test_policy_that_does_not_parse_costs_the_field_alone() -> None:
    said = {
        "rotate_below_pct": 50,
        "expire_after_s": 0,
        "job": "successor",
        "by_model": {"m": 140, "n": 20},
        "local_command": [1],
    }
    fleet, problems = parse(Fleet, {"rotation": said})
    assert fleet.rotation.rotate_below_pct == 50
    assert fleet.rotation.by_model == {"n": 20}
    assert fleet.rotation.job is None
    text = "text of at most 2000 characters and 8000 bytes in UTF-8"
    job = "a job's full name: projects/PROJECT/locations/REGION/jobs/JOB"
    assert [str(problem) for problem in problems] == [
        "rotation.by_model.m is 140; expected 0-100, the percentage still free",
        "rotation.expire_after_s is 0; expected greater than or equal to 1",
        f"rotation.job is 'successor'; expected {job}",
        f"rotation.local_command.0 is [1]; expected {text}",
    ]
