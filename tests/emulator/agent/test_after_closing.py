"""A closed fleet leaves nothing behind that lives on: no thread, no child, and no new stream."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.cloud import firestore

HANGS_S = 180
_NOWHERE = "127.0.0.1:9"
"""The port of the discard service, at which nothing answers."""
_CLOSES = """
import json, os, sys, threading, time
from tachograph import Fleet, Usage
from tachograph.firestore.client import service_client

started = []
start = threading.Thread.start
def noted(thread):
    started.append(thread.name)
    start(thread)
threading.Thread.start = noted

how = sys.argv[2]
client = service_client() if "given" in how else None
fleet = Fleet(sys.argv[1], client=client, flush_interval_s=0.01, tracing="app,batches")
session = fleet.session("b-1", context_window=1000)
session.should_rotate
inbox = session.inbox(lambda message: None)
task = session.task("t-1")
task.record(Usage(tokens_in=1), model="claude-haiku-4-5")
if "forked" in how:
    fleet.flush()
    child = os.fork()
    if child:
        assert os.waitpid(child, 0)[1] == 0
    else:
        session.should_rotate
        task.record(Usage(tokens_in=1))
fleet.close()
deadline = time.monotonic() + 90
while threading.active_count() > 1 and time.monotonic() < deadline:
    time.sleep(0.1)
left = [thread.name for thread in threading.enumerate()]
before = len(started)
time.sleep(3)  # in which a listener that is not closed opens its stream again
with open(f"/proc/self/task/{os.getpid()}/children") as children:
    said = {"threads": left, "started": started[before:], "children": children.read().split()}
print(json.dumps(said), flush=True)
"""


def _left(how: str, fleet: str, folder: Path, **environment: str) -> list[dict[str, Any]]:
    ended = subprocess.run(
        [sys.executable, "-c", _CLOSES, fleet, how],
        env={
            **os.environ,
            "TACHOGRAPH_SPOOL": str(folder),
            "TACHOGRAPH_CLOSE_S": "5",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=HANGS_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


_NOTHING = {"threads": ["MainThread"], "started": [], "children": []}


@pytest.mark.parametrize("how", ["own client", "given client", "forked"])
def test_nothing_lives_on_in_a_process_that_has_closed_its_fleet(
    db: firestore.Client,  # noqa: ARG001 - sets the environment
    fleet_name: str,
    tmp_path: Path,
    how: str,
) -> None:
    said = _left(how, fleet_name, tmp_path)
    assert said == [_NOTHING] * (2 if how == "forked" else 1)


@pytest.mark.parametrize("how", ["own client", "given client"])
def test_nothing_lives_on_either_where_the_database_cannot_be_reached(
    fleet_name: str, tmp_path: Path, how: str
) -> None:
    said = _left(
        how,
        fleet_name,
        tmp_path,
        FIRESTORE_EMULATOR_HOST=_NOWHERE,
        GOOGLE_CLOUD_PROJECT="demo-tachograph",
    )
    assert said == [_NOTHING]
