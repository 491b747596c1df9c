"""Forks: a child reports by itself, hangs on nothing of its parent's, and ends by a signal."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.cloud import firestore

from support.agents import HANGS_S, first_task, run_agent
from tachograph import Fleet

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


@pytest.mark.parametrize("how", ["is cut off", "exits", "closes", "multiprocessing"])
def test_forked_child_reports_by_itself_and_nothing_counts_twice(
    db: firestore.Client, fleet_name: str, folder: Path, how: str
) -> None:
    ended = run_agent(_FORKS, fleet_name, how)
    assert ended.returncode == 0, ended.stderr
    taken_up = "a process ended before 10 reports were written" in ended.stderr
    assert (ended.stderr == "") is (how != "is cut off") is not taken_up, ended.stderr
    task = first_task(db, fleet_name)
    assert (task["tokens_in"], task["llm_calls"]) == (102, 12)
    assert len(task["reports"]) == 2, "the child has a sequence of its own"
    assert list(folder.glob("*/*.jsonl")) == []


def test_fork_in_the_middle_of_other_threads_reports_holds_nobody_up(
    db: firestore.Client, fleet_name: str, folder: Path
) -> None:
    ended = run_agent(_FORKS_WHILE_RECORDING, fleet_name)
    assert ended.returncode == 0, ended.stderr
    with Fleet(fleet_name, client=db):
        pass
    assert first_task(db, fleet_name)["tokens_in"] == 5
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
    ended = run_agent(_CHILD_IS_TERMINATED, fleet_name, str(HANGS_S), str(after_s))
    assert (ended.returncode, ended.stdout) == (0, "-15\n" * 3 + "True -1\n"), ended.stderr
    with Fleet(fleet_name, client=db):
        pass
    assert first_task(db, fleet_name)["tokens_in"] >= 10
    assert list(folder.glob("*/*.jsonl")) == []


_FORKS_WHILE_READING = """
import os, sys, threading
from tachograph import Fleet
from tachograph.firestore.price_cache import PriceCache
fleet = Fleet(sys.argv[1])
prices, over, read = PriceCache(fleet.client, fleet.name), threading.Event(), threading.Semaphore(0)
def look():
    while not over.is_set():
        prices._read(15.0)  # raises where a fork keeps it from its end
        read.release()
thread = threading.Thread(target=look)
thread.start()
for _ in range(10):
    read.acquire()
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
over.set()
thread.join()
print("read")
"""


def test_read_in_the_middle_of_a_fork_comes_to_its_end(
    db: firestore.Client, fleet_name: str, folder: Path
) -> None:
    next(iter(db.collection(fleet_name).limit(1).stream()), None)  # a cold emulator is slow
    ended = run_agent(_FORKS_WHILE_READING, fleet_name)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "read\n", "")
    assert list(folder.glob("*/*.jsonl")) == []


_FORKS_WHILE_A_STREAM_IS_READ = """
import os, sys, threading, time
from tachograph import Fleet, Usage
from tachograph.process.channel import channel_lock
fleet = Fleet(sys.argv[1], flush_interval_s=0.01)
session = fleet.session("b-1")
session.should_rotate  # listens, as an agent does
task = session.task("t-1")
task.flush()
lock, has_it = channel_lock(fleet.client), threading.Event()
def read():  # as gRPC does, for an instant, with each message of a stream
    with lock:
        has_it.set()
        time.sleep(1)
threading.Thread(target=read).start()
has_it.wait()
pid = os.fork()
if pid == 0:
    task.record(Usage(tokens_in=1))
    fleet.close()
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def test_fork_in_the_instant_in_which_a_stream_is_read_does_not_hang_the_child(
    db: firestore.Client, fleet_name: str, folder: Path
) -> None:
    ended = run_agent(_FORKS_WHILE_A_STREAM_IS_READ, fleet_name)
    assert (ended.returncode, ended.stdout) == (0, "0\n"), ended.stderr
    with Fleet(fleet_name, client=db):
        pass
    assert first_task(db, fleet_name)["tokens_in"] == 1
    assert list(folder.glob("*/*.jsonl")) == []
