"""The command line: quick to say what it can do, and plain about what is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from tachograph_cli.main import COMMANDS, main


def test_help_imports_nothing_heavy() -> None:
    program = "import sys, tachograph_cli.main; sys.exit('grpc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    answer = CliRunner().invoke(main, [command, "--help"])
    assert answer.exit_code == 0
    assert answer.output.startswith("Usage: main " + command)


def test_program_without_emulator_or_credentials_is_told_what_to_do(
    shared: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FIRESTORE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json")
    answer = CliRunner().invoke(main, ["replay", f"{shared}/data/codex", "--fleet", "x"])
    assert answer.exit_code == 1
    assert "expected one of them" in answer.output
    assert "tachograph local -- COMMAND" in answer.output


def test_public_names_are_importable_and_no_others() -> None:
    import tachograph  # noqa: PLC0415 - what is tested

    assert all(getattr(tachograph, name) for name in tachograph.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = tachograph.nonsense


def test_every_command_is_in_a_module_of_commands() -> None:
    modules = {entry.target.partition(":")[0].rpartition(".")[2] for entry in COMMANDS.values()}
    assert modules == {"command", "commands", "doctor"}
