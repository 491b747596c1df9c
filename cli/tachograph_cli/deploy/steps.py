"""The steps of a deployment; the error of a step says what mends it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tachograph.errors import OperatorError
from tachograph_cli.deploy import bundle, hosting, installation, project, synthetic_task
from tachograph_cli.deploy.google import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from tachograph_cli.checklist import Line
    from tachograph_cli.deploy.google import Google
    from tachograph_cli.deploy.target import Target

APPLIES = 3
APPLY_PAUSE_S = 60.0
# Errors of a first apply that pass by themselves: roles that are not known everywhere yet, and
# overlapping changes to the indexes of one collection.
PASSES = re.compile(
    r"Eventarc Service Agent|underlying data changed|Error 409|has not been used in project",
    re.IGNORECASE,
)
PAGE = "dashboard/dist/index.html"
OVERRIDES = ("name", "region", "database", "location")


class StepError(OperatorError):
    """A step failed; the message names what failed and what mends it."""


@dataclass(frozen=True)
class Plan:
    """The checkout and the target of a deployment, and what its steps learn."""

    root: Path
    target: Target
    variables: tuple[str, ...] = ()
    """Further variables of Terraform, as NAME=VALUE."""
    email: str = ""
    """The address that alerts go to; empty: none is told."""
    budget: int = 0
    """The budget of a month, in the currency of the bill; 0: none."""
    say: Callable[[str], None] = print
    outputs: dict[str, Any] = field(default_factory=dict)
    """The outputs of earlier steps, for later ones."""


@dataclass(frozen=True)
class Step:
    """One step: its name, its description, and the function that takes it."""

    name: str
    does: str
    act: Callable[[Plan, Google], None]


def steps(plan: Plan, *, task: bool = True) -> list[Step]:
    """List the steps of this deployment, in their order."""
    name = plan.target.project
    notices = [Step("notices", f"tell {plan.email} of alerts, with a budget", _notices)]
    last = "and send a task through it" if task else "without sending a task"
    return [
        Step("services", f"turn on {' and '.join(project.FIRST_SERVICES)}", _services),
        Step("look", f"look at {name} and at this machine's tools", _look),
        Step("bundle", f"build {bundle.BUNDLE}", _bundle),
        *(notices if plan.email else []),
        Step("init", f"terraform init, workspace {_workspace(plan.target)}", _init),
        Step("adopt", f"take over database {plan.target.database} if it is there", _adopt),
        Step("apply", "terraform apply: database, rules, functions, triggers, alerts", _apply),
        Step(
            "firebase", "add Firebase: sign-in, a web app and a site for the dashboard", _firebase
        ),
        Step("hosting", f"firebase deploy --only hosting --project {name}", _hosting),
        Step("check", f"look at what stands, {last}", _check if task else _check_installation),
    ]


def _look(plan: Plan, api: Google) -> None:
    _need(plan, project.check(api, plan.target, plan.root))


def _services(plan: Plan, api: Google) -> None:
    off = project.disabled_services(api, plan.target.project, list(project.FIRST_SERVICES))
    if off:
        path = f"v1/projects/{plan.target.project}/services:batchEnable"
        api.wait("serviceusage", "v1", api.post("serviceusage", path, {"serviceIds": off}))


def _bundle(plan: Plan, _: Google) -> None:
    path = bundle.build(plan.root)
    plan.say(f"    {path}  sha256 {bundle.digest(path)[:16]}")
    if not (plan.root / PAGE).is_file():
        raise StepError("dashboard/dist: not built; build it with: make dashboard")


def _notices(plan: Plan, api: Google) -> None:
    project_id = plan.target.project
    variables = [f"project={project_id}", f"email={plan.email}", f"budget={plan.budget}"]
    if plan.budget:
        variables.append(f"billing_account={project.billing_account(api, project_id)}")
    folder = "terraform/notices"
    _terraform(plan, api, folder, "init", "-input=false")
    _terraform(plan, api, folder, "workspace", "select", "-or-create", _workspace(plan.target))
    _terraform(plan, api, folder, "apply", "-input=false", "-auto-approve", *_vars(variables))
    outputs = json.loads(_terraform(plan, api, folder, "output", "-json", quiet=True))
    plan.outputs["alert_channels"] = outputs["alert_channels"]["value"]


def _init(plan: Plan, api: Google) -> None:
    _terraform(plan, api, "terraform", "init", "-input=false")
    # One state for each project: two projects in one state would replace each other.
    _terraform(plan, api, "terraform", "workspace", "select", "-or-create", _workspace(plan.target))


def _adopt(plan: Plan, api: Google) -> None:
    target = plan.target
    try:
        api.get("firestore", f"v1/projects/{target.project}/databases/{target.database}")
    except RefusedError as refusal:
        if refusal.status == 404 or refusal.reason == "SERVICE_DISABLED":  # noqa: PLR2004
            return
        raise
    held = _terraform(plan, api, "terraform", "state", "list", quiet=True)
    if "google_firestore_database.fleets" not in held:
        name = f"projects/{target.project}/databases/{target.database}"
        arguments = [*_vars(_variables(plan)), "google_firestore_database.fleets", name]
        _terraform(plan, api, "terraform", "import", "-input=false", *arguments)


def _apply(plan: Plan, api: Google) -> None:
    arguments = ["apply", "-input=false", "-auto-approve", *_vars(_variables(plan))]
    for attempt in range(1, APPLIES + 1):
        try:
            _terraform(plan, api, "terraform", *arguments)
        except StepError as failure:
            if attempt == APPLIES or not PASSES.search(str(failure)):
                raise
            plan.say(f"    that passes: again in {APPLY_PAUSE_S:.0f} s ({attempt} of {APPLIES})")
            time.sleep(APPLY_PAUSE_S)
        else:
            return


def _firebase(plan: Plan, api: Google) -> None:
    for line in hosting.prepare(api, plan.target.project):
        plan.say(f"    {line}")


def _hosting(plan: Plan, api: Google) -> None:
    command = hosting.command(plan.root, plan.target.project)
    hosting.name_database(plan.root / PAGE, plan.target.database)
    _run(plan, api, command, plan.root, "log in with: npx firebase login, or " + _again(plan))


def _check(plan: Plan, api: Google) -> None:
    _check_installation(plan, api)
    _need(plan, [synthetic_task.run(plan.target)])


def _check_installation(plan: Plan, api: Google) -> None:
    _need(plan, installation.check(api, plan.target, plan.root))


def _need(plan: Plan, lines: Iterable[Line]) -> None:
    failing = []
    for line in lines:
        plan.say(f"    {line.mark:<2} {line.name}: {line.state}")
        if line.fails:
            failing.append(f"{line.name}: {line.state}; mend it with: {line.remedy}")
    if failing:
        raise StepError("\n".join(failing))


def _variables(plan: Plan) -> list[str]:
    overrides = [
        f"{name}={getattr(plan.target, name)}" for name in OVERRIDES if getattr(plan.target, name)
    ]
    channels = plan.outputs.get("alert_channels")
    notices = [f"alert_channels={json.dumps(channels)}"] if channels else []
    return [f"project={plan.target.project}", *overrides, *notices, *plan.variables]


def _vars(variables: Sequence[str]) -> list[str]:
    return [f"-var={variable}" for variable in variables]


def _workspace(target: Target) -> str:
    return f"{target.project}-{target.name}"


def _terraform(plan: Plan, api: Google, folder: str, *arguments: str, quiet: bool = False) -> str:
    remedy = f"see what it says above; then {_again(plan)}"
    return _run(plan, api, ["terraform", *arguments], plan.root / folder, remedy, quiet=quiet)


def _run(
    plan: Plan,
    api: Google,
    command: Sequence[str],
    folder: Path,
    remedy: str,
    *,
    quiet: bool = False,
) -> str:
    """Run a program under the same identity; pass its output on, and return it."""
    token = api.token()
    environment = {
        **os.environ,
        "GOOGLE_OAUTH_ACCESS_TOKEN": token,  # for Terraform's provider
        "CLOUDSDK_AUTH_ACCESS_TOKEN": token,  # for the gcloud that Terraform starts
        "USER_PROJECT_OVERRIDE": "true",  # some APIs want to know whose quota a person uses
        "GOOGLE_BILLING_PROJECT": plan.target.project,
        "TF_IN_AUTOMATION": "1",
    }
    printed = []
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout or ():
            printed.append(line)
            if not quiet:
                plan.say(f"    {line.rstrip()}")
    output = "".join(printed)
    if process.returncode:
        shown = " ".join(command[:3])
        raise StepError(f"{shown} ended with {process.returncode}; {remedy}\n{output[-2000:]}")
    return output


def _again(plan: Plan) -> str:
    return f"make deploy PROJECT={plan.target.project}"
