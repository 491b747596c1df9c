"""A project in the cloud, on this machine, and the commands that look at it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.fakes.google_apis import Cloud
from support.fakes.google_server import served, write_key

Run = Callable[..., subprocess.CompletedProcess[str]]
# Says what it is called with, and answers as a Terraform of version 1.11 that has a state would.
_TERRAFORM = """#!/bin/sh
echo "terraform $PWD $*" >> "$SAID"
case "$1" in
  version) echo '{"terraform_version": "1.11.4"}' ;;
  output) echo '{"alert_channels": {"value": ["projects/my-project/notificationChannels/7"]}}' ;;
  state) cat "$STATE" 2>/dev/null ;;
  apply)
    if [ -s "$FAILS" ]; then
      head -1 "$FAILS"; sed -i 1d "$FAILS"; exit 1
    fi
    echo "Apply complete! token $GOOGLE_OAUTH_ACCESS_TOKEN project $GOOGLE_BILLING_PROJECT" ;;
esac
exit 0
"""
_PROGRAM = '#!/bin/sh\necho "{name} $*" >> "$SAID"\n'


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """Give a project with nothing in it, reached under a service account's key."""
    with served(Cloud()) as cloud:
        monkeypatch.setenv("TACHOGRAPH_GOOGLE_APIS", cloud.address)
        key = write_key(tmp_path / "key.json", cloud)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
        yield cloud


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a terraform and a gcloud on PATH that write down how they are called; give where."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name, text in (("terraform", _TERRAFORM), ("gcloud", _PROGRAM.format(name="gcloud"))):
        (folder / name).write_text(text)
        (folder / name).chmod(stat.S_IRWXU)
    calls = tmp_path / "said"
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SAID", str(calls))
    monkeypatch.setenv("STATE", str(tmp_path / "state"))
    monkeypatch.setenv("FAILS", str(tmp_path / "fails"))
    return calls


@pytest.fixture
def tachograph(root: Path) -> Run:
    """Give a way to run the command line, from the checkout."""

    def run(*arguments: str, cwd: Path = root) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tachograph_cli.main", *arguments],
            cwd=cwd,
            env={**os.environ, "COLUMNS": "400"},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    return run
