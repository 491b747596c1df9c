"""`tachograph deploy` over HTTP, with programs that write down how they are called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deploy.conftest import Run
from support.fakes.google_apis import PROJECT, Cloud
from tachograph_cli.deploy import steps as deploying
from tachograph_cli.deploy.google import Google
from tachograph_cli.deploy.steps import PASSES
from tachograph_cli.deploy.target import Target

DEPLOY = ("deploy", "--project", PROJECT, "--no-task")


@pytest.fixture
def checkout(root: Path, tmp_path: Path) -> Path:
    """Give a checkout whose dashboard is built and whose firebase writes down its calls."""
    copy = tmp_path / "checkout"
    (copy / "node_modules/firebase-tools/lib/bin").mkdir(parents=True)
    (copy / "dashboard/dist").mkdir(parents=True)
    (copy / "dashboard/dist/index.html").write_text("<html>")
    (copy / "agent").symlink_to(root / "agent")
    (copy / "schema").symlink_to(root / "schema")
    (copy / "functions").symlink_to(root / "functions")
    (copy / "firebase.json").symlink_to(root / "firebase.json")
    for name in ("terraform", "terraform/notices"):
        (copy / name).mkdir()
    (copy / "terraform/services.json").symlink_to(root / "terraform/services.json")
    tools = copy / "node_modules/firebase-tools"
    (tools / "package.json").write_text(json.dumps({"version": "15.0.0"}))
    (tools / "lib/bin/firebase.js").write_text(
        "require('fs').appendFileSync(process.env.SAID, "
        "'firebase ' + process.argv.slice(2).join(' ') + '\\n')"
    )
    return copy


def test_dry_run_prints_the_steps_and_does_none(cloud: Cloud, tools: Path, tachograph: Run) -> None:
    done = tachograph(*DEPLOY, "--dry-run", "--email", "you@example.com")
    assert done.returncode == 0, done.stderr
    names = [line.split(". ")[1].split(":")[0] for line in done.stdout.splitlines()]
    first, then = ["services", "look", "bundle", "notices"], ["init", "adopt", "apply"]
    assert names == [*first, *then, "firebase", "hosting", "check"]
    assert cloud.asked == []
    assert not tools.exists()


def test_deployment_goes_through_every_step_and_says_what_is_left(
    cloud: Cloud, tools: Path, tachograph: Run, checkout: Path
) -> None:
    cloud.disabled = {"cloudresourcemanager.googleapis.com"}
    done = tachograph(*DEPLOY, "--email", "you@example.com", "--budget", "50", cwd=checkout)
    # All stands but what Terraform, which only writes down how it is called, would have made.
    assert done.returncode == 1
    assert "step check: functions: not there: tachograph-roll-up-tasks" in done.stderr
    assert cloud.disabled == set()
    calls = tools.read_text().splitlines()
    folder = f"terraform {checkout}/terraform"
    notices, main = f"{folder}/notices", folder
    assert f"{notices} workspace select -or-create {PROJECT}-tachograph" in calls
    assert (
        f"{notices} apply -input=false -auto-approve -var=project={PROJECT} "
        "-var=email=you@example.com -var=budget=50 -var=billing_account=012345-6789AB-CDEF01"
    ) in calls
    assert (
        f"{main} apply -input=false -auto-approve -var=project={PROJECT} -var=name=tachograph "
        "-var=database=(default) -var=location=us-central1 "
        '-var=alert_channels=["projects/my-project/notificationChannels/7"]'
    ) in calls
    assert calls[-1] == f"firebase deploy --only hosting --project {PROJECT} --non-interactive"
    assert (checkout / "build/functions.zip").is_file()
    assert cloud.firebase
    [app] = cloud.apps
    assert (app["displayName"], app["apiKeyId"]) == (
        "Tachograph dashboard",
        "uid-tachograph-dashboard",
    )


def test_second_deployment_finds_firebase_there(
    cloud: Cloud, tools: Path, tachograph: Run, checkout: Path
) -> None:
    for _ in range(2):
        done = tachograph(*DEPLOY, cwd=checkout)
        assert "step check" in done.stderr
        cloud.hosted = True
    assert done.stdout.count(": is there") == 6
    assert len(cloud.apps) == 1
    assert tools.read_text().count("firebase deploy") == 2


def test_page_is_told_which_database_was_deployed(
    cloud: Cloud, tools: Path, tachograph: Run, checkout: Path, root: Path
) -> None:
    page = checkout / "dashboard/dist/index.html"
    built = (root / "dashboard/index.html").read_text()
    page.write_text(built)
    tachograph(*DEPLOY, "--database", "fleets", cwd=checkout)
    assert cloud.apps
    assert "firebase deploy --only hosting" in tools.read_text()
    assert '<meta name="firestore-database" content="fleets" />' in page.read_text()
    tachograph(*DEPLOY, cwd=checkout)
    assert page.read_text() == built


def test_programs_run_under_the_same_identity(
    cloud: Cloud, tools: Path, tachograph: Run, checkout: Path
) -> None:
    done = tachograph(*DEPLOY, cwd=checkout)
    assert tools.exists()
    assert f"project {PROJECT}" in done.stdout
    assert "Apply complete! token t" in done.stdout
    assert cloud.tokens > 1


def test_database_that_is_there_is_taken_over_once(
    cloud: Cloud, tools: Path, tachograph: Run, checkout: Path, tmp_path: Path
) -> None:
    cloud.databases["(default)"] = {"type": "FIRESTORE_NATIVE", "locationId": "us-central1"}
    tachograph(*DEPLOY, cwd=checkout)
    imports = [line for line in tools.read_text().splitlines() if " import " in line]
    assert len(imports) == 1
    database = f"projects/{PROJECT}/databases/(default)"
    assert imports[0].endswith(f"google_firestore_database.fleets {database}")
    tools.unlink()
    (tmp_path / "state").write_text("google_firestore_database.fleets\n")
    tachograph(*DEPLOY, cwd=checkout)
    assert " import " not in tools.read_text()


def test_failure_that_a_second_run_does_not_mend_is_told_at_once(
    cloud: Cloud, tools: Path, tachograph: Run, checkout: Path, tmp_path: Path
) -> None:
    (tmp_path / "fails").write_text("Error: Quota exceeded for quota metric\n")
    done = tachograph(*DEPLOY, cwd=checkout)
    assert done.returncode == 1
    assert "step apply: terraform apply -input=false ended with 1" in done.stderr
    assert "Quota exceeded" in done.stderr
    assert f"make deploy PROJECT={PROJECT}" in done.stderr
    assert tools.read_text().count(" apply ") == 1
    assert not cloud.firebase


def test_first_look_stops_before_anything_is_made(
    cloud: Cloud, tools: Path, tachograph: Run, checkout: Path
) -> None:
    cloud.billing = False
    done = tachograph(*DEPLOY, cwd=checkout)
    assert done.returncode == 1
    assert f"gcloud billing projects link {PROJECT}" in done.stderr
    assert " apply " not in tools.read_text()
    assert not (checkout / "build").exists()


def test_dashboard_that_is_not_built_is_told_with_its_command(
    cloud: Cloud, tools: Path, tachograph: Run, checkout: Path
) -> None:
    (checkout / "dashboard/dist/index.html").unlink()
    done = tachograph(*DEPLOY, cwd=checkout)
    assert done.returncode == 1
    assert "step bundle: dashboard/dist: not built; build it with: make dashboard" in done.stderr
    assert cloud.asked
    assert " apply " not in tools.read_text()


def test_budget_needs_somebody_to_tell(cloud: Cloud, tachograph: Run) -> None:
    done = tachograph(*DEPLOY, "--budget", "50")
    assert done.returncode == 2
    assert "expected who is to be told" in done.stderr
    assert cloud.asked == []


@pytest.mark.parametrize(
    "said",
    [
        "Error 403: Permission denied while using the Eventarc Service Agent.",
        "Error 409: Aborted due to cross-transaction contention, underlying data changed",
        "Error 403: Cloud Scheduler API has not been used in project 1 before or it is disabled",
    ],
)
def test_what_passes_by_itself_on_a_first_apply_is_known(said: str) -> None:
    assert PASSES.search(said)


def test_apply_that_passes_by_itself_is_tried_again(
    cloud: Cloud,
    tools: Path,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "fails").write_text(
        "Permission denied while using the Eventarc Service Agent\n" * 2
    )
    monkeypatch.setattr(deploying, "APPLY_PAUSE_S", 0.0)
    lines: list[str] = []
    plan = deploying.Plan(root, Target(PROJECT), say=lines.append)
    [apply] = [step for step in deploying.steps(plan) if step.name == "apply"]
    apply.act(plan, Google(PROJECT))
    assert tools.read_text().count(" apply ") == 3
    assert [line for line in lines if "that passes" in line] == [
        "    that passes: again in 0 s (1 of 3)",
        "    that passes: again in 0 s (2 of 3)",
    ]
    assert cloud.tokens >= 3
