"""`tachograph doctor --project`, over HTTP, against a project that lacks one thing at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.conftest import Run
from support.fakes.google_apis import ACCOUNT, PROJECT, Cloud
from tachograph_cli.deploy import installation, project

LOOK = ("doctor", "--project", PROJECT, "--no-task")
NATIVE = {"type": "FIRESTORE_NATIVE", "locationId": "us-central1", "databaseEdition": "STANDARD"}

pytestmark = pytest.mark.usefixtures("tools")


@pytest.fixture
def installed(cloud: Cloud, root: Path) -> Cloud:
    """Give a project in which everything stands."""
    cloud.databases["(default)"] = dict(NATIVE)
    for name in installation.endpoints(root):
        path = f"projects/{PROJECT}/locations/us-central1/functions/tachograph-{name}"
        trigger = {} if name == "tick" else {"eventTrigger": {"retryPolicy": "RETRY_POLICY_RETRY"}}
        cloud.functions.append({"name": path, "state": "ACTIVE", **trigger})
    cloud.job = {"state": "ENABLED", "lastAttemptTime": "2026-03-01T12:00:00Z", "status": {}}
    cloud.rules = cloud.hosted = True
    return cloud


def test_empty_project_with_everything_it_needs_passes(cloud: Cloud, tachograph: Run) -> None:
    done = tachograph(*LOOK)
    assert done.returncode == 0, done.stdout
    assert f"{ACCOUNT} may do all of it" in done.stdout
    assert "none yet; Terraform creates it in us-central1" in done.stdout
    assert f"next: make deploy PROJECT={PROJECT}" in done.stdout
    assert cloud.tokens == 1


def test_whole_installation_passes(installed: Cloud, tachograph: Run, root: Path) -> None:
    done = tachograph(*LOOK)
    assert done.returncode == 0, done.stdout
    assert f"{len(installed.functions)} active in us-central1" in done.stdout
    assert len(installed.functions) == len(installation.endpoints(root))
    assert "last tick 2026-03-01T12:00:00Z" in done.stdout
    assert f"https://{PROJECT}.web.app" in done.stdout


def test_apis_that_are_off_are_named_and_left_to_the_deployment(
    cloud: Cloud, tachograph: Run, root: Path
) -> None:
    cloud.disabled = {"firestore.googleapis.com", "run.googleapis.com"}
    done = tachograph(*LOOK)
    assert done.returncode == 0, done.stdout
    total = len(project.needed_services(root))
    assert f"2 of {total} are off: firestore.googleapis.com, run.googleapis.com" in done.stdout
    assert (
        f"gcloud services enable firestore.googleapis.com run.googleapis.com --project={PROJECT}"
        in (done.stdout)
    )


BEFORE: dict[str, tuple[dict[str, Any], tuple[str, ...], str]] = {
    "project unknown": (
        {"permissions": None},
        ("doctor", "--project", "another-project"),
        "gcloud projects create another-project",
    ),
    "project deleted": ({"state": "DELETE_REQUESTED"}, LOOK, f"gcloud projects undelete {PROJECT}"),
    "resource manager off": (
        {"disabled": {"cloudresourcemanager.googleapis.com"}},
        LOOK,
        f"gcloud services enable {' '.join(project.FIRST_SERVICES)} --project={PROJECT}",
    ),
    "no billing": ({"billing": False}, LOOK, f"gcloud billing projects link {PROJECT}"),
    "no role": ({"permissions": set()}, LOOK, "--role=roles/cloudfunctions.admin"),
    "one role missing": (
        {"permissions": set(project.PERMISSIONS) - {"cloudscheduler.jobs.create"}},
        LOOK,
        "--member=MEMBER --role=roles/cloudscheduler.admin",
    ),
    "datastore mode": (
        {"databases": {"(default)": NATIVE | {"type": "DATASTORE_MODE"}}},
        LOOK,
        f"make deploy PROJECT={PROJECT} DATABASE=tachograph",
    ),
    "enterprise edition": (
        {"databases": {"(default)": NATIVE | {"databaseEdition": "ENTERPRISE"}}},
        LOOK,
        "DATABASE=tachograph",
    ),
    "database elsewhere": (
        {"databases": {"(default)": NATIVE | {"locationId": "eur3"}}},
        LOOK,
        f"make deploy PROJECT={PROJECT} LOCATION=eur3",
    ),
}


@pytest.mark.parametrize("case", BEFORE)
def test_what_a_project_lacks_stands_beside_the_command_that_mends_it(
    cloud: Cloud, tachograph: Run, case: str
) -> None:
    lacks, command, remedy = BEFORE[case]
    for name, value in lacks.items():
        setattr(cloud, name, value)
    done = tachograph(*command)
    assert done.returncode == 1, done.stdout
    assert remedy in done.stdout


def _fail(installed: Cloud) -> None:
    installed.functions[1] |= {
        "state": "FAILED",
        "stateMessages": [{"severity": "ERROR", "message": "Container failed to start"}],
    }


def _forget(installed: Cloud) -> None:
    installed.functions.pop()


def _let_go(installed: Cloud) -> None:
    installed.functions[0]["eventTrigger"] = {"retryPolicy": "RETRY_POLICY_DO_NOT_RETRY"}


AFTER: dict[str, tuple[Callable[[Any], None], str]] = {
    "function failed": (_fail, "Container failed to start"),
    "function failed, what to read": (_fail, "gcloud functions logs read tachograph-"),
    "function missing": (_forget, "not there: tachograph-tick"),
    "trigger without retries": (_let_go, "does not retry"),
    "scheduler paused": (
        lambda cloud: cloud.job.update(state="PAUSED"),
        f"gcloud scheduler jobs resume tachograph-tick --location=us-central1 --project={PROJECT}",
    ),
    "scheduler refused": (
        lambda cloud: cloud.job.update(status={"code": 7, "message": "PERMISSION_DENIED"}),
        "the last tick failed: PERMISSION_DENIED",
    ),
    "no scheduler": (lambda cloud: setattr(cloud, "job", None), f"make deploy PROJECT={PROJECT}"),
    "no rules": (lambda cloud: setattr(cloud, "rules", False), "404 NOT_FOUND: no release"),
    "no dashboard": (lambda cloud: setattr(cloud, "hosted", False), "nothing is hosted"),
}


@pytest.mark.parametrize("case", AFTER)
def test_part_of_an_installation_that_does_not_stand_is_named(
    installed: Cloud, tachograph: Run, case: str
) -> None:
    break_it, said = AFTER[case]
    break_it(installed)
    done = tachograph(*LOOK)
    assert done.returncode == 1, done.stdout
    assert said in done.stdout


def test_unavailable_api_is_asked_again(cloud: Cloud, tachograph: Run) -> None:
    cloud.weather = 2
    done = tachograph(*LOOK)
    assert done.returncode == 0, done.stdout


def test_without_credentials_it_says_how_to_log_in(
    cloud: Cloud, tachograph: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nowhere.json"))
    done = tachograph(*LOOK)
    assert done.returncode == 1
    assert "gcloud auth application-default login" in done.stdout
    assert cloud.asked == []


def test_without_a_project_it_is_still_about_this_machine(tachograph: Run) -> None:
    done = tachograph("doctor")
    assert "Python >= 3.11" in done.stdout
    assert "credentials" not in done.stdout


def test_terraform_that_is_too_old_is_named(cloud: Cloud, tachograph: Run, tmp_path: Path) -> None:
    program = tmp_path / "tools" / "terraform"
    program.write_text(program.read_text().replace("1.11.4", "1.5.7"))
    done = tachograph(*LOOK)
    assert done.returncode == 1
    assert "1.5.7" in done.stdout
    assert "developer.hashicorp.com" in done.stdout
    assert cloud.asked
