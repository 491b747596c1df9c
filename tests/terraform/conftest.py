"""Terraform on a copy of the configuration, with a provider that needs no internet."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

READ_BY_TERRAFORM = ("terraform", "rules", "firebase.json", "functions/functions.yaml")
PROJECT = "offline-project"


@dataclass(frozen=True)
class Terraform:
    """A copy of what Terraform reads: what `init` leaves behind is left there."""

    program: str
    root: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, folder: str = "terraform", **more: str) -> str:
        """Run Terraform in a folder and return what it printed; the test fails with it."""
        done = self.tried(*arguments, folder=folder, **more)
        assert done.returncode == 0, f"terraform {arguments}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def tried(
        self, *arguments: str, folder: str = "terraform", **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run Terraform, whatever it comes to."""
        return subprocess.run(
            [self.program, *arguments],
            cwd=self.root / folder,
            env={**os.environ, **self.environment, **more},
            capture_output=True,
            text=True,
            check=False,
        )

    def plan(self, *variables: str, folder: str = "terraform", **more: str) -> dict[str, Any]:
        """Plan a folder from nothing and return the plan as Terraform writes it for programs."""
        said = [f"-var={variable}" for variable in variables]
        self.run(
            "plan", "-input=false", "-refresh=false", "-out=plan", *said, folder=folder, **more
        )
        found: dict[str, Any] = json.loads(self.run("show", "-json", "plan", folder=folder, **more))
        return found


@pytest.fixture(scope="session")
def program() -> str:
    """Find Terraform on this machine; without it a test steps aside."""
    path = shutil.which("terraform")
    if path is None:
        pytest.skip(
            "terraform: not found; install it from developer.hashicorp.com/terraform/install"
        )
    return path


@pytest.fixture(scope="session")
def offline(shared: Path, root: Path) -> Path:
    """Give the offline provider's configuration; where it is not, a test steps aside."""
    install = shared / "tools" / "terraform-offline" / "install"
    if not install.is_file():
        pytest.skip(f"{install}: not there; with internet, `terraform test` needs none of it")
    into = root / ".cache" / "terraform-offline"
    subprocess.run([str(install), str(into)], check=True, capture_output=True)
    return into / "terraformrc"


@pytest.fixture(scope="session")
def terraform(
    program: str, offline: Path, root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Terraform:
    """Give Terraform on a copy of the configuration, made ready."""
    copy = tmp_path_factory.mktemp("configuration")
    for name in READ_BY_TERRAFORM:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        if (root / name).is_dir():
            ignored = shutil.ignore_patterns(".terraform*", "*.tfstate*")
            shutil.copytree(root / name, copy / name, ignore=ignored)
        else:
            shutil.copy(root / name, copy / name)
    (copy / "build").mkdir()
    (copy / "build" / "functions.zip").write_bytes(b"any")
    ready = Terraform(program, copy, {"TF_CLI_CONFIG_FILE": str(offline), "TF_IN_AUTOMATION": "1"})
    ready.run("init", "-backend=false", "-input=false")
    return ready
