"""The start of a successor: as a job, or as a command against the emulator alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from rotation.hand_over import can_start
from rotation.launch import log_name
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


@pytest.mark.parametrize("session", ["s-1", "𐍈" * 200, "x" * 1400, "../../etc", "a b;c"])
def test_output_of_a_successor_has_a_file_of_its_own_whatever_its_session_is_called(
    session: str,
) -> None:
    name = log_name(f"rotate_{session}_0", 1)
    assert len(name.encode()) <= 255
    assert Path(name).name == name
    assert name.isascii()
    assert len({name, log_name(f"rotate_{session}_1", 1), log_name(f"rotate_{session}_0", 2)}) == 3
