"""The local stack, in a clone with toy functions: its services, exit statuses and processes."""

from __future__ import annotations

import base64
import json
import shutil
import signal
import socket
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from support.cli import SOON_S, local, started, wait_for
from tachograph.firestore import emulator_identity
from tachograph_cli.local.process import supervisor, table
from tachograph_cli.local.stack import PROJECT, Stack
from tachograph_cli.local.toolchain import StackError

STARTED_S = 90


def test_the_stack_fires_functions_ticks_signs_in_and_serves_the_page(
    toy: Path,
) -> None:
    with Stack.start(toy, tick_every_s=0.5) as stack:
        db = _client(stack)
        task = db.document("fleets/toy/tasks/one")
        task.set({"status": "queued"})
        wait_for(lambda: db.document("fleets/toy/copies/one").get().exists, stack)
        wait_for(lambda: db.document("fleets/toy/ticks/one").get().exists, stack)
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
        local("--only", "functions", "--", "sh", "-c", script),
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
    command = local("--only", "functions", "--", "sh", "-c", script)
    with started(command, toy) as process:
        wait_for((tmp_path / "running").exists)
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
    with started(local("--only", only), toy, inherited) as process:
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
        wait_for(lambda: below.isdisjoint(table.running()))


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
