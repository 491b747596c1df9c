"""The cloud side, as far as plans show it; terraform/tests holds the rest."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.settings import Settings, read_settings
from tachograph_cli.deploy import installation
from terraform.conftest import PROJECT, Terraform

HERE = Path(__file__).resolve().parent
PROJECT_VARIABLE = f"project={PROJECT}"
JOB_ROLES = ("roles/run.", "roles/owner", "roles/editor", "roles/cloudfunctions.")


@pytest.fixture(scope="module")
def plan(terraform: Terraform) -> dict[str, Any]:
    return terraform.plan(PROJECT_VARIABLE, "hand_over_image=us-docker.pkg.dev/p/r/agent:1")


def test_terraform_files_are_formatted(program: str, root: Path) -> None:
    done = subprocess.run(
        [program, "fmt", "-check", "-recursive", "-diff", str(root / "terraform"), str(HERE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_configuration_is_valid(terraform: Terraform) -> None:
    terraform.run("validate")


def test_terraforms_own_tests_pass(terraform: Terraform) -> None:
    said = terraform.run("test", "-no-color")
    assert "0 failed" in said


def test_applying_again_changes_nothing(terraform: Terraform, tmp_path: Path) -> None:
    gcloud = tmp_path / "gcloud"
    gcloud.write_text(f"#!/bin/sh\necho \"$@\" >> '{tmp_path}/said'\n")
    gcloud.chmod(0o755)
    tests = terraform.root / "terraform" / "again"
    tests.mkdir()
    shutil.copy(HERE / "reapply.tftest.hcl", tests)
    said = terraform.run(
        *("test", "-json", "-verbose", "-test-directory=again"), PATH=f"{tmp_path}:/usr/bin:/bin"
    )
    lines = [json.loads(line) for line in said.splitlines()]
    [again] = [line["test_plan"] for line in lines if line["type"] == "test_plan"]
    changes = {
        change["address"]: change["change"]["actions"] for change in again["resource_changes"]
    }
    assert len(changes) > 80
    assert {name: what for name, what in changes.items() if what != ["no-op"]} == {}
    assert (tmp_path / "said").read_text().count("services identity create") == 2


@pytest.mark.parametrize(
    ("example", "variables"),
    [
        ("minimal", [PROJECT_VARIABLE]),
        ("multi-region", [PROJECT_VARIABLE, "agent_image=us-docker.pkg.dev/p/r/agent:1"]),
    ],
)
def test_example_plans_with_the_variables_it_asks_for(
    terraform: Terraform, example: str, variables: list[str]
) -> None:
    folder = f"terraform/examples/{example}"
    terraform.run("init", "-backend=false", "-input=false", folder=folder)
    terraform.run("validate", folder=folder)
    planned = terraform.plan(*variables, folder=folder)
    functions = _planned(planned, "google_cloudfunctions2_function")
    assert len(functions) == len(installation.endpoints(terraform.root))
    assert planned["planned_values"]["outputs"]["next"]["value"].endswith(f"--project {PROJECT}")


def test_multi_region_example_triggers_where_its_database_is(terraform: Terraform) -> None:
    folder = "terraform/examples/multi-region"
    terraform.run("init", "-backend=false", "-input=false", folder=folder)
    variables = (PROJECT_VARIABLE, "agent_image=us-docker.pkg.dev/p/r/agent:1")
    planned = terraform.plan(*variables, folder=folder)
    [database] = _planned(planned, "google_firestore_database")
    assert database["location_id"] == "nam5"
    for function in _planned(planned, "google_cloudfunctions2_function"):
        assert function["location"] == "us-central1"
        assert [trigger["trigger_region"] for trigger in function["event_trigger"]] in (
            [],
            ["nam5"],
        )


def test_notices_plan_a_channel_and_a_budget_behind_it(
    terraform: Terraform, shared: Path, tmp_path: Path
) -> None:
    schema = json.loads((shared / "tools" / "terraform-offline" / "google-7.45.json").read_text())
    schema["resources"] |= json.loads((HERE / "notices-schema.json").read_text())
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    more = {"TFSTUB_SCHEMA": str(tmp_path / "schema.json")}
    folder = "terraform/notices"
    terraform.run("init", "-backend=false", "-input=false", folder=folder, **more)
    told = [PROJECT_VARIABLE, "email=you@example.com"]
    planned = terraform.plan(*told, folder=folder, **more)
    assert _planned(planned, "google_billing_budget") == []
    assert len(_planned(planned, "google_monitoring_notification_channel")) == 1
    bill = ["budget=50", "billing_account=012345-6789AB-CDEF01"]
    planned = terraform.plan(*told, *bill, folder=folder, **more)
    [budget] = _planned(planned, "google_billing_budget")
    assert budget["amount"][0]["specified_amount"][0]["units"] == "50"
    assert [rule["threshold_percent"] for rule in budget["threshold_rules"]] == [0.5, 0.9, 1]
    refused = terraform.tried(
        *("plan", "-input=false", f"-var={PROJECT_VARIABLE}", "-var=email=you@example.com"),
        *("-var=budget=50",),
        folder=folder,
        **more,
    )
    assert "gcloud billing projects describe offline-project" in refused.stderr


def test_no_identity_holds_a_basic_role(plan: dict[str, Any]) -> None:
    grants = list(_grants(plan))
    assert len(grants) > 10
    assert [
        role for _, role in grants if role in ("roles/owner", "roles/editor", "roles/viewer")
    ] == []


def test_nobody_but_the_hand_over_account_may_run_the_job(plan: dict[str, Any]) -> None:
    may_run = [
        (address, role)
        for address, role in _grants(plan)
        if role.startswith(JOB_ROLES) and not address.startswith("google_cloud_run_v2_service_iam")
    ]
    assert may_run == [
        (
            'google_cloud_run_v2_job_iam_member.launcher["hand_over"]',
            "roles/run.jobsExecutorWithOverrides",
        )
    ]


_SET = {name: value for name, value in asdict(Settings()).items() if name != "tick_caller"}
"""The settings that somebody may choose: who calls the tick, Terraform knows by itself."""


def test_every_setting_is_a_variable_of_its_name_with_its_default(plan: dict[str, Any]) -> None:
    variables = plan["configuration"]["root_module"]["variables"]
    for name, default in _SET.items():
        assert name in variables, f"settings.py has {name}; terraform/variables.tf has none"
        assert variables[name].get("default") == default, name


def test_functions_read_their_settings_back_from_what_terraform_sets(
    plan: dict[str, Any],
) -> None:
    for function in _planned(plan, "google_cloudfunctions2_function"):
        environment = function["service_config"][0]["environment_variables"]
        set_here = {name for name in environment if name.startswith("TACHOGRAPH_")}
        assert set_here == {f"TACHOGRAPH_{name.upper()}" for name in _SET}
        assert read_settings(environment) == Settings()


def test_tick_obeys_the_schedulers_account_and_nobody_else(plan: dict[str, Any]) -> None:
    [functions] = [
        resource
        for resource in plan["configuration"]["root_module"]["resources"]
        if resource["address"] == "google_cloudfunctions2_function.function"
    ]
    environment = functions["expressions"]["service_config"][0]["environment_variables"]
    assert "google_service_account.scheduler.email" in environment["references"]


def test_rows_of_functions_yaml_are_read_alike_with_and_without_a_yaml_library(
    root: Path,
) -> None:
    rows = yaml.safe_load((root / "functions" / "functions.yaml").read_text())["endpoints"]
    assert installation.endpoints(root) == list(rows)


def test_what_the_log_alert_looks_for_is_what_functions_say(
    plan: dict[str, Any], root: Path
) -> None:
    [policy] = [
        policy
        for policy in _planned(plan, "google_monitoring_alert_policy")
        if policy["conditions"][0]["condition_matched_log"]
    ]
    filter_ = policy["conditions"][0]["condition_matched_log"][0]["filter"]
    said = (root / "functions" / "main.py").read_text()
    for words in ("let go: ", "Firestore refuses its counters"):
        assert f'"{words}' in filter_
        assert words in said


def test_operations_guide_has_a_section_for_every_alert(plan: dict[str, Any], root: Path) -> None:
    guide = (root / "docs" / "operations.md").read_text()
    policies = _planned(plan, "google_monitoring_alert_policy")
    assert len(policies) >= 5
    for policy in policies:
        _, _, anchor = policy["documentation"][0]["content"].partition("docs/operations.md#")
        assert f'<a id="{anchor}"></a>' in guide, policy["display_name"]


def _planned(plan: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [found["values"] for found in _resources(plan) if found["type"] == kind]


def _grants(plan: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for found in _resources(plan):
        if "_iam_" in found["type"]:
            yield found["address"], found["values"]["role"]


def _resources(plan: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    modules = [plan["planned_values"]["root_module"]]
    for module in modules:
        found += module.get("resources", [])
        modules += module.get("child_modules", [])
    return found
