"""The folder of a stack: kept while the stack lives, removed after one that was killed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tachograph.errors import OperatorError
from tachograph_cli.local.emulators import memory, run_folder
from tachograph_cli.local.process import table


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a temporary folder of this test's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def abandoned() -> Path:
    """Make a folder as a killed stack leaves it: with its lock file, which nobody holds."""
    run, lock = run_folder.make()
    (run / run_folder.SPOOL).mkdir()
    (run / run_folder.SPOOL / "878-reports.jsonl").write_text("{}")
    os.close(lock)
    return run


def test_a_folder_of_a_stack_that_lives_is_kept(temporary: Path) -> None:
    run, lock = run_folder.make()
    assert run_folder.remove_abandoned() == []
    os.close(lock)
    assert run_folder.remove_abandoned() == [run]
    assert list(temporary.iterdir()) == []


def test_the_folder_of_a_killed_stack_goes_with_its_spool(temporary: Path) -> None:
    run = abandoned()
    assert run.parent == temporary
    assert run_folder.remove_abandoned() == [run]
    assert not run.exists()


def test_a_lock_that_a_supervisor_still_holds_keeps_the_folder(temporary: Path) -> None:
    run, lock = run_folder.make()
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=(lock,)) as supervisor:
        os.close(lock)
        assert run_folder.remove_abandoned() == []
        supervisor.communicate(b"")
    assert run_folder.remove_abandoned() == [run]
    assert list(temporary.iterdir()) == []


def test_a_folder_kept_for_its_logs_stays(temporary: Path) -> None:
    run, lock = run_folder.make()
    run_folder.keep(run)
    os.close(lock)
    assert run_folder.remove_abandoned() == []
    assert list(temporary.iterdir()) == [run]


@pytest.mark.parametrize("name", ["tachograph-mine", "tachograph-ports-0", "other"])
def test_a_folder_that_is_no_stacks_is_left_alone(temporary: Path, name: str) -> None:
    (temporary / name).mkdir()
    (temporary / name / "file").write_text("of somebody else")
    assert run_folder.remove_abandoned() == []
    assert (temporary / name / "file").exists()


def test_a_link_to_a_folder_is_not_followed(temporary: Path) -> None:
    target = Path(tempfile.mkdtemp(prefix="elsewhere-"))
    (target / run_folder.LOCK).write_text("")
    (temporary / "tachograph-link").symlink_to(target)
    assert run_folder.remove_abandoned() == []
    assert (target / run_folder.LOCK).exists()


def test_a_process_that_a_killed_stack_left_ends_and_a_stranger_does_not(temporary: Path) -> None:
    run = abandoned()
    theirs = {**os.environ, "TMPDIR": str(run / run_folder.TEMPORARY)}
    others = {**os.environ, "TMPDIR": f"{run / run_folder.TEMPORARY}-of-another"}
    with (
        subprocess.Popen(["sleep", "600"], env=theirs) as left,
        subprocess.Popen(["sleep", "600"], env=others) as stranger,
    ):
        try:
            one = table.identify(left.pid)
            assert run_folder.remove_abandoned() == [run]
            assert one not in table.running()
            assert stranger.poll() is None
        finally:
            left.kill()
            stranger.kill()
    assert list(temporary.iterdir()) == []


def test_the_heap_of_the_emulator_is_bounded_and_adjustable() -> None:
    assert "-Xmx1024m" in memory.java_options({})
    assert "-Xmx300m" in memory.java_options({"TACHOGRAPH_EMULATOR_MB": "300"})


def test_java_options_that_are_set_already_stay() -> None:
    options = memory.java_options({"JAVA_TOOL_OPTIONS": "-Dproxy=there"})
    assert options.startswith("-Dproxy=there -Xmx1024m ")


@pytest.mark.parametrize("setting", ["1g", "-5", "0", "31", "1.5", "٣٠٠", " "])
def test_a_bound_that_is_none_is_refused(setting: str) -> None:
    with pytest.raises(OperatorError, match=r'TACHOGRAPH_EMULATOR_MB is ".*"; expected megabytes'):
        memory.heap_mb({"TACHOGRAPH_EMULATOR_MB": setting})
