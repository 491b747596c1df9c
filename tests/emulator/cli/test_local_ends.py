"""A stack that ends, is killed or has neighbours: what is said, and what is left behind."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from support.cli import SOON_S, local, started, wait_for
from tachograph_cli.local import ports
from tachograph_cli.local.emulators import run_folder
from tachograph_cli.local.process import table
from tachograph_cli.local.process.table import Process

FILLING = """
import os, urllib.request
fields = '{"fields": {"text": {"stringValue": "%s"}}}' % ("x" * 500_000)
host = os.environ["FIRESTORE_EMULATOR_HOST"]
url = f"http://{host}/v1/projects/demo-tachograph/databases/(default)/documents/fleets"
while True:
    owner = {"Authorization": "Bearer owner", "Content-Type": "application/json"}
    try:
        urllib.request.urlopen(urllib.request.Request(url, fields.encode(), owner)).read()
    except OSError:
        pass
"""
KILLED = """
import os, signal
from tachograph import Fleet, Usage
fleet = Fleet("acme", flush_interval_s=3600)
fleet.create_task("queued")
task = fleet.session("b-1").task("begun")
task.record(Usage(tokens_out=10**6), model="claude-haiku-4-5", provider="anthropic")
os.kill(os.getpid(), signal.SIGKILL)
"""
NEXT = """
from google.cloud import firestore
from tachograph import Fleet
with Fleet("acme") as fleet:
    fleet.create_task("own")
    fleet.flush(60)
print(sorted(task.id for task in firestore.Client().collection("fleets/acme/tasks").stream()))
"""


@pytest.fixture
def temporary(tmp_path: Path) -> dict[str, str]:
    """Give an environment whose temporary folder and cache are this test's own."""
    for name in ("tmp", "cache"):
        (tmp_path / name).mkdir()
    own = {"TMPDIR": str(tmp_path / "tmp"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    return {**os.environ, **own}


@pytest.fixture
def stranger() -> Iterator[int]:
    """Listen on the functions' usual port, unless another program does already."""
    port = ports.USUAL["functions"]
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            listener.bind(("127.0.0.1", port))
            listener.listen()
        yield port


def test_two_stacks_beside_a_stranger_run_their_commands(toy: Path, stranger: int) -> None:
    check = (
        "import os, urllib.request as u; base = os.environ['TACHOGRAPH_FUNCTIONS_URL']; "
        "print(base, u.urlopen(base + '/tick').read().decode())"
    )
    command = local("--only", "functions", "--", sys.executable, "-c", check)
    both = [
        subprocess.Popen(
            command, cwd=toy, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=2 * SOON_S) for process in both]
    assert [process.returncode for process in both] == [0, 0], answers
    addresses = {printed.split()[0] for printed, _ in answers}
    assert len(addresses) == 2
    assert all(printed.split()[1] == "ticked" for printed, _ in answers)
    assert not any(f":{stranger}/" in address for address in addresses)


def test_a_stack_that_dies_under_a_command_ends_it_and_says_why(toy: Path, tmp_path: Path) -> None:
    script = f"sleep 600 & touch {tmp_path}/running; wait"
    with started(local("--only", "firestore", "--", "sh", "-c", script), toy) as process:
        wait_for((tmp_path / "running").exists)
        below = table.descendants(process.pid)
        assert table.send(_java(below), signal.SIGKILL)
        printed = process.communicate(timeout=SOON_S)[1]
        assert process.returncode == 1
        wait_for(lambda: below.isdisjoint(table.running()))
    assert "the Firestore Emulator was ended by SIGKILL" in printed
    assert "Traceback" not in printed


def test_an_emulator_out_of_memory_is_told_in_a_sentence_with_its_cause(
    toy: Path, temporary: dict[str, str], tmp_path: Path
) -> None:
    environment = {**temporary, "TACHOGRAPH_EMULATOR_MB": "48"}
    command = local("--only", "firestore", "--", sys.executable, "-c", FILLING)
    with started(command, toy, env=environment) as process:
        printed = process.communicate(timeout=2 * SOON_S)[1]
        assert process.returncode == 1, printed
    error = printed[printed.index("Error: ") :]
    assert error == (
        "Error: the local stack has ended: the Firestore emulator ran out of memory: the documents "
        "need more than 48 MB; start again with more: TACHOGRAPH_EMULATOR_MB=96\n"
    )
    assert list((tmp_path / "tmp").glob(f"{run_folder.PREFIX}*/{run_folder.LOCK}")) == []


def test_what_a_killed_stack_leaves_goes_at_the_next_start(
    toy: Path, temporary: dict[str, str], tmp_path: Path
) -> None:
    command = local("--only", "firestore", "--", "sh", "-c", f"touch {tmp_path}/running; sleep 600")
    with started(command, toy, env=temporary) as process:
        wait_for((tmp_path / "running").exists)
        below = table.descendants(process.pid)
        [run] = (tmp_path / "tmp").glob(f"{run_folder.PREFIX}*/{run_folder.LOCK}")
        process.kill()
        for each in below:
            if "supervisor" in _command(each) or "sleep" in _command(each):
                table.send(each, signal.SIGKILL)
        process.wait(SOON_S)
        wait_for(lambda: run_folder.remove_abandoned(tmp_path / "tmp") == [run.parent])
        wait_for(lambda: below.isdisjoint(table.running()))
    assert not run.parent.exists()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill"])
def test_a_demo_takes_with_it_all_that_it_pretended(
    toy: Path, temporary: dict[str, str], tmp_path: Path, ending: signal.Signals
) -> None:
    command = [sys.executable, "-m", "tachograph_cli.main", "demo", "--no-browser"]
    with started(command, toy, env={**temporary, "TACHOGRAPH_CLOSE_S": "1"}) as process:
        wait_for(lambda: bool(list((tmp_path / "tmp").glob("tachograph-*/spool/*/*.jsonl"))))
        below = table.descendants(process.pid)
        process.send_signal(ending)
        process.communicate(timeout=SOON_S)
        assert process.returncode == (0 if ending == signal.SIGINT else -ending)
        wait_for(lambda: below.isdisjoint(table.running()))
    left = [path for path in (tmp_path / "tmp").iterdir() if "ports" not in path.name]
    assert left == []
    assert list((tmp_path / "cache").iterdir()) == []


def test_agents_that_were_killed_charge_their_own_stack_and_not_the_next(
    toy: Path, temporary: dict[str, str]
) -> None:
    killed, following = (shlex.join([sys.executable, "-c", text]) for text in (KILLED, NEXT))
    printed = []
    for script in (f"{killed}; {following}", killed, following):
        command = local("--only", "firestore", "--", "sh", "-c", script)
        done = subprocess.run(
            command, cwd=toy, env=temporary, capture_output=True, text=True, check=False
        )
        printed.append(done.stdout.strip().splitlines()[-1:])
    assert printed == [["['begun', 'own', 'queued']"], [], ["['own']"]]


def _java(processes: set[Process]) -> Process:
    [java] = [each for each in processes if "firestore-emulator" in _command(each)]
    return java


def _command(process: Process) -> str:
    try:
        line = Path(f"/proc/{process.pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return ""
    return line.replace(b"\0", b" ").decode()
