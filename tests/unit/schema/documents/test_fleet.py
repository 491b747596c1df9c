"""A fleet's policies: every one has a default, written once."""

from __future__ import annotations

import json
import runpy

from support.places import GOLDEN
from tachograph_schema.documents.fleet import Fleet
from tachograph_schema.parsing import parse


def test_golden_policy_defaults_are_the_schemas() -> None:
    # The page's tests hold its own defaults to the same file.
    computed = runpy.run_path(str(GOLDEN / "write_policy_defaults.py"))["golden"]()
    assert json.loads((GOLDEN / "policy_defaults.json").read_text()) == computed


def test_fleet_without_a_document_has_every_default() -> None:
    assert parse(Fleet, {}) == (Fleet(), ())
