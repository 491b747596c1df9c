"""Agents that are killed: what they had recorded lands all the same, once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.cloud import firestore

from tachograph import Fleet, Usage
from tachograph.reports.spool import SEGMENT_BYTES

_RESPONSE = {
    "id": "msg_1",
    "type": "message",
    "model": "claude-haiku-4-5",
    "content": [{"type": "text", "text": "SECRET-ANSWER"}],
    "usage": {"input_tokens": 100, "output_tokens": 10, "cache_read_input_tokens": 1000},
}

_AGENT = """
import itertools, json, sys, time
from tachograph import Fleet, Usage
name, session_id, burst, lands = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "lands"
response = json.loads(sys.argv[5])
fleet = Fleet(name, flush_interval_s=0.05 if lands else 3600)
session = fleet.session("b-1", session_id=session_id, model="claude-haiku-4-5")
task = session.task("t-1", title="A", labels={"team": "core"})
if lands:
    task.flush()
for n in itertools.count(1):
    with task.llm_call() as call:
        call.record(response)
    task.record(Usage(tokens_in=3), model="claude-opus-4-6", provider="anthropic")
    task.tool("grep", errors=1, duration_ms=30)
    print(n, flush=True)
    if n >= burst:
        time.sleep(3600)
"""


@contextmanager
def _agent(
    fleet: str, session: str, host: str, folder: Path, *, burst: int, lands: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """Run an agent that records in a burst, and kill it at the end if it still runs."""
    environment = {
        **os.environ,
        "FIRESTORE_EMULATOR_HOST": host,
        "TACHOGRAPH_SPOOL": str(folder),
    }
    words = [fleet, session, str(burst), "lands" if lands else "waits", json.dumps(_RESPONSE)]
    process = subprocess.Popen(
        [sys.executable, "-c", _AGENT, *words], env=environment, stdout=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=60)


def _recorded(process: subprocess.Popen[bytes], rounds: int) -> None:
    """Wait until an agent says that it has recorded so many rounds."""
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= rounds:
            return
    raise AssertionError(f"the agent ended before it had recorded {rounds} rounds")


def _killed(process: subprocess.Popen[bytes]) -> int:
    """Kill an agent as nothing can be killed harder; return how many rounds it says it recorded."""
    process.send_signal(signal.SIGKILL)
    said = process.communicate(timeout=60)[0].split()
    return int(said[-1]) if said else 0


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a spool of this test's own."""
    monkeypatch.setenv("TACHOGRAPH_SPOOL", str(tmp_path))
    return tmp_path


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*.jsonl"))


def _task(db: firestore.Client, fleet: str) -> dict[str, Any]:
    return db.document("fleets", fleet, "tasks", "t-1").get().to_dict() or {}


def _rounds(task: dict[str, Any]) -> set[int]:
    """Return how many rounds each of a task's totals stands for: one number, if all are exact."""
    models = task["usage_by_model"]
    return {
        models["claude-haiku-4-5"]["tokens_in"] // 100,
        models["claude-haiku-4-5"]["tokens_out"] // 10,
        models["claude-haiku-4-5"]["cache_read_tokens"] // 1000,
        models["claude-opus-4-6"]["tokens_in"] // 3,
        task["cost_nanousd"] // (100 * 1000 + 10 * 5000 + 1000 * 100 + 3 * 5000),
        task["llm_calls"] // 2,
        task["tools"]["grep"]["calls"],
        task["tool_errors"],
    }


def test_killed_agent_loses_no_tokens_and_the_next_process_writes_them_once(
    db: firestore.Client, firestore_host: str, fleet_name: str, folder: Path
) -> None:
    with _agent(fleet_name, "s-1", firestore_host, folder, burst=200) as agent:
        _recorded(agent, 200)
        _killed(agent)
    assert "tokens_in" not in _task(db, fleet_name), "nothing of it was written"
    for _ in range(2):  # the second finds nothing to do
        with Fleet(fleet_name):
            pass
        task = _task(db, fleet_name)
        assert _rounds(task) == {200}
        assert task["llm_calls"] == 400
    assert (task["title"], task["labels"], task["session_id"]) == ("A", {"team": "core"}, "s-1")
    assert _files(folder) == []


@pytest.mark.parametrize("rounds", [1, 7, 60])
def test_agent_killed_in_the_middle_of_a_burst_that_lands_is_counted_once(
    db: firestore.Client, firestore_host: str, fleet_name: str, folder: Path, rounds: int
) -> None:
    with _agent(fleet_name, "s-1", firestore_host, folder, burst=10**9, lands=True) as agent:
        _recorded(agent, rounds)
        told = _killed(agent)
    with Fleet(fleet_name):
        pass
    task = _task(db, fleet_name)
    # What was begun when it was killed may be in it in part; what it had said before is, all.
    whole = min(_rounds(task))
    assert whole >= max(told, rounds)
    assert max(_rounds(task)) <= whole + 1
    assert task["reports"][_reporter(task)] == sum((1, task["llm_calls"], task["tool_calls"])), (
        "every report from the first to the last"
    )


def _reporter(task: dict[str, Any]) -> str:
    [reporter] = task["reports"]
    return str(reporter)


def test_successors_that_are_killed_as_well_leave_everything_to_the_last(
    db: firestore.Client, firestore_host: str, fleet_name: str, folder: Path
) -> None:
    for n in range(3):  # of one session, and each takes up what was left and is killed
        with _agent(fleet_name, "s-1", firestore_host, folder, burst=20) as agent:
            _recorded(agent, 20)
            _killed(agent)
        assert _files(folder), f"what process {n} had said is kept"
    with Fleet(fleet_name) as fleet:
        fleet.session("b-1", session_id="s-1").task("t-1").record(Usage(tokens_in=0))
    assert _rounds({**_task(db, fleet_name), "llm_calls": 120}) == {60}
    assert _files(folder) == []


def test_processes_that_live_are_left_alone(
    db: firestore.Client, firestore_host: str, fleet_name: str, folder: Path
) -> None:
    with (
        _agent(fleet_name, "s-1", firestore_host, folder, burst=5) as one,
        _agent(fleet_name, "s-2", firestore_host, folder, burst=5) as other,
    ):
        for agent in (one, other):
            _recorded(agent, 5)
        files = _files(folder)
        with Fleet(fleet_name), Fleet(fleet_name, client=db):
            pass
        assert _task(db, fleet_name) == {}
        assert _files(folder) == files
        _killed(one)
        with Fleet(fleet_name):
            pass
        assert _rounds(_task(db, fleet_name)) == {5}
        assert len(_files(folder)) == 1
        _killed(other)
        with Fleet(fleet_name):
            pass
    assert _rounds(_task(db, fleet_name)) == {10}
    assert _files(folder) == []


def test_line_that_was_cut_short_or_is_none_costs_itself_alone(
    db: firestore.Client, firestore_host: str, fleet_name: str, folder: Path
) -> None:
    with _agent(fleet_name, "s-1", firestore_host, folder, burst=4) as agent:
        _recorded(agent, 4)
        _killed(agent)
    [file] = _files(folder)
    lines = file.read_bytes().partition(b"\0")[0].splitlines(keepends=True)
    file.write_bytes(b"".join([b"{}\n", b"\xff\xfe[1]\n", *lines, lines[-1][:40]]))
    (file.parent / "empty.jsonl").write_bytes(b"")
    with Fleet(fleet_name):
        pass
    assert _rounds(_task(db, fleet_name)) == {4}
    assert _files(folder) == []


def test_spool_is_for_its_user_alone_and_holds_nothing_of_what_was_said(
    firestore_host: str, fleet_name: str, folder: Path
) -> None:
    with _agent(fleet_name, "s-1", firestore_host, folder, burst=2) as agent:
        _recorded(agent, 2)
        _killed(agent)
    [file] = _files(folder)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert b"claude-haiku-4-5" in file.read_bytes()
    assert b"SECRET" not in file.read_bytes()


def test_file_goes_when_all_of_it_has_landed_and_a_full_one_is_followed_by_another(
    db: firestore.Client, fleet_name: str, folder: Path
) -> None:
    with Fleet(fleet_name, flush_interval_s=3600) as fleet:
        task = fleet.session("b-1").task("t-1")
        said = 0
        while len(_files(folder)) < 3:
            task.update(title="x" * 2000)
            said += 1
        assert said * 2500 > 2 * SEGMENT_BYTES
        task.flush()
        assert len(_files(folder)) == 1, "the one that is written to"
        task.record(Usage(tokens_in=1))
    assert _files(folder) == []
    assert _task(db, fleet_name)["tokens_in"] == 1


def test_task_that_was_queued_by_an_agent_that_was_killed_is_queued(
    db: firestore.Client, firestore_host: str, fleet_name: str, folder: Path
) -> None:
    source = (
        "import sys, os, signal; from tachograph import Fleet; fleet = Fleet(sys.argv[1]); "
        "fleet._writer._closing = True; fleet.create_task('t-1', title='A'); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = {**os.environ, "FIRESTORE_EMULATOR_HOST": firestore_host}
    ended = subprocess.run([sys.executable, "-c", source, fleet_name], env=environment, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert _task(db, fleet_name) == {}
    assert len(_files(folder)) == 1
    with Fleet(fleet_name):
        pass
    assert (_task(db, fleet_name)["status"], _task(db, fleet_name)["title"]) == ("queued", "A")


def test_word_of_a_dead_session_does_not_take_its_task_back(
    db: firestore.Client, firestore_host: str, fleet_name: str, folder: Path
) -> None:
    with _agent(fleet_name, "s-1", firestore_host, folder, burst=3) as agent:
        _recorded(agent, 3)
        _killed(agent)
    lost = {"status": "queued", "session_id": "s-1", "lost_session_id": "s-1"}
    lost |= {"reported_at": datetime.now(UTC)}
    db.document("fleets", fleet_name, "tasks", "t-1").set(lost)
    with Fleet(fleet_name):
        pass
    task = _task(db, fleet_name)
    assert (task["status"], task["lost_session_id"]) == ("queued", "s-1")
    assert _rounds(task) == {3}


def test_spool_that_cannot_be_written_is_a_warning_and_not_an_exception(
    db: firestore.Client,
    fleet_name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("TACHOGRAPH_SPOOL", str(tmp_path / "file"))
    with Fleet(fleet_name) as fleet:
        fleet.session("b-1").task("t-1").record(Usage(tokens_in=1))
    assert _task(db, fleet_name)["tokens_in"] == 1
    warnings = [record.message for record in caplog.records if "TACHOGRAPH_SPOOL" in record.message]
    assert len(warnings) == 1
