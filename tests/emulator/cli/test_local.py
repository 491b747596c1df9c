"""The local stack, in a clone with toy functions: its services, exit statuses and processes."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from tachograph.firestore import emulator_identity
from tachograph_cli.local.process import supervisor, table
from tachograph_cli.local.stack import PROJECT, Stack
from tachograph_cli.local.toolchain import StackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FUNCTIONS = """
specVersion: v1alpha1
endpoints:
  copy-tasks:
    platform: gcfv2
    entryPoint: copy
    region: [us-central1]
    eventTrigger:
      eventType: google.cloud.firestore.document.v1.written
      eventFilters: {database: (default), namespace: (default)}
      eventFilterPathPatterns: {document: "fleets/{fleet}/tasks/{task}"}
      retry: true
  tick:
    platform: gcfv2
    entryPoint: tick
    region: [us-central1]
    httpsTrigger: {}
"""
MAIN = """
import functions_framework
from google.cloud import firestore

@functions_framework.cloud_event
def copy(event):
    firestore.Client().document(event["document"].replace("/tasks/", "/copies/")).set({})

@functions_framework.http
def tick(request):
    if request.method == "POST":
        firestore.Client().document("fleets/toy/ticks/one").set({})
    return "ticked"
"""
STARTED_S = 90
SOON_S = 120


@pytest.fixture(scope="module")
def toy(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a clone that starts quickly and depends on no function of ours."""
    clone = tmp_path_factory.mktemp("toy")
    (clone / "agent").mkdir()
    for name in ("agent/tachograph", "node_modules", "rules"):
        (clone / name).symlink_to(root / name)
    shutil.copy(root / "firebase.json", clone)
    functions = clone / "functions"
    functions.mkdir()
    (functions / "venv").symlink_to(sys.prefix)
    (functions / "requirements.txt").write_text("functions-framework\n")
    (functions / "functions.yaml").write_text(FUNCTIONS)
    (functions / "main.py").write_text(MAIN)
    (clone / "dashboard" / "dist").mkdir(parents=True)
    (clone / "dashboard" / "dist" / "index.html").write_text("<title>toy</title>")
    return clone


def test_the_stack_fires_functions_ticks_signs_in_and_serves_the_page(
    toy: Path,
) -> None:
    with Stack.start(toy, tick_every_s=0.5) as stack:
        db = _client(stack)
        task = db.document("fleets/toy/tasks/one")
        task.set({"status": "queued"})
        _wait_for(lambda: db.document("fleets/toy/copies/one").get().exists, stack)
        _wait_for(lambda: db.document("fleets/toy/ticks/one").get().exists, stack)
        db.close()
        assert "<title>toy</title>" in _read(f"{stack.dashboard_url}/any/path/of/the/page")
        claims = _sign_in(stack, emulator_identity.viewer_token("acme"))
        assert (claims["user_id"], claims["fleet"]) == ("viewer-of-acme", "acme")
        assert claims["role"] == "viewer"
        run = stack.run
    assert not run.exists()


def test_a_busy_port_is_chosen_around(toy: Path) -> None:
    with Stack.start(toy, only=("functions",)) as one, Stack.start(toy, only=("functions",)) as two:
        assert set(one.ports.values()).isdisjoint(two.ports.values())
        assert _read(f"{one.functions_url}/tick") == _read(f"{two.functions_url}/tick") == "ticked"


def test_a_fixed_port_that_is_busy_is_an_error_that_names_it(toy: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        busy = listener.getsockname()[1]
        with pytest.raises(StackError, match=f"port {busy} was taken by another program"):
            Stack.start(toy, only=("functions",), ports={"functions": busy})


def test_functions_that_cannot_be_loaded_are_an_error_that_shows_why(
    toy: Path, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(toy, clone, symlinks=True)
    (clone / "functions" / "functions.yaml").write_text(
        "specVersion: v1alpha1\nendpoints: {tick: {platform: moon}}\n"
    )
    with pytest.raises(
        StackError,
        match=r"(?s)functions: cannot be loaded.*Failed to parse build specification",
    ):
        Stack.start(clone, only=("functions",))


def test_what_the_stack_lacks_is_named_with_the_command_that_mends_it(
    toy: Path, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(toy, clone, symlinks=True)
    (clone / "node_modules").unlink()
    (clone / "functions" / "venv").unlink()
    with pytest.raises(StackError, match=r"(?s)npm ci.*ln -s \.\./\.venv functions/venv"):
        Stack.start(clone)


def test_the_exit_status_of_the_command_is_passed_on(toy: Path) -> None:
    script = 'test "$TACHOGRAPH_FUNCTIONS_URL$GOOGLE_CLOUD_PROJECT" && exit 7'
    done = subprocess.run(
        _local("--only", "functions", "--", "sh", "-c", script),
        cwd=toy,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 7, done.stderr


def test_a_signal_reaches_the_command_whose_exit_status_is_passed_on(
    toy: Path, tmp_path: Path
) -> None:
    script = f"trap 'exit 9' TERM; touch {tmp_path}/running; while :; do sleep 0.1; done"
    command = _local("--only", "functions", "--", "sh", "-c", script)
    with _started(command, toy) as process:
        _wait_for((tmp_path / "running").exists)
        process.send_signal(signal.SIGTERM)
        assert process.wait(SOON_S) == 9


@pytest.mark.parametrize(
    ("ending", "inherited", "only", "status"),
    [
        (signal.SIGINT, signal.SIG_DFL, "firestore,functions", 0),
        (signal.SIGINT, signal.SIG_IGN, "functions", 0),
        (signal.SIGTERM, signal.SIG_DFL, "functions", 128 + signal.SIGTERM),
        (signal.SIGKILL, signal.SIG_DFL, "firestore,functions", -signal.SIGKILL),
    ],
    ids=["ctrl-c", "sigint-in-the-background-of-a-shell", "sigterm", "sigkill"],
)
def test_no_process_is_left_behind_by(
    ending: signal.Signals, inherited: signal.Handlers, only: str, status: int, toy: Path
) -> None:
    with _started(_local("--only", only), toy, inherited) as process:
        assert process.stderr is not None
        printed = {}
        for line in process.stderr:
            name, _, value = line.strip().partition("=")
            printed[name] = value
            if line.startswith("what functions print:"):
                break
        assert _read(f"{printed['TACHOGRAPH_FUNCTIONS_URL']}/tick") == "ticked"
        below = table.descendants(process.pid)
        commands = [Path(f"/proc/{each.pid}/cmdline") for each in below]
        if commands[0].parent.parent.is_dir():
            joined = "\n".join(command.read_text() for command in commands)
            assert "functions-framework" in joined
            assert ("firestore-emulator" in joined) == ("firestore" in only)

        process.send_signal(ending)
        assert process.wait(SOON_S + supervisor.STOPPED_WITHIN_S) == status
        _wait_for(lambda: below.isdisjoint(table.running()))


@contextmanager
def _started(
    command: list[str], folder: Path, sigint: signal.Handlers = signal.SIG_DFL
) -> Iterator[subprocess.Popen[str]]:
    """Start a command with this disposition of SIGINT, which a child inherits if it is ignored.

    A shell ignores SIGINT in a background command. The process is gone at the end, also of a test
    that fails: Python warns of a process without an end in whichever test collects it.
    """
    before = signal.signal(signal.SIGINT, sigint)
    try:
        process = subprocess.Popen(
            command, cwd=folder, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        try:
            yield process
        finally:
            process.kill()


def _local(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tachograph_cli.main", "local", *arguments]


def _client(stack: Stack) -> firestore.Client:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTORE_EMULATOR_HOST", stack.address("firestore"))
        return firestore.Client(project=PROJECT, credentials=AnonymousCredentials())


def _sign_in(stack: Stack, token: str) -> dict[str, Any]:
    address = stack.address("auth")
    url = f"http://{address}/identitytoolkit.googleapis.com/v1/accounts:signInWithCustomToken?key=local"
    answer = json.loads(_read(url, {"token": token, "returnSecureToken": True}))
    payload = answer["idToken"].split(".")[1]
    claims: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    )
    return claims


def _read(url: str, body: dict[str, Any] | None = None) -> str:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=STARTED_S) as answer:
        return str(answer.read().decode())


def _wait_for(holds: Callable[[], bool], stack: Stack | None = None) -> None:
    deadline = time.monotonic() + SOON_S
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {SOON_S} s; {stack.last_lines() if stack else os.times()}")
        time.sleep(0.05)
