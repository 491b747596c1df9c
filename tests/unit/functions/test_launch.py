"""The start of a successor: as a job, or as a command against the emulator alone."""

from __future__ import annotations

import pytest

from rotation.hand_over import can_start
from tachograph_schema.documents.fleet import RotationPolicy

_JOB = "projects/p/locations/us-central1/jobs/successor"


def test_command_of_a_document_is_never_run_outside_the_emulator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = RotationPolicy(local_command=["sh", "-c", "id"])
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)
    assert not can_start(command)
    assert can_start(RotationPolicy(job=_JOB))
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "localhost:8080")
    assert can_start(command)
    assert not can_start(RotationPolicy())
