"""tachograph top, over real listeners: a write changes the page, a refusal is a line on it."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner, Result
from google.cloud import firestore
from rich.console import Console

from support.fleets.documents import FleetDocuments
from tachograph.firestore.identity import FleetClient, Unsigned
from tachograph_cli.main import main
from tachograph_cli.top.command import first_view
from tachograph_cli.top.frame import frame
from tachograph_cli.top.listeners import FleetListeners
from tachograph_cli.top.view import View

_WAIT_S = 60.0


@pytest.fixture
def page(db: firestore.Client, fleet_name: str) -> Iterator[Callable[[Callable[[str], bool]], str]]:
    """Give a page that waits until it shows what is asked for, and returns it."""
    changed = threading.Event()
    with closing(FleetListeners(db, fleet_name, changed.set)) as listeners:

        def shows(wanted: Callable[[str], bool]) -> str:
            drawn = _drawn(first_view(listeners, changed, _WAIT_S))
            while not wanted(drawn):
                assert changed.wait(_WAIT_S), drawn
                changed.clear()
                drawn = _drawn(listeners.view())
            return drawn

        yield shows


def _drawn(view: View, width: int = 120) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(frame(view, "nearest to its cliff", width, None, datetime.now(UTC)))
    return capture.get()


def test_write_changes_the_page(
    db: firestore.Client, fleet_name: str, page: Callable[[Callable[[str], bool]], str]
) -> None:
    fleet = FleetDocuments(db, fleet_name)
    assert "No session is open." in page(lambda drawn: "Listening" not in drawn)
    fleet.session("builder-1", context_remaining_pct=71.4, task_id="T-1")
    page(lambda drawn: "71%" in drawn and "T-1" in drawn)
    fleet.session("builder-1", context_remaining_pct=18, state="waiting")
    page(lambda drawn: "18%" in drawn and "waiting" in drawn)
    fleet.signal("builder-1", context_remaining_pct=18)
    page(lambda drawn: "pending" in drawn and "builder-1  18% left" in drawn)
    fleet.now(queue_depth=1234)
    page(lambda drawn: "1.23K" in drawn)
    fleet.session("builder-1", state="completed")
    page(lambda drawn: "No session is open." in drawn)


def test_session_that_does_not_say_what_is_left_is_on_the_page_too(
    db: firestore.Client, fleet_name: str, page: Callable[[Callable[[str], bool]], str]
) -> None:
    sessions = db.document("fleets", fleet_name).collection("sessions")
    sessions.document("plain").set({"agent_id": "plain-agent", "state": "idle"})
    page(lambda drawn: "plain-agent" in drawn)


def test_threshold_is_the_fleets_own(
    db: firestore.Client, fleet_name: str, page: Callable[[Callable[[str], bool]], str]
) -> None:
    fleet = FleetDocuments(db, fleet_name)
    fleet.policy(rotation={"by_model": {"small": 90}})
    fleet.session("above", context_remaining_pct=60, model="large")
    fleet.session("below", context_remaining_pct=80, model="small")
    page(lambda drawn: -1 < drawn.find("below") < drawn.find("above"))


@pytest.mark.usefixtures("db")
def test_whoever_may_not_look_is_told_so_on_the_page(fleet_name: str, db: firestore.Client) -> None:
    FleetDocuments(db, fleet_name).session("builder-1")
    stranger = FleetClient(
        project=db.project, credentials=Unsigned(db.project, "another-fleet", role="viewer")
    )
    changed = threading.Event()
    with closing(FleetListeners(stranger, fleet_name, changed.set)) as listeners:
        view = first_view(listeners, changed, _WAIT_S)
    stranger.close()
    assert not view.pending
    assert not view.rows
    page = _drawn(view)
    for source in ("live/now", "sessions", "signals"):
        assert f"{source}: denied" in page


@pytest.mark.usefixtures("db")
def test_page_without_a_connection_says_so_and_ends(
    fleet_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:9")  # a port without a listener
    # A process of its own, because the library's threads go on reconnecting until it ends.
    command = [sys.executable, "-m", "tachograph_cli.main", "top", "--fleet", fleet_name]
    printed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_WAIT_S)
    assert printed.returncode == 1
    assert "● offline since" in printed.stdout
    assert "Traceback" not in printed.stdout + printed.stderr


def _run(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "100"}).invoke(main, ["top", *arguments])


def test_piped_it_prints_the_page_once(db: firestore.Client, fleet_name: str) -> None:
    fleet = FleetDocuments(db, fleet_name)
    fleet.fill()
    for arguments in ((), ("--once",)):
        printed = _run("--fleet", fleet_name, *arguments)
        assert printed.exit_code == 0
        assert "22 sessions  ● 12 active" in printed.output
        assert "latest signals" in printed.output
        assert "\x1b" not in printed.output


@pytest.mark.usefixtures("db")
def test_bad_fleet_is_refused_before_anything_is_listened_to() -> None:
    refused = _run("--fleet", "a/b")
    assert (refused.exit_code, "--fleet: the fleet is called" in refused.output) == (2, True)


def test_keys_change_the_order_and_quit(db: firestore.Client, fleet_name: str) -> None:
    FleetDocuments(db, fleet_name).fill()
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "tachograph_cli.main", "top", "--fleet", fleet_name]
    environment = {**os.environ, "COLUMNS": "100", "LINES": "40", "TERM": "xterm"}
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        try:
            _read_until(ours, b"sorts: nearest to its cliff")
            os.write(ours, b"s")
            _read_until(ours, b"sorts: longest without progress")
            os.write(ours, b"q")
            _read_until(ours, b"\x1b[?1049l")  # the terminal is given back as it was
            assert process.wait(_WAIT_S) == 0
        finally:
            process.kill()
            os.close(ours)


def _read_until(terminal: int, wanted: bytes) -> None:
    read = b""
    while wanted not in read:
        ready, _, _ = select.select([terminal], [], [], _WAIT_S)
        assert ready, read[-2000:]
        read += os.read(terminal, 65536)
