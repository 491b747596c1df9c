"""The checklist of a project before anything is put into it, and of the tools that deploy."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

from tachograph_cli.checklist import Line
from tachograph_cli.deploy.google import Google, RefusedError
from tachograph_cli.local import machine
from tachograph_cli.local.machine import Missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tachograph_cli.deploy.target import Target

TERRAFORM_AT_LEAST = (1, 9)
# What must be on before Terraform can look at a project at all; it turns the others on itself.
FIRST_SERVICES = ("serviceusage.googleapis.com", "cloudresourcemanager.googleapis.com")
_AT_ONCE = 20  # names that serviceusage takes in one question (30 at most)

# What a deployment does, and the least predefined role that may.
PERMISSIONS = {
    "serviceusage.services.enable": "roles/serviceusage.serviceUsageAdmin",
    "resourcemanager.projects.setIamPolicy": "roles/resourcemanager.projectIamAdmin",
    "iam.serviceAccounts.create": "roles/iam.serviceAccountAdmin",
    "iam.serviceAccounts.actAs": "roles/iam.serviceAccountUser",
    "datastore.databases.create": "roles/datastore.owner",
    "firebaserules.releases.create": "roles/firebaserules.admin",
    "storage.buckets.create": "roles/storage.admin",
    "artifactregistry.repositories.create": "roles/artifactregistry.admin",
    "cloudfunctions.functions.create": "roles/cloudfunctions.admin",
    "run.services.setIamPolicy": "roles/run.admin",
    "cloudscheduler.jobs.create": "roles/cloudscheduler.admin",
    "monitoring.alertPolicies.create": "roles/monitoring.editor",
    "apikeys.keys.create": "roles/serviceusage.apiKeysAdmin",
    "firebase.projects.update": "roles/firebase.admin",
    "firebasehosting.sites.update": "roles/firebasehosting.admin",
}


def check(api: Google, target: Target, root: Path) -> Iterator[Line]:
    """Check the tools here and the project there; nothing of a project that cannot be seen."""
    yield terraform()
    yield _gcloud()
    yield _firebase(root)
    project = _project(api, target)
    yield project
    if project.fails:
        return
    yield _billing(api, target)
    yield _roles(api, target)
    yield _services(api, target, root)
    yield _database(api, target)


def terraform() -> Line:
    """Check for a Terraform of at least version 1.9."""
    name = f"terraform >= {TERRAFORM_AT_LEAST[0]}.{TERRAFORM_AT_LEAST[1]}"
    install = "https://developer.hashicorp.com/terraform/install"
    path = shutil.which("terraform")
    if path is None:
        return Line(name, "none", install)
    answer = subprocess.run([path, "version", "-json"], capture_output=True, text=True, check=False)
    version = re.search(r'"terraform_version":\s*"((\d++)\.(\d++)[^"]*)"', answer.stdout)
    if version is None or (int(version[2]), int(version[3])) < TERRAFORM_AT_LEAST:
        return Line(name, version[1] if version else "of no version", install)
    return Line(name, f"{version[1]} {path}")


def _gcloud() -> Line:
    path = shutil.which("gcloud")
    if path is None:
        return Line("gcloud", "none", "https://cloud.google.com/sdk/docs/install")
    return Line("gcloud", path)


def _firebase(root: Path) -> Line:
    tool = machine.find_firebase(root)
    if isinstance(tool, Missing):
        return Line(tool.what, tool.found, tool.remedy)
    return Line(tool.what, tool.version)


def _project(api: Google, target: Target) -> Line:
    name = f"project {target.project}"
    try:
        project = api.get("cloudresourcemanager", f"v3/projects/{target.project}")
    except RefusedError as refusal:
        if refusal.reason == "SERVICE_DISABLED":
            return Line(name, str(refusal), _enable(target, FIRST_SERVICES))
        return Line(
            name,
            str(refusal),
            f"gcloud projects create {target.project}, or log in as somebody who may see it",
        )
    state = project.get("state", "")
    if state != "ACTIVE":
        return Line(name, f"state {state}", f"gcloud projects undelete {target.project}")
    return Line(name, f"{project.get('name', '')} {state}".strip())


def _billing(api: Google, target: Target) -> Line:
    remedy = f"gcloud billing projects link {target.project} --billing-account=ACCOUNT"
    try:
        info = api.get("cloudbilling", f"v1/projects/{target.project}/billingInfo")
    except RefusedError as refusal:
        # The role to deploy does not include the bill; Terraform fails where there is no billing.
        return Line("billing", str(refusal), f"if there is none: {remedy}", needed=False)
    if not info.get("billingEnabled"):
        return Line("billing", "not enabled", remedy)
    return Line("billing", str(info.get("billingAccountName", "enabled")))


def billing_account(api: Google, project: str) -> str:
    """Return the id of a project's billing account. Raises RefusedError."""
    info = api.get("cloudbilling", f"v1/projects/{project}/billingInfo")
    return str(info.get("billingAccountName", "")).removeprefix("billingAccounts/")


def _roles(api: Google, target: Target) -> Line:
    try:
        held = api.post(
            "cloudresourcemanager",
            f"v3/projects/{target.project}:testIamPermissions",
            {"permissions": list(PERMISSIONS)},
        )
    except RefusedError as refusal:
        return Line("roles", str(refusal), "ask an owner of the project for roles/browser")
    missing = [name for name in PERMISSIONS if name not in held.get("permissions", [])]
    if not missing:
        return Line("roles", f"{api.account} may do all of it")
    roles = list(dict.fromkeys(PERMISSIONS[name] for name in missing))
    grants = "; ".join(
        f"gcloud projects add-iam-policy-binding {target.project} --member=MEMBER --role={role}"
        for role in roles
    )
    return Line("roles", f"{api.account} lacks {', '.join(missing)}", grants)


def needed_services(root: Path) -> dict[str, str]:
    """Return the purpose of each API that the cloud side needs, by the API's name."""
    purposes: dict[str, str] = json.loads((root / "terraform" / "services.json").read_text())
    return purposes


def disabled_services(api: Google, project: str, names: list[str]) -> list[str]:
    """Return those of the APIs that are not on. Raises RefusedError."""
    off = []
    for start in range(0, len(names), _AT_ONCE):
        some = [f"projects/{project}/services/{name}" for name in names[start : start + _AT_ONCE]]
        answer = api.get("serviceusage", f"v1/projects/{project}/services:batchGet", names=some)
        off += [
            service["name"].rpartition("/")[2]
            for service in answer.get("services", [])
            if service.get("state") != "ENABLED"
        ]
    return off


def _services(api: Google, target: Target, root: Path) -> Line:
    names = list(needed_services(root))
    try:
        off = disabled_services(api, target.project, names)
    except RefusedError as refusal:
        return Line("APIs", str(refusal), _enable(target, FIRST_SERVICES))
    if off:
        return Line(
            "APIs",
            f"{len(off)} of {len(names)} are off: {', '.join(off)}",
            f"nothing to do: make deploy turns them on. By hand: {_enable(target, off)}",
            needed=False,
        )
    return Line("APIs", f"all {len(names)} are on")


def _database(api: Google, target: Target) -> Line:
    name = f"database {target.database}"
    try:
        database = api.get("firestore", f"v1/projects/{target.project}/databases/{target.database}")
    except RefusedError as refusal:
        if refusal.status == 404 or refusal.reason == "SERVICE_DISABLED":  # noqa: PLR2004
            return Line(name, f"none yet; Terraform creates it in {target.location}")
        return Line(name, str(refusal), "ask an owner of the project for roles/datastore.viewer")
    kind, location = database.get("type"), database.get("locationId")
    edition = database.get("databaseEdition", "STANDARD")
    another = f"use another: make deploy PROJECT={target.project} DATABASE=tachograph"
    if kind != "FIRESTORE_NATIVE":
        return Line(name, f"{kind}; expected FIRESTORE_NATIVE", another)
    if edition != "STANDARD":
        return Line(name, f"{edition} edition; expected STANDARD", another)
    if location != target.location:
        there = f"make deploy PROJECT={target.project} LOCATION={location}"
        return Line(
            name,
            f"in {location}; asked for {target.location}, and it cannot be moved",
            f"go where it is: {there}; or {another}",
        )
    return Line(name, f"{kind} in {location}")


def _enable(target: Target, services: tuple[str, ...] | list[str]) -> str:
    return f"gcloud services enable {' '.join(services)} --project={target.project}"
