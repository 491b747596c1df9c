"""The code in the README runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from google.cloud import firestore

import tachograph

_ANSWER = {
    "type": "message",
    "model": "claude-sonnet-4-5-20250929",
    "usage": {"input_tokens": 900, "output_tokens": 350},
}
_BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def test_readmes_code_runs_and_leaves_a_completed_task(
    db: firestore.Client, root: Path, fleet_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class _Fleet(tachograph.Fleet):
        def __init__(self, _: str) -> None:
            super().__init__(fleet_name, client=db)

    monkeypatch.setattr(tachograph, "Fleet", _Fleet)
    task = db.document("fleets", fleet_name, "tasks", "T-1")
    task.set({"status": "active"})
    blocks = _BLOCK.findall((root / "README.md").read_text())
    assert len(blocks) == 2
    for block in blocks:
        names = {"task": task, "answer": _ANSWER}
        exec(compile(block, "README.md", "exec"), names)  # noqa: S102 - our own words
    statuses = {
        t.id: t.get("status") for t in db.collection("fleets", fleet_name, "tasks").stream()
    }
    assert statuses == {"T-1": "completed", "T-881": "completed"}
    claimed = db.document("fleets", fleet_name, "tasks", "T-881").get()
    assert claimed.get("cost_nanousd") == 900 * 3_000 + 350 * 15_000
