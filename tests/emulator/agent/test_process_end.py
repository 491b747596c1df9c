"""The life of a process: killed gently, forked or cut off, nothing it has said is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from google.cloud import firestore

from tachograph import Fleet

HANGS_S = 180
"""No end after so long is a hang; a shorter time says nothing."""
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
_FORKS = """
import multiprocessing, os, sys
from tachograph import Fleet, Usage
fleet = Fleet(sys.argv[1], flush_interval_s=0.01)
session = fleet.session("b-1")
session.should_rotate  # listens, as an agent does
task = session.task("t-1")
task.record(Usage(tokens_in=1))
task.flush()
def child(how):
    for _ in range(10):
        task.record(Usage(tokens_in=10))
    if how == "closes":
        fleet.close()
how = sys.argv[2]
if how == "multiprocessing":
    process = multiprocessing.get_context("fork").Process(target=child, args=(how,))
    process.start()
    process.join()
    assert process.exitcode == 0
else:
    pid = os.fork()
    if pid == 0:
        child(how)
        if how == "exits":
            sys.exit(0)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
task.record(Usage(tokens_in=1))
fleet.close()
"""
_FORKS_WHILE_RECORDING = """
import os, sys, threading, time
from tachograph import Fleet, Usage
fleet = Fleet(sys.argv[1], flush_interval_s=0.01)
task = fleet.session("b-1").task("t-1")
task.flush()
over = threading.Event()
def record():
    while not over.is_set():
        task.record(Usage(tokens_out=1))
        time.sleep(0.0005)
threads = [threading.Thread(target=record) for _ in range(3)]
for thread in threads:
    thread.start()
for _ in range(5):
    pid = os.fork()
    if pid == 0:
        task.record(Usage(tokens_in=1))
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
over.set()
for thread in threads:
    thread.join()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a spool of this test's own."""
    monkeypatch.setenv("TACHOGRAPH_SPOOL", str(tmp_path))
    return tmp_path


def _run(source: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", source, *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=HANGS_S,
        check=False,
    )


def _task(db: firestore.Client, fleet: str) -> Mapping[str, Any]:
    return db.document("fleets", fleet, "tasks", "t-1").get().to_dict() or {}


@pytest.mark.parametrize("attempt", range(4))
def test_process_that_is_terminated_while_it_records_ends_and_loses_nothing(
    db: firestore.Client, fleet_name: str, folder: Path, attempt: int
) -> None:
    command = [sys.executable, "-c", _RECORDS, fleet_name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
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
    assert _task(db, fleet_name)["tokens_in"] in {int(said[-1]), int(said[-1]) + 1}
    assert list(folder.glob("*/*.jsonl")) == []


@pytest.mark.parametrize("how", ["is cut off", "exits", "closes", "multiprocessing"])
def test_forked_child_reports_by_itself_and_nothing_counts_twice(
    db: firestore.Client, fleet_name: str, folder: Path, how: str
) -> None:
    ended = _run(_FORKS, fleet_name, how)
    assert ended.returncode == 0, ended.stderr
    taken_up = "a process ended before 10 reports were written" in ended.stderr
    assert (ended.stderr == "") is (how != "is cut off") is not taken_up, ended.stderr
    task = _task(db, fleet_name)
    assert (task["tokens_in"], task["llm_calls"]) == (102, 12)
    assert len(task["reports"]) == 2, "the child has a sequence of its own"
    assert list(folder.glob("*/*.jsonl")) == []


def test_fork_in_the_middle_of_other_threads_reports_holds_nobody_up(
    db: firestore.Client, fleet_name: str, folder: Path
) -> None:
    ended = _run(_FORKS_WHILE_RECORDING, fleet_name)
    assert ended.returncode == 0, ended.stderr
    with Fleet(fleet_name, client=db):
        pass
    assert _task(db, fleet_name)["tokens_in"] == 5
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
    ended = _run(_DEAF, fleet_name, str(HANGS_S))
    assert ended.returncode == -signal.SIGTERM, ended.stderr
    assert _task(db, fleet_name)["tokens_in"] == 21
    assert list(folder.glob("*/*.jsonl")) == []


_CHILD_IS_TERMINATED = """
import os, signal, sys, time
from tachograph import Fleet, Usage
fleet = Fleet(sys.argv[1], flush_interval_s=60)
task = fleet.session("b-1").task("t-1")
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        task.record(Usage(tokens_in=1))
        time.sleep(float(sys.argv[2]))
    time.sleep(float(sys.argv[3]))
    os.kill(pid, signal.SIGTERM)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
task.record(Usage(tokens_in=10))
fleet.close()
print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, signal.set_wakeup_fd(-1))
"""


@pytest.mark.parametrize("after_s", [0, 0.01, 1])
def test_signal_to_a_child_ends_the_child_alone_and_closing_leaves_the_signal_as_it_was(
    db: firestore.Client, fleet_name: str, folder: Path, after_s: float
) -> None:
    ended = _run(_CHILD_IS_TERMINATED, fleet_name, str(HANGS_S), str(after_s))
    assert (ended.returncode, ended.stdout) == (0, "-15\n" * 3 + "True -1\n"), ended.stderr
    with Fleet(fleet_name, client=db):
        pass
    assert _task(db, fleet_name)["tokens_in"] >= 10
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
    ended = _run(_OFFLINE, FIRESTORE_EMULATOR_HOST="127.0.0.1:9", TACHOGRAPH_CLOSE_S="1")
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
    ended = _run(_HANDLES, fleet_name, order)
    assert (ended.returncode, ended.stdout) == (7, "own\n")
    assert _task(db, fleet_name)["status"] == "active"
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
    ended = _run(_INTERRUPTED, FIRESTORE_EMULATOR_HOST="127.0.0.1:9")
    assert (ended.returncode, ended.stdout) == (0, "interrupted\n"), ended.stderr
    assert len(list(folder.glob("*/*.jsonl"))) == 1
