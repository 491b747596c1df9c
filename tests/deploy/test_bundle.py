"""build/functions.zip: the same bytes each time, and enough to run every function."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import yaml
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from support.wire.events import PROJECT, history, serve
from tachograph_cli.deploy import bundle
from tachograph_cli.deploy.synthetic_task import FLEET, run
from tachograph_cli.deploy.target import Target
from tachograph_cli.local.stack import Stack

TASK = {"status": "completed", "model": "claude-sonnet-4-5", "tokens_in": 50_000, "cost_usd": 0.36}


@pytest.fixture(scope="module")
def unpacked(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack a bundle into an empty folder, with an environment of its requirements alone."""
    folder = tmp_path_factory.mktemp("bundle")
    functions = folder / "functions"
    with zipfile.ZipFile(bundle.build(root, folder / "functions.zip")) as archive:
        archive.extractall(functions)
    venv.create(functions / "venv", with_pip=True)
    pip = [str(functions / "venv" / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    subprocess.run(
        [*pip, "--disable-pip-version-check", "--require-hashes", "-r", "requirements.txt"],
        cwd=functions,
        check=True,
    )
    return functions


@pytest.fixture(scope="module")
def emulated(root: Path, unpacked: Path) -> Iterator[Stack]:
    """Run the emulators on the bundle: their events pass through it."""
    checkout = unpacked.parent
    for name in ("firebase.json", "rules", "node_modules"):
        (checkout / name).symlink_to(root / name)
    with Stack.start(checkout, only=("firestore", "functions")) as stack:
        yield stack


def test_building_twice_gives_the_same_bytes(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    for name, _ in bundle.SOURCES:
        ignored = shutil.ignore_patterns("venv")
        shutil.copytree(root / name, copy / name, ignore=ignored, copy_function=shutil.copyfile)
    (copy / "functions" / "main.py").chmod(0o755)
    os.utime(copy / "functions" / "main.py", (0, 2_000_000_000))
    here = bundle.digest(bundle.build(root, tmp_path / "a.zip"))
    there = bundle.digest(bundle.build(copy, tmp_path / "b.zip"))
    assert here == there


def test_bundle_holds_what_runs_and_nothing_that_is_left_by_runs(
    root: Path, tmp_path: Path
) -> None:
    (tmp_path / "functions" / "__pycache__").mkdir(parents=True)
    (tmp_path / "functions" / "venv" / "lib").mkdir(parents=True)
    (tmp_path / "schema" / "tachograph_schema").mkdir(parents=True)
    for name in ("main.py", "requirements.txt", "requirements.in", "functions.yaml"):
        (tmp_path / "functions" / name).write_text("")
    for name in ("__pycache__/main.pyc", "venv/lib/site.py", ".env"):
        (tmp_path / "functions" / name).write_text("")
    (tmp_path / "schema" / "tachograph_schema" / "__init__.py").write_text("")
    with zipfile.ZipFile(bundle.build(tmp_path)) as archive:
        assert archive.namelist() == [
            "functions.yaml",
            "main.py",
            "requirements.txt",
            "tachograph_schema/__init__.py",
        ]
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    names = dict(bundle.contents(root))
    assert {"main.py", "runtime/settings.py", "tachograph_schema/paths.py"} <= names.keys()
    assert not [name for name in names if "venv" in name or name.endswith((".pyc", ".in"))]


def test_half_a_checkout_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(bundle.IncompleteError, match=r"no main\.py .* git checkout"):
        bundle.build(tmp_path)


def test_make_bundle_says_where_and_what(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tachograph_cli.deploy.bundle"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("build/functions.zip  ")
    assert bundle.digest(root / bundle.BUNDLE) in done.stdout


def test_every_entry_point_is_served_from_the_bundle_alone(
    unpacked: Path, emulator: Stack, fleet_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = yaml.safe_load((unpacked / "functions.yaml").read_text())["endpoints"].values()
    targets = {row["entryPoint"]: "eventTrigger" in row for row in rows}
    for target, on_event in targets.items():
        with serve(target, emulator.address("firestore"), source=unpacked) as served:
            if on_event:
                # A task is for roll_up; the others have nothing to do with it, and say so by 200.
                [write] = history(f"fleets/{fleet_name}/tasks/{target}", [TASK])
                assert served.deliver(write) == 200, target
            else:
                # Whoever calls without a token may be refused, but by the function.
                assert served.post(b"", "text/plain") in {200, 401, 403}, target
    client = _client(emulator, monkeypatch)
    ledger = client.collection("fleets", fleet_name, "ledger").get()
    assert [entry.get("path") for entry in ledger] == [f"fleets/{fleet_name}/tasks/roll_up"]
    client.close()


def test_event_of_the_emulator_passes_through_the_bundle(
    emulated: Stack, fleet_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = _client(emulated, monkeypatch)
    client.document(f"fleets/{fleet_name}/tasks/t-1").set(TASK)
    total = _await(client, f"fleets/{fleet_name}/rollups/total_all")
    assert total["c"]["fleet"]["tasks_completed"] == 1
    assert total["c"]["fleet"]["cost_nanousd"] == 360_000_000
    client.close()


def test_synthetic_task_goes_through_to_a_rollup_and_is_taken_back(
    emulated: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = _client(emulated, monkeypatch)
    line = run(Target(PROJECT))
    assert not line.fails, line.state
    assert line.state.startswith("counted in ")
    [task] = client.collection("fleets", FLEET, "tasks").get()
    assert task.get("voided") is True
    client.close()


def test_task_that_nobody_counts_is_told_with_the_log_to_read(
    emulator: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    _client(emulator, monkeypatch).close()
    line = run(Target(PROJECT), within_s=1)
    assert line.fails
    assert line.state.startswith("not counted within 1 s")
    assert "gcloud functions logs read tachograph-roll-up-tasks" in line.remedy


def _client(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> firestore.Client:
    """Set the environment to a stack for this test, and give a client of it."""
    for name, value in stack.env.items():
        monkeypatch.setenv(name, value)
    return firestore.Client(project=PROJECT, credentials=AnonymousCredentials())


def _await(client: firestore.Client, path: str) -> dict[str, Any]:
    deadline = monotonic() + 60
    while monotonic() < deadline:
        document = client.document(path).get().to_dict()
        if document:
            return document
        sleep(0.2)
    raise AssertionError(f"{path} is not there after 60 s")
