"""The checklist of an installation: functions, scheduler, rules, dashboard."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tachograph_cli.checklist import Line
from tachograph_cli.deploy.google import Google, Json, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tachograph_cli.deploy.target import Target

# functions.yaml is read without a YAML library: its rows are indented by two under endpoints.
_ROW = re.compile(r"^  ([a-z][a-z0-9-]*):\s*$", re.MULTILINE)


def endpoints(root: Path) -> list[str]:
    """Return the names of the rows of functions.yaml."""
    text = (root / "functions" / "functions.yaml").read_text()
    return _ROW.findall(text.partition("\nendpoints:")[2])


def installed(api: Google, target: Target) -> bool:
    """Tell whether the project has any function of this installation."""
    try:
        return bool(_functions_of(api, target))
    except RefusedError:
        return False


def check(api: Google, target: Target, root: Path) -> Iterator[Line]:
    """Check each part of the installation against the checkout at `root`."""
    yield _functions(api, target, root)
    yield _scheduler(api, target)
    yield _rules(api, target)
    yield _dashboard(api, target)


def _functions(api: Google, target: Target, root: Path) -> Line:
    again = f"make deploy PROJECT={target.project}"
    try:
        functions = _functions_of(api, target)
    except RefusedError as refusal:
        return Line("functions", str(refusal), again)
    by_name = {function["name"].rpartition("/")[2]: function for function in functions}
    expected = [f"{target.name}-{endpoint}" for endpoint in endpoints(root)]
    missing = [name for name in expected if name not in by_name]
    if missing:
        return Line("functions", f"not there: {', '.join(missing)}", again)
    for name in expected:
        trouble = _trouble(by_name[name])
        if trouble:
            logs = (
                f"gcloud functions logs read {name} --gen2 --region={target.functions_region} "
                f"--project={target.project}"
            )
            return Line("functions", f"{name}: {trouble}", f"read {logs}; then {again}")
    return Line("functions", f"{len(expected)} active in {target.functions_region}")


def _functions_of(api: Google, target: Target) -> list[Json]:
    functions: list[Json] = []
    page = ""
    while True:
        answer = api.get(
            "cloudfunctions",
            f"v2/projects/{target.project}/locations/{target.functions_region}/functions",
            filter=f"labels.tachograph:{target.name}",
            pageToken=page,
        )
        functions += answer.get("functions", [])
        page = answer.get("nextPageToken", "")
        if not page:
            return functions


def _trouble(function: Json) -> str:
    if function.get("state") != "ACTIVE":
        reason = "; ".join(message["message"] for message in function.get("stateMessages", []))
        return f"state {function.get('state')}{': ' if reason else ''}{reason}"
    trigger = function.get("eventTrigger")
    if trigger and trigger.get("retryPolicy") != "RETRY_POLICY_RETRY":
        return "its trigger does not retry: an error would lose the event"
    return ""


def _scheduler(api: Google, target: Target) -> Line:
    name = f"{target.name}-tick"
    path = f"v1/projects/{target.project}/locations/{target.functions_region}/jobs/{name}"
    again = f"make deploy PROJECT={target.project}"
    where = f"{name} --location={target.functions_region} --project={target.project}"
    try:
        job = api.get("cloudscheduler", path)
    except RefusedError as refusal:
        return Line("scheduler", str(refusal), again)
    if job.get("state") != "ENABLED":
        return Line(
            "scheduler", f"state {job.get('state')}", f"gcloud scheduler jobs resume {where}"
        )
    status = job.get("status", {})
    if status.get("code"):
        return Line(
            "scheduler",
            f"the last tick failed: {status.get('message') or status['code']}",
            f"gcloud scheduler jobs run {where}, and look again; docs/operations.md#tick-silent",
        )
    return Line("scheduler", f"last tick {job.get('lastAttemptTime', 'not yet')}")


def _rules(api: Google, target: Target) -> Line:
    release = "cloud.firestore" + ("" if target.database == "(default)" else f"/{target.database}")
    try:
        ruleset = api.get("firebaserules", f"v1/projects/{target.project}/releases/{release}")
    except RefusedError as refusal:
        return Line("rules", str(refusal), f"make deploy PROJECT={target.project}")
    return Line("rules", f"released {ruleset.get('updateTime', '')}")


def _dashboard(api: Google, target: Target) -> Line:
    remedy = f"make deploy PROJECT={target.project}"
    try:
        hosted = api.get(
            "firebasehosting", f"v1beta1/sites/{target.project}/channels/live/releases", pageSize=1
        )
    except RefusedError as refusal:
        return Line("dashboard", str(refusal), remedy)
    if not hosted.get("releases"):
        return Line("dashboard", "nothing is hosted", remedy)
    return Line("dashboard", f"https://{target.project}.web.app")
