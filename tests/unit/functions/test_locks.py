"""The functions are deployed with the versions that the tests ran with."""

from __future__ import annotations

import re
from pathlib import Path

_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ \\]+)", re.MULTILINE)


def _pins(lock: Path) -> set[tuple[str, str]]:
    return set(_PIN.findall(lock.read_text()))


def test_functions_are_pinned_to_the_versions_the_tests_run_with(root: Path) -> None:
    deployed = _pins(root / "functions/requirements.txt")
    assert {"google-cloud-firestore", "pydantic", "genai-prices"} <= {name for name, _ in deployed}
    assert deployed <= _pins(root / "requirements.lock")


def test_every_pin_carries_its_hashes(root: Path) -> None:
    for name in ("requirements.lock", "functions/requirements.txt"):
        text = (root / name).read_text()
        pinned = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
        assert all("--hash=sha256:" in block for block in pinned)
