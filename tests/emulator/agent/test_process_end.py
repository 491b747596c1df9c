"""The end of a process: told to end or cut off, nothing it has said is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from google.cloud import firestore

from support.agents import HANGS_S, first_task, run_agent
from tachograph import Fleet

_RECORDS = """
import itertools, sys, time
from tachograph import Fleet, Usage
fleet = Fleet(sys.argv[1], flush_interval_s=0.01)
task = fleet.session("b-1").task("t-1")
task.flush()
for n in itertools.count(1):
    task.record(Usage(tokens_in=1))
    print(n, flush=True)
    time.sleep(0.0005)
"""


@pytest.mark.parametrize("attempt", range(4))
def test_process_that_is_terminated_while_it_records_ends_and_loses_nothing(
    db: firestore.Client, fleet_name: str, folder: Path, attempt: int
) -> None:
    command = [sys.executable, "-c", _RECORDS, fleet_name]
    # It records on, so there is always more to write until its time is over; the rest is spooled.
    env = {**os.environ, "TACHOGRAPH_CLOSE_S": "5"}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            for _ in range(1 + 50 * attempt):
                process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            said = process.communicate(timeout=HANGS_S)[0].split()
        finally:
            process.kill()
    assert process.returncode == -signal.SIGTERM
    with Fleet(fleet_name, client=db):
        pass
    assert first_task(db, fleet_name)["tokens_in"] in {int(said[-1]), int(said[-1]) + 1}
    assert list(folder.glob("*/*.jsonl")) == []


_DEAF = """
import signal, sys, threading, time
from tachograph import Fleet, Usage
task = Fleet(sys.argv[1], flush_interval_s=60).session("b-1").task("t-1")
for _ in range(7):
    task.record(Usage(tokens_in=3))
def elsewhere():
    time.sleep(0.5)
    # The main thread's sleep is not cut short: as when the signal comes just before it begins.
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
threading.Thread(target=elsewhere, daemon=True).start()
time.sleep(10 * float(sys.argv[2]))
"""


def test_signal_that_the_main_thread_does_not_hear_ends_the_process_all_the_same(
    db: firestore.Client, fleet_name: str, folder: Path
) -> None:
    ended = run_agent(_DEAF, fleet_name, str(HANGS_S))
    assert ended.returncode == -signal.SIGTERM, ended.stderr
    assert first_task(db, fleet_name)["tokens_in"] == 21
    assert list(folder.glob("*/*.jsonl")) == []


_OFFLINE = """
import sys
from tachograph import Fleet, Usage
fleet = Fleet("acme")
task = fleet.session("b-1").task("t-1")
for _ in range(20):
    task.record(Usage(tokens_in=1))
"""


def test_process_that_reaches_no_database_ends_and_its_reports_stay(folder: Path) -> None:
    ended = run_agent(_OFFLINE, FIRESTORE_EMULATOR_HOST="127.0.0.1:9", TACHOGRAPH_CLOSE_S="1")
    assert ended.returncode == 0, ended.stderr
    [file] = folder.glob("*/*.jsonl")
    assert file.read_bytes().partition(b"\0")[0].count(b"\n") == 21


_HANDLES = """
import os, signal, sys, time
from tachograph import Fleet
def own(*_):
    print("own")
    time.sleep(2)  # longer than a deaf main thread is given
    sys.exit(7)
if sys.argv[2] == "before":
    signal.signal(signal.SIGTERM, own)
fleet = Fleet(sys.argv[1])
if sys.argv[2] == "after":
    signal.signal(signal.SIGTERM, own)
fleet.session("b-1").task("t-1")
signal.raise_signal(signal.SIGTERM)
"""


@pytest.mark.parametrize("order", ["before", "after"])
def test_handler_of_the_application_is_called_and_decides(
    db: firestore.Client, fleet_name: str, folder: Path, order: str
) -> None:
    ended = run_agent(_HANDLES, fleet_name, order)
    assert (ended.returncode, ended.stdout) == (7, "own\n")
    assert first_task(db, fleet_name)["status"] == "active"
    assert list(folder.glob("*/*.jsonl")) == []


_INTERRUPTED = """
import sys, threading, signal
from tachograph import Fleet, Usage
fleet = Fleet("acme")
task = fleet.session("b-1").task("t-1")
task.record(Usage(tokens_in=1))
flush = fleet._writer.flush
def interrupted(timeout_s):
    raise KeyboardInterrupt
fleet._writer.flush = interrupted
try:
    fleet.close()
except KeyboardInterrupt:
    print("interrupted")
"""


def test_close_that_is_interrupted_leaves_the_reports_in_the_spool(folder: Path) -> None:
    ended = run_agent(_INTERRUPTED, FIRESTORE_EMULATOR_HOST="127.0.0.1:9")
    assert (ended.returncode, ended.stdout) == (0, "interrupted\n"), ended.stderr
    assert len(list(folder.glob("*/*.jsonl"))) == 1


_KILLED = """
import os, signal, sys
from tachograph import Fleet, Usage
task = Fleet(sys.argv[1], flush_interval_s=3600).session("b-1", session_id="s-1").task("t-1")
for _ in range(int(sys.argv[2])):
    task.record(Usage(tokens_in=100), model="claude-haiku-4-5", provider="anthropic")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_agent_had_spent_is_in_the_cost_of_its_session_too(
    db: firestore.Client,
    fleet_name: str,
    folder: Path,  # noqa: ARG001 - sets the environment
) -> None:
    session = db.document("fleets", fleet_name, "sessions", "s-1")
    session.set({"agent_id": "b-1", "cost_nanousd": 5})
    for calls in (20, 60):
        assert run_agent(_KILLED, fleet_name, str(calls - 20 or 20)).returncode == -signal.SIGKILL
        with Fleet(fleet_name):
            pass
        assert first_task(db, fleet_name)["cost_nanousd"] == calls * 100_000
        assert session.get().get("cost_nanousd") == 5 + calls * 100_000
