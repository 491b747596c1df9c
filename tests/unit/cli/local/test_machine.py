from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from tachograph_cli.local import machine, requirements
from tachograph_cli.local.emulators import workspace
from tachograph_cli.local.machine import Found, Missing

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "major"),
    [
        ('openjdk version "25.0.3" 2026-04-21 LTS', 25),
        ('openjdk version "21" 2023-09-19', 21),
        ('java version "1.8.0_391"', 8),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", 0),
        ("", 0),
    ],
)
def test_the_major_version_is_read_from_what_java_says(text: str, major: int) -> None:
    assert machine.java_major(text) == major


def test_the_newest_jdk_in_the_usual_places_is_found_when_path_has_an_old_one(
    tmp_path: Path,
) -> None:
    old = jdk(tmp_path / "old", "17.0.15")
    jdk(tmp_path / "jvm" / "a-21", "21.0.1")
    newest = jdk(tmp_path / "jvm" / "b-25", "25.0.3")
    tool = machine.find_jdk({"PATH": str(old / "bin")}, [f"{tmp_path}/jvm/*"])
    assert tool == Found("JDK", newest, "25.0.3")


def test_java_home_comes_first_when_it_is_new_enough(tmp_path: Path) -> None:
    home = jdk(tmp_path / "home", "21.0.1")
    jdk(tmp_path / "jvm" / "newer", "25.0.3")
    assert machine.find_jdk({"JAVA_HOME": str(home)}, [f"{tmp_path}/jvm/*"]) == Found(
        "JDK", home, "21.0.1"
    )


def test_a_jdk_that_is_too_old_is_named_with_the_command_that_installs_one(tmp_path: Path) -> None:
    old = jdk(tmp_path / "old", "17.0.15")
    missing = machine.find_jdk({"PATH": str(old / "bin")}, [])
    assert isinstance(missing, Missing)
    assert missing.found == "17"
    assert "21" in missing.remedy


def test_a_broken_java_counts_for_none(tmp_path: Path) -> None:
    program(tmp_path / "broken" / "bin" / "java", "exit 1")
    assert isinstance(machine.find_jdk({"JAVA_HOME": str(tmp_path / "broken")}, []), Missing)


@pytest.mark.parametrize(
    ("version", "enough"), [("v20.19.0", True), ("v24.1.0", True), ("v20.9.0", False), ("", False)]
)
def test_node_is_taken_from_20_19_on(tmp_path: Path, version: str, enough: bool) -> None:  # noqa: FBT001 - a table
    program(tmp_path / "node", f"echo {version}")
    assert isinstance(machine.find_node({"PATH": str(tmp_path)}), Found) == enough


def test_the_emulator_that_firebase_tools_downloaded_comes_before_that_of_the_gcloud_sdk(
    tmp_path: Path,
) -> None:
    root = clone(tmp_path)
    sdk_jar = touch(
        tmp_path / "sdk" / "platform" / "cloud-firestore-emulator" / "cloud-firestore-emulator.jar"
    )
    own_jar = tmp_path / ".cache" / "firebase" / "emulators" / "firestore-v9.jar"

    tool = machine.find_emulator(root, {}, [str(tmp_path / "sdk")], tmp_path)
    assert tool == Found("Firestore emulator", sdk_jar, origin="gcloud SDK")

    touch(own_jar)
    tool = machine.find_emulator(root, {}, [str(tmp_path / "sdk")], tmp_path)
    assert tool == Found("Firestore emulator", own_jar, "9", "firebase-tools' download")


def test_an_emulator_that_is_nowhere_is_no_obstacle_because_firebase_tools_downloads_it(
    tmp_path: Path,
) -> None:
    missing = machine.find_emulator(clone(tmp_path), {}, [], tmp_path)
    assert isinstance(missing, Missing)
    assert not missing.needed


def test_chromium_is_found_on_path_and_else_among_playwrights(tmp_path: Path) -> None:
    own = program(tmp_path / "ms-playwright" / "chromium-1200" / "chrome-linux64" / "chrome", "")
    places = [f"{tmp_path}/ms-playwright/chromium-*/chrome-linux*/chrome"]
    tool = machine.find_chromium({"PATH": ""}, places)
    assert isinstance(tool, Found)
    assert tool.path == own

    on_path = program(tmp_path / "bin" / "chromium", "")
    tool = machine.find_chromium({"PATH": str(tmp_path / "bin")}, places)
    assert isinstance(tool, Found)
    assert tool.path == on_path


def test_the_repository_is_found_from_a_folder_inside_it(root: Path) -> None:
    assert machine.find_root(root / "tests" / "unit") == Found("repository", root)


def test_what_is_missing_makes_the_doctor_fail_and_names_its_remedy() -> None:
    line = requirements._line(Missing("JDK >= 21", "brew install openjdk@21", "17"))
    assert line.fails
    assert (line.state, line.remedy) == ("17", "brew install openjdk@21")
    assert not requirements._line(Missing("Chromium", "make chromium", needed=False)).fails


def test_the_doctor_names_the_remedy_for_what_is_missing(root: Path) -> None:
    command = [sys.executable, "-m", "tachograph_cli.main", "doctor"]
    env = {"PATH": "/nonexistent", "HOME": "/nonexistent", "COLUMNS": "200"}
    done = subprocess.run(command, env=env, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "Node >= 20.19" in done.stdout
    assert "nvm install 22" in done.stdout or "brew install node" in done.stdout


def test_no_line_of_a_manifest_is_longer_than_72_bytes_and_none_of_it_is_lost(
    tmp_path: Path,
) -> None:
    jar = tmp_path / ("long" * 30) / "emulator with blanks.jar"
    launcher = tmp_path / "launcher.jar"
    workspace.write_launcher(jar, launcher)
    with zipfile.ZipFile(launcher) as archive:
        text = archive.read("META-INF/MANIFEST.MF").decode()
    lines = text.split("\r\n")
    assert max(map(len, lines)) <= 72
    assert f"Class-Path: {jar.as_uri()}" in text.replace("\r\n ", "").split("\r\n")


def test_the_local_config_is_productions_with_ports_of_its_own(root: Path) -> None:
    production = json.loads((root / "firebase.json").read_text())
    ports = {"hub": 1, "eventarc": 3, "tasks": 4, "firestore": 5, "websocket": 6}
    config = workspace.with_ports(production, ports, ["firestore"])
    assert config["firestore"] == production["firestore"]
    assert config["emulators"]["firestore"] == {"host": "127.0.0.1", "port": 5, "websocketPort": 6}
    assert "hosting" not in config
    assert "auth" not in config["emulators"]


def test_the_local_page_may_connect_to_the_emulators_of_its_own_stack(root: Path) -> None:
    production = json.loads((root / "firebase.json").read_text())
    ports = {"firestore": 5, "auth": 6, "hosting": 7, "websocket": 8}
    local = workspace.with_ports(production, ports, ["firestore", "auth", "hosting"])
    policy = json.dumps(local["hosting"])
    for address in ("http://127.0.0.1:5", "http://localhost:5", "http://127.0.0.1:6"):
        assert f"{address} " in policy
    assert ":7" not in policy
    assert "localhost" not in json.dumps(production["hosting"])


def clone(tmp_path: Path) -> Path:
    listing = (
        tmp_path
        / "node_modules"
        / "firebase-tools"
        / "lib"
        / "emulator"
        / "downloadableEmulatorInfo.json"
    )
    details = {"version": "9", "downloadPathRelativeToCacheDir": "firestore-v9.jar"}
    touch(listing).write_text(json.dumps({"firestore": details}))
    return tmp_path


def jdk(home: Path, version: str) -> Path:
    program(home / "bin" / "java", f"echo 'openjdk version \"{version}\" 2026-01-01' >&2")
    return home


def program(path: Path, script: str) -> Path:
    touch(path).write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path
