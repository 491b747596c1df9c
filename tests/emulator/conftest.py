"""Fixtures of the tests on the emulators."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a spool of this test's own."""
    monkeypatch.setenv("TACHOGRAPH_SPOOL", str(tmp_path))
    return tmp_path
