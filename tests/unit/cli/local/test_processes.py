"""A process is known by its id and its start: a stranger with the same id is never signalled."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tachograph_cli.local.process import foreground, table
from tachograph_cli.local.process.child import Child
from tachograph_cli.local.process.supervisor import STOPPED_WITHIN_S, sweep
from tachograph_cli.local.process.table import Process

SLEEP = ["sleep", "600"]
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
"""The unit of a start: an id cannot come round within one, but this test gives it out at once."""
LAST_PID = Path("/proc/sys/kernel/ns_last_pid")


@contextmanager
def sleeping(command: list[str] = SLEEP) -> Iterator[subprocess.Popen[str]]:
    """Run a process of this test's own, which is gone afterwards."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def known(process: subprocess.Popen[str]) -> Process:
    """Return the process as the table has it."""
    identified = table.identify(process.pid)
    assert identified is not None
    return identified


def test_a_stranger_that_has_the_id_of_an_ended_process_is_not_killed() -> None:
    with sleeping() as stranger:
        ended = Process(stranger.pid, "the start of the one that had the id before")
        assert not table.send(ended, signal.SIGKILL)
        sweep(lambda: {ended})
        assert stranger.poll() is None


def test_a_process_that_is_meant_is_signalled() -> None:
    with sleeping() as process:
        assert table.send(known(process), signal.SIGTERM)
        assert process.wait(30) == -signal.SIGTERM


def test_an_ended_process_that_nobody_has_reaped_is_none() -> None:
    with sleeping() as process:
        one = known(process)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert table.identify(process.pid) is None
        assert one not in table.running()
        assert not table.send(one, signal.SIGTERM)


def test_an_id_that_the_system_gives_out_again_is_another_process() -> None:
    """Where the kernel lets a test choose the next id, really so; elsewhere by its start."""
    with sleeping() as first:
        one = known(first)
        time.sleep(2 * TICK_S)
    for _ in range(50):  # another program may take the id in between
        try:
            LAST_PID.write_text(str(one.pid - 1))
        except OSError:
            break
        with sleeping() as second:
            if second.pid != one.pid:
                continue
            assert known(second) != one
            assert not table.send(one, signal.SIGKILL)
            sweep(lambda: {one})
            assert second.poll() is None
            return
    with sleeping() as second:
        assert known(second) != Process(second.pid, one.started)


def test_a_sweep_ends_also_a_process_that_does_not_heed_sigterm() -> None:
    script = "trap '' TERM; echo deaf; while :; do sleep 0.1; done"
    with sleeping(["sh", "-c", script]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "deaf\n"
        one = known(process)

        def remaining() -> set[Process]:
            process.poll()
            return {one}

        sweep(remaining)
        assert process.wait(30) == -signal.SIGKILL


def test_a_child_and_what_it_started_in_a_session_of_its_own_end_with_it(tmp_path: Path) -> None:
    script = f"setsid sleep 600 & touch {tmp_path}/running; wait"
    with Child(["sh", "-c", script], env=dict(os.environ)) as child:
        below = _below(child, tmp_path / "running")
        assert len(below) >= 2
    assert below.isdisjoint(table.running())


def test_a_command_is_interrupted_where_its_supervisor_is_killed(tmp_path: Path) -> None:
    script = f"trap 'exit 0' INT; touch {tmp_path}/running; while :; do sleep 0.05; done"
    child = Child(["sh", "-c", script], env=dict(os.environ))
    below = _below(child, tmp_path / "running")
    supervisor = table.identify(child.pid)
    assert supervisor is not None
    table.send(supervisor, signal.SIGKILL)
    child.stop()
    _until_gone(below)


def test_a_check_that_fails_ends_the_command_with_everything_below_it(tmp_path: Path) -> None:
    script = f"sleep 600 & touch {tmp_path}/running; wait"
    before = table.descendants(os.getpid())  # the emulators of the other tests, for one
    below: set[Process] = set()

    def check() -> None:
        if (tmp_path / "running").exists():
            below.update(table.descendants(os.getpid()) - before)
            raise RuntimeError("the stack has ended")

    with pytest.raises(RuntimeError, match="the stack has ended"):
        foreground.run(["sh", "-c", script], os.environ, check)
    assert len(below) >= 2
    assert below.isdisjoint(table.running())


def test_a_program_that_cannot_be_run_has_the_shells_status(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "text"
    text.write_text("no program")
    assert foreground.run(["no-such-program"], os.environ) == foreground.NOT_FOUND
    assert foreground.run([str(text)], os.environ) == foreground.NOT_EXECUTABLE
    assert "no-such-program: no such command" in capfd.readouterr().err


def _below(child: Child, mark: Path) -> set[Process]:
    """Return the processes below a child's supervisor, once the command has made its mark."""
    pauses = _pauses()
    while not mark.exists():
        next(pauses)
    return table.descendants(child.pid)


def _until_gone(processes: set[Process]) -> None:
    pauses = _pauses()
    while not processes.isdisjoint(table.running()):
        next(pauses)


def _pauses() -> Iterator[None]:
    """Pause between looks; fail after three times what a stop may take."""
    end = time.monotonic() + 3 * STOPPED_WITHIN_S
    while time.monotonic() < end:
        time.sleep(0.05)
        yield
    pytest.fail("not within the time that a stop may take")
